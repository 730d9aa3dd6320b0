"""Nahook's part of test_openapi_examples.py."""

from typing import Any

from django.utils import timezone

from applications.models import Application
from endpoints.models import Endpoint
from events.models import EventDelivery
from projects.keys import MANAGEMENT_PREFIX, SENDING_PREFIX
from projects.models import EventType, Project
from projects.operations import create_api_key
from tests.conftest import Role
from tests.deliveries.rows import make_attempt

#: An item of a batch that is refused.
WRONG_TYPE = {"eventType": "not valid", "payload": {}}


def nahook(call: Any, project: Project) -> None:
    """A workspace's life, by the request examples of the document."""
    manager = create_api_key(name="m", role=Role.PROJECT_ADMIN, project=project, prefix=MANAGEMENT_PREFIX)[1]
    sender = create_api_key(name="s", role=Role.PROJECT_ADMIN, project=project, prefix=SENDING_PREFIX)[1]
    Application.objects.all().delete()
    Endpoint.objects.all().update(deleted_at=timezone.now())
    EventType.objects.filter(project=project).delete()
    ws = {"projectID": project.uid}
    call("CreateNahookApplication", manager, "InFull", **ws)
    acme = ws | {"ownerID": "acme"}
    for name in ("ListNahookApplications", "GetNahookApplication"):
        call(name, manager, **acme)
    call("UpdateNahookApplication", manager, "AnotherName", **acme)
    endpoint = call("CreateNahookApplicationEndpoint", manager, "AnEndpoint", **acme)["id"]
    call("ListNahookApplicationEndpoints", manager, **acme)
    one = ws | {"endpointID": endpoint}
    call("GetNahookEndpoint", manager, **one)
    call("ListNahookEndpoints", manager, **ws)
    kind = call("CreateNahookEventType", manager, "AnEventType", **ws)["id"]
    call("ListNahookEventTypes", manager, **ws)
    call("CreateNahookSubscriptions", manager, "ById", changes={"eventTypeIds": [kind]}, **one)
    call("ListNahookSubscriptions", manager, **one)
    call("TriggerNahookEvent", sender, "WithMetadata", eventType="order.paid")
    call("TriggerNahookBatch", sender, "One")
    call(
        "TriggerNahookBatch", sender, "One", changes={"items": [{"eventType": "order.paid", "payload": {}}, WRONG_TYPE]}
    )
    uid = call("SendNahookPayload", sender, "WithAKey", endpointID=endpoint)["deliveryId"]
    item = {"endpointId": endpoint, "payload": {}}
    call("SendNahookBatch", sender, "One", changes={"items": [item]})
    call("SendNahookBatch", sender, "One", changes={"items": [item, item | {"endpointId": "ep_nobody"}]})
    call("ListNahookDeliveries", manager, query="?limit=1&status=pending", **one)
    delivery = ws | {"eventDeliveryID": uid}
    call("GetNahookDelivery", manager, **delivery)
    row = EventDelivery.objects.get(pk=uid.removeprefix("del_"))
    make_attempt(row, http_status="200 OK", status=True, responded_at=timezone.now())
    call("ListNahookDeliveryAttempts", manager, **delivery)
    event_type = ws | {"eventTypeId": kind}
    call("GetNahookEventType", manager, **event_type)
    call("UpdateNahookEventType", manager, "AnotherDescription", **event_type)
    environment = ws | {"environmentID": "env_default"}
    call("ListNahookEnvironments", manager, **ws)
    call("GetNahookEnvironment", manager, **environment)
    call("ListNahookEventTypeVisibility", manager, **environment)
    call("SetNahookEventTypeVisibility", manager, "Published", **environment | event_type)
    call("DeleteNahookSubscription", manager, **one | event_type)
    call("DeleteNahookEventType", manager, **event_type)
    call("UpdateNahookEndpoint", manager, "APause", **one)
    call("DeleteNahookEndpoint", manager, **one)
    call("CreateNahookEndpoint", manager, "AnEndpoint", **ws)
    call("DeleteNahookApplication", manager, **acme)
