"""Call each operation of Svix's API once with the examples of the document."""

from collections.abc import Callable
from typing import Any

from endpoints.models import Endpoint
from events.models import Event
from tests.deliveries.rows import make_attempt, make_delivery


def call_svix(call: Callable[..., Any], admin: str) -> None:
    """Call the operations on applications, event types, endpoints and messages, with the key of an admin."""
    call("v1.application.create", admin, "InFull")
    call("v1.application.create", admin, "InFull", query="?get_if_exists=true")
    call("v1.application.list", admin)
    call("v1.application.get", admin, ownerID="acme")
    call("v1.application.update", admin, "InFull", ownerID="acme")
    call("v1.application.patch", admin, "AnotherName", ownerID="acme")
    call("v1.application.delete", admin, ownerID="acme")
    call("v1.application.update", admin, "InFull", ownerID="acme")
    name: Any = {"eventTypeName": "order.paid"}
    for example in ("TheLeast", "InFull"):
        call("v1.event-type.create", admin, example)
        call("v1.event-type.delete", admin, query="?expunge=true", **name)
    call("v1.event-type.update", admin, "InFull", **name)
    call("v1.event-type.update", admin, "InFull", **name)
    call("v1.event-type.patch", admin, "AnotherDescription", **name)
    call("v1.event-type.get", admin, **name)
    call("v1.event-type.list", admin, query="?with_content=true&limit=1&iterator=name_order.p")
    for example in ("OnlyLook", "Import"):
        call("v1.event-type.import-openapi", admin, example)
    orders: Any = {"ownerID": "acme", "endpointID": "orders"}
    call("v1.endpoint.create", admin, "InFull", ownerID="acme")
    call("v1.endpoint.list", admin, ownerID="acme")
    call("v1.endpoint.get", admin, **orders)
    call("v1.endpoint.update", admin, "InFull", **orders)
    call("v1.endpoint.patch", admin, "AnotherURL", **orders)
    call("v1.endpoint.get-secret", admin, **orders)
    for example in ("Defaults", "OneOfYourOwnAtOnce"):
        call("v1.endpoint.rotate-secret", admin, example, **orders)
    call("v1.endpoint.update-headers", admin, "None", **orders)
    call("v1.endpoint.update-headers", admin, "One", **orders)
    call("v1.endpoint.patch-headers", admin, "OneMoreOneLess", **orders)
    credentials = {"headers": {"X-Tenant": "acme", "Authorization": "Bearer x"}}
    call("v1.endpoint.update-headers", admin, "One", changes=credentials, **orders)
    call("v1.endpoint.get-headers", admin, **orders)
    call("v1.endpoint.get-stats", admin, **orders)
    call("v1.endpoint.get-attempt-stats", admin, **orders)
    call_messages(call, admin)
    call("v1.endpoint.delete", admin, **orders)
    call("v1.endpoint.update", admin, "InFull", **orders)
    call("v1.endpoint.create", admin, "ByItsURL", ownerID="acme")


def call_messages(call: Callable[..., Any], admin: str) -> None:
    """Call the operations on the messages of acme, which has the endpoint orders."""
    orders: Any = {"ownerID": "acme", "endpointID": "orders"}
    Endpoint.objects.filter(external_id="orders").update(status="active")
    call("v1.message.create", admin, "WithItsApplication", ownerID="acme")
    call("v1.message.create", admin, "InFull", ownerID="acme")
    message = {"ownerID": "acme", "eventID": "invoice-991-paid"}
    call("v1.message.list", admin, query="?limit=1", ownerID="acme")
    call("v1.message.get", admin, **message)
    call("v1.message.precheck", admin, "InFull", ownerID="acme")
    endpoint = Endpoint.objects.get(external_id="orders")
    event = Event.objects.get(external_id="invoice-991-paid")
    delivery = make_delivery(endpoint, "Success", event=event)
    attempt = {**message, "deliveryAttemptID": make_attempt(delivery).uid}
    call("v1.message-attempt.list-by-msg", admin, **message)
    call("v1.message-attempt.list-by-endpoint", admin, query="?limit=1", **orders)
    call("v1.message-attempt.list-attempted-messages", admin, query="?limit=1", **orders)
    call("v1.message-attempt.list-attempted-destinations", admin, query="?limit=1", **message)
    call("v1.message-attempt.get", admin, **attempt)
    call("v1.message-attempt.resend", admin, **message, endpointID="orders")
    call("v1.message-attempt.expunge-content", admin, **attempt)
    call("v1.message.expunge-content", admin, **message)
    call("v1.endpoint.send-example", admin, "ByItsType", **orders)
    call("v1.endpoint.recover", admin, "ADay", **orders)
    call("v1.endpoint.replay-missing", admin, "ADay", **orders)
    task = call("v1.endpoint.bulk-replay", admin, "TheFailedOnesOfADay", **orders)["id"]
    call("v1.background-task.list", admin, query="?limit=1")
    call("v1.background-task.get", admin, taskID=task)
