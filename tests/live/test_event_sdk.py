"""convoy-python 1.0.0a1, the official client, with events, against the running server."""

from collections.abc import Iterator
from typing import Any

import pytest
from convoy import AuthenticatedClient
from convoy.api.events import (
    batch_replay_events,
    count_affected_events,
    create_broadcast_event,
    create_dynamic_event,
    create_endpoint_event,
    create_endpoint_fanout_event,
    get_endpoint_event,
    get_events_paged,
    replay_endpoint_event,
)
from convoy.models import (
    GetEventsPagedDirection,
    ModelsBroadcastEvent,
    ModelsCreateEvent,
    ModelsCreateEventCustomHeadersType0,
    ModelsDynamicEvent,
    ModelsFanoutEvent,
)

from tests.live.conftest import LiveProject
from tests.live.test_sdk import connect, data, refusal, walk

PAYLOAD = {"invoice": 991, "amount": "12.50", "lines": [{"n": 1}]}


@pytest.fixture
def convoy(project: LiveProject) -> Iterator[AuthenticatedClient]:
    """The client with a project's key."""
    with connect(project.server, project.key) as client:
        yield client


@pytest.fixture
def endpoint(project: LiveProject) -> str:
    """An endpoint of acme's."""
    return project.make_endpoint(owner_id="acme")


def said(**fields: Any) -> dict[str, Any]:
    return {"event_type": "invoice.paid", "data": PAYLOAD} | fields


def test_an_event_there_and_back(project: LiveProject, convoy: AuthenticatedClient, endpoint: str) -> None:
    headers = ModelsCreateEventCustomHeadersType0.from_dict({"X-Tenant": "acme"})
    body = ModelsCreateEvent(**said(endpoint_id=endpoint, custom_headers=headers, idempotency_key="key"))
    created = data(create_endpoint_event.sync_detailed(project.uid, client=convoy, body=body), 201)
    uid = created.to_dict()["uid"]
    event = data(get_endpoint_event.sync_detailed(project.uid, uid, client=convoy), 200)
    assert (event.uid, event.event_type, event.project_id) == (uid, "invoice.paid", project.uid)
    assert (event.endpoints, event.status, event.idempotency_key) == ([endpoint], "Success", "key")
    assert event.data.to_dict() == PAYLOAD
    assert event.headers.to_dict() == {"X-Tenant": ["acme"]}
    assert event.is_duplicate_event is False

    again = data(create_endpoint_event.sync_detailed(project.uid, client=convoy, body=body), 201)
    duplicate = data(get_endpoint_event.sync_detailed(project.uid, again.to_dict()["uid"], client=convoy), 200)
    assert duplicate.is_duplicate_event is True

    replayed = data(replay_endpoint_event.sync_detailed(project.uid, uid, client=convoy), 200)
    assert replayed.uid == uid
    counted = data(count_affected_events.sync_detailed(project.uid, client=convoy, endpoint_id=[endpoint]), 200)
    assert counted.num == 1
    batch = batch_replay_events.sync_detailed(project.uid, client=convoy, idempotency_key="key")
    assert batch.parsed is not None
    assert (batch.status_code, batch.parsed.message) == (200, "1 successful, 0 failed")


def test_events_for_many(project: LiveProject, convoy: AuthenticatedClient, endpoint: str) -> None:
    first = ModelsCreateEvent(**said(endpoint_id=endpoint))
    create_endpoint_event.sync_detailed(project.uid, client=convoy, body=first)
    fanout = ModelsFanoutEvent(**said(owner_id="acme"))
    broadcast = ModelsBroadcastEvent(**said())
    dynamic = ModelsDynamicEvent(**said(url="https://dynamic.example.com/in", secret="secret"))
    uids = [
        data(create_endpoint_fanout_event.sync_detailed(project.uid, client=convoy, body=fanout), 201).to_dict()["uid"],
        data(create_broadcast_event.sync_detailed(project.uid, client=convoy, body=broadcast), 201).uid,
        data(create_dynamic_event.sync_detailed(project.uid, client=convoy, body=dynamic), 201).to_dict()["uid"],
    ]
    for uid in uids:
        assert data(get_endpoint_event.sync_detailed(project.uid, uid, client=convoy), 200).status == "Success"


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_pages_there_and_back(project: LiveProject, convoy: AuthenticatedClient, endpoint: str, rows: int) -> None:
    made = []
    for _ in range(rows):
        body = ModelsCreateEvent(**said(endpoint_id=endpoint))
        made.append(data(create_endpoint_event.sync_detailed(project.uid, client=convoy, body=body), 201).to_dict())

    def events(**query: Any) -> Any:
        return get_events_paged.sync_detailed(project.uid, client=convoy, per_page=3, **query)

    assert walk(events, GetEventsPagedDirection.PREV) == [event["uid"] for event in made[::-1]]


def test_refusals(project: LiveProject, convoy: AuthenticatedClient, endpoint: str) -> None:
    def create(**fields: Any) -> tuple[int, str]:
        body = ModelsCreateEvent(**said(**fields))
        return refusal(create_endpoint_event.sync_detailed(project.uid, client=convoy, body=body))

    assert create() == (400, "please provide an endpoint ID")
    assert create(endpoint_id="nope") == (400, "endpoint not found")
    headers = ModelsCreateEventCustomHeadersType0.from_dict({"host": "elsewhere"})
    assert create(endpoint_id=endpoint, custom_headers=headers)[0] == 400
    unknown = get_endpoint_event.sync_detailed(project.uid, "unknown", client=convoy)
    assert refusal(unknown) == (404, "event not found")
    assert refusal(replay_endpoint_event.sync_detailed(project.uid, "unknown", client=convoy)) == (
        400,
        "event not found",
    )
    assert refusal(get_events_paged.sync_detailed(project.uid, client=convoy, start_date="2026-01-02"))[0] == 400
