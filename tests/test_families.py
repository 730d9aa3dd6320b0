"""An object made by the calls of Convoy, Svix or Nahook is seen by those of the other two, and in the portal."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from events.models import Event, EventDelivery
from projects.keys import MANAGEMENT_PREFIX, PREFIX, SENDING_PREFIX
from projects.models import Project
from projects.operations import create_api_key
from tests.conftest import Role, Row
from tests.portal_links.calls import call

OWNER, TYPE, URL = "acme", "order.paid", "https://hooks.example.com/in"
PAYLOAD = {"total": 12}


class Calls:
    """The calls of the three families and of the portal, on one project."""

    def __init__(self, project: Project) -> None:
        self.keys = {
            prefix: create_api_key(name=prefix, role=Role.PROJECT_ADMIN, project=project, prefix=prefix)[1]
            for prefix in (PREFIX, MANAGEMENT_PREFIX, SENDING_PREFIX)
        }
        self.convoys = f"/api/v1/projects/{project.uid}"
        self.nahooks = f"/management/v1/workspaces/{project.uid}"

    def call(self, method: str, path: str, body: Any = None, *, prefix: str = PREFIX, token: str = "") -> Any:
        reply = call(method, path, body, Authorization=f"Bearer {token or self.keys[prefix]}")
        assert reply.status < 300, (path, reply.json)
        return reply.json

    def convoy(self, method: str, path: str, body: Any = None) -> Any:
        return self.call(method, f"{self.convoys}/{path}", body)["data"]

    def svix(self, method: str, path: str, body: Any = None) -> Any:
        return self.call(method, f"/api/v1/{path}", body)

    def nahook(self, method: str, path: str, body: Any = None) -> Any:
        return self.call(method, f"{self.nahooks}/{path}", body, prefix=MANAGEMENT_PREFIX)

    def portal(self, path: str) -> Any:
        token = self.svix("POST", f"auth/app-portal-access/{OWNER}")["token"]
        return self.call("GET", f"/portal-api/{path}", token=token)["data"]


def by_convoy(calls: Calls) -> None:
    calls.convoy("POST", "event-types", {"name": TYPE, "category": "orders", "description": "Paid"})
    endpoint = calls.convoy("POST", "endpoints", {"name": "In", "url": URL, "owner_id": OWNER})["uid"]
    config = {"event_types": [TYPE]}
    calls.convoy("POST", "subscriptions", {"name": "In", "endpoint_id": endpoint, "filter_config": config})
    calls.convoy("POST", "events/fanout", {"owner_id": OWNER, "event_type": TYPE, "data": PAYLOAD})


def by_svix(calls: Calls) -> None:
    calls.svix("POST", "app", {"name": "Acme", "uid": OWNER})
    calls.svix("POST", "event-type", {"name": TYPE, "description": "Paid", "groupName": "orders"})
    calls.svix("POST", f"app/{OWNER}/endpoint", {"url": URL, "filterTypes": [TYPE]})
    calls.svix("POST", f"app/{OWNER}/msg", {"eventType": TYPE, "payload": PAYLOAD})


def by_nahook(calls: Calls) -> None:
    application = calls.nahook("POST", "applications", {"name": "Acme", "externalId": OWNER})["id"]
    kind = calls.nahook("POST", "event-types", {"name": TYPE, "description": "Paid"})["id"]
    endpoint = calls.nahook("POST", f"applications/{application}/endpoints", {"url": URL})["id"]
    calls.nahook("POST", f"endpoints/{endpoint}/subscriptions", {"eventTypeIds": [kind]})
    calls.call("POST", f"/api/ingest/event/{TYPE}", {"payload": PAYLOAD}, prefix=SENDING_PREFIX)


class Seen(NamedTuple):
    """Event types, endpoints, and either events or deliveries that a reader sees, by ids without a prefix."""

    types: list[str]
    endpoints: list[tuple[str, str]]
    sent: list[str]


def bare(text: str) -> str:
    return text.rpartition("_")[2]


def convoy_sees(calls: Calls) -> Seen:
    return Seen(
        [row["name"] for row in calls.convoy("GET", "event-types") if row["name"] != "*"],
        [(row["uid"], row["url"]) for row in calls.convoy("GET", f"endpoints?ownerId={OWNER}")["content"]],
        [row["uid"] for row in calls.convoy("GET", "eventdeliveries")["content"]],
    )


def svix_sees(calls: Calls) -> Seen:
    return Seen(
        [row["name"] for row in calls.svix("GET", "event-type")["data"]],
        [(bare(row["id"]), row["url"]) for row in calls.svix("GET", f"app/{OWNER}/endpoint")["data"]],
        [bare(row["id"]) for row in calls.svix("GET", f"app/{OWNER}/msg")["data"] if row["payload"] == PAYLOAD],
    )


def nahook_sees(calls: Calls) -> Seen:
    endpoints = calls.nahook("GET", f"applications/{OWNER}/endpoints")
    return Seen(
        [row["name"] for row in calls.nahook("GET", "event-types") if row["name"] != "*"],
        [(bare(row["id"]), row["url"]) for row in endpoints],
        [
            bare(row["id"])
            for endpoint in endpoints
            for row in calls.nahook("GET", f"endpoints/{endpoint['id']}/deliveries")["deliveries"]
        ],
    )


def portal_sees(calls: Calls) -> Seen:
    return Seen(
        [row["name"] for row in calls.portal("event-types") if row["name"] != "*"],
        [(row["uid"], row["url"]) for row in calls.portal("endpoints")["content"]],
        [row["uid"] for row in calls.portal("eventdeliveries")["content"]],
    )


READERS: dict[str, Callable[[Calls], Seen]] = {
    "Convoy": convoy_sees,
    "Svix": svix_sees,
    "Nahook": nahook_sees,
    "the portal": portal_sees,
}


@pytest.mark.slow
@pytest.mark.parametrize("make", [by_convoy, by_svix, by_nahook])
def test_all_see_what_one_has_made(project: Project, row: Row, make: Callable[[Calls], None]) -> None:
    calls = Calls(project)
    make(calls)
    delivery = EventDelivery.objects.get()
    for name, sees in READERS.items():
        with row(name):
            sent = delivery.event_id if name == "Svix" else delivery.uid
            assert sees(calls) == Seen([TYPE], [(str(delivery.endpoint_id), URL)], [sent])


@pytest.mark.parametrize("make", [by_convoy, by_svix, by_nahook])
def test_both_see_the_application(project: Project, make: Callable[[Calls], None]) -> None:
    """Convoy's calls make none: an owner that has endpoints is shown as one."""
    calls = Calls(project)
    make(calls)
    named = OWNER if make is by_convoy else "Acme"
    seen = calls.svix("GET", f"app/{OWNER}")
    assert (seen["uid"], seen["name"]) == (OWNER, named)
    seen = calls.nahook("GET", f"applications/{OWNER}")
    assert (seen["externalId"], seen["name"]) == (OWNER, named)


def test_what_one_changes_the_others_see_changed(project: Project) -> None:
    calls = Calls(project)
    by_svix(calls)
    [(endpoint, _)] = svix_sees(calls).endpoints
    calls.nahook("PATCH", f"endpoints/{endpoint}", {"isActive": False})
    assert calls.svix("GET", f"app/{OWNER}/endpoint/{endpoint}")["disabled"] is True
    calls.svix("PATCH", f"app/{OWNER}/endpoint/{endpoint}", {"url": f"{URL}/2"})
    assert calls.convoy("GET", f"endpoints/{endpoint}")["url"] == f"{URL}/2"
    calls.nahook("PATCH", f"applications/{OWNER}", {"metadata": {"plan": "gold"}})
    assert calls.svix("GET", f"app/{OWNER}")["metadata"] == {"plan": "gold"}
    calls.svix("DELETE", f"app/{OWNER}/msg/{Event.objects.get().uid}/content")
    [event] = calls.convoy("GET", "events")["content"]
    assert event["data"] == {}
    calls.convoy("DELETE", f"endpoints/{endpoint}")
    assert svix_sees(calls).endpoints == nahook_sees(calls).endpoints == portal_sees(calls).endpoints == []
