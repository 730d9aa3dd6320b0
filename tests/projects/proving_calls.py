"""The calls whose callers a process may remember: one or more for each handler that proves its caller."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from activity.models import Activity
from applications.exceptions import ApplicationNotFound
from applications.operations import create_application
from endpoints.exceptions import EndpointNotFound
from endpoints.operations import create_endpoint
from events.models import Event, EventDelivery
from nahook_api.base import KeyNotValid
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link
from projects.exceptions import OwnerKey, ReadOnlyKey
from projects.models import Project
from subscriptions.operations import create_subscription
from svix_api.base import TokenNotValid
from tests.conftest import Answer

Refusal = tuple[int, str]

#: The calls whose paths name a project, and those that work in the key's; each begins with its view and method.
IN_A_PATH = ["Events POST", "FanoutEvents POST", "PortalLinks POST", "PortalLinkDetail GET"]
OF_A_KEY = [
    "Messages POST",
    "Messages POST by an id",
    "Messages POST with its application",
    "SendToEndpoint POST",
    "SendToEndpoint POST, repeated",
]


class Call(NamedTuple):
    """A call that succeeds, and how it is refused once its key has changed."""

    method: str
    path: str
    body: Any
    #: Its own statements once the caller is remembered.
    statements: list[str]
    unauthorized: Refusal = (401, "authorization failed")
    #: Where the key is bound to an owner.
    bound: Refusal = (403, OwnerKey.message)
    #: Where the key belongs to another project; None where the call succeeds there.
    elsewhere: Refusal | None = (404, "project not found")


def calls(project: Project) -> dict[str, Call]:
    """Return the calls by their names."""
    root = f"/api/v1/projects/{project.uid}"
    link = create_portal_link(project.uid, name="Acme", owner_id="acme").link
    new = {"name": "Acme", "owner_id": "acme"}
    endpoint = create_endpoint(project.uid, url="https://example.com/hook", name="Globex", owner_id="globex")
    create_subscription(project.uid, name="All", endpoint_id=endpoint.uid)
    event = {"endpoint_id": endpoint.uid, "event_type": "order.paid", "data": {"id": 1}}
    fanout = {"owner_id": "globex", "event_type": "order.paid", "data": {"id": 1}}
    application = create_application(project.uid, owner_id="globex", name="Globex")
    message = {"eventType": "order.paid", "payload": {"id": 1}}
    ours = message | {"application": {"name": "Globex", "uid": "globex"}}
    taken, named = ["WITH projects_project"], ["WITH applications_application"]
    svix: Any = {
        "unauthorized": (401, TokenNotValid.message),
        "bound": (403, ReadOnlyKey.message),
        "elsewhere": (404, ApplicationNotFound.message),
    }
    nahook = svix | {"unauthorized": (401, KeyNotValid.message), "elsewhere": (404, EndpointNotFound.message)}
    send = f"/api/ingest/ep_{endpoint.uid}"
    return {
        "PortalLinks POST": Call("POST", f"{root}/portal-links", new, ["WITH portal_links_portallink"]),
        "PortalLinkDetail GET": Call(
            "GET", f"{root}/portal-links/{link.uid}", None, ["SELECT portal_links_portallink"]
        ),
        "Events POST": Call("POST", f"{root}/events", event, taken),
        "FanoutEvents POST": Call("POST", f"{root}/events/fanout", fanout, taken),
        "Messages POST": Call("POST", "/api/v1/app/globex/msg", message, taken, **svix),
        "Messages POST by an id": Call("POST", f"/api/v1/app/{application.public_id}/msg", message, named, **svix),
        "Messages POST with its application": Call(
            "POST",
            "/api/v1/app/globex/msg",
            ours,
            ["SELECT applications_application", *taken],
            **svix | {"elsewhere": None},
        ),
        "SendToEndpoint POST": Call("POST", send, {"payload": {}}, taken, **nahook),
        "SendToEndpoint POST, repeated": Call(
            "POST", send, {"payload": {}, "idempotencyKey": "k"}, [*taken, "SELECT events_eventdelivery"], **nahook
        ),
    }


def refusal(answer: Answer) -> Refusal:
    """Return the status and the message of a refusal in the shape of any API."""
    if "detail" in answer.json:
        return answer.status, answer.json["detail"]
    if "error" in answer.json:
        return answer.status, answer.json["error"]["message"]
    return answer.error


@contextmanager
def nothing_is_made() -> Iterator[None]:
    """Check that the block stores nothing that a call makes."""
    made = (PortalLink, Activity, PortalSession, Event, EventDelivery)
    before = [list(model.objects.values()) for model in made]
    yield
    assert [list(model.objects.values()) for model in made] == before
