"""Lists of deliveries by what few of them have, or none: found by other ways, and the same."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from endpoints.models import Endpoint
from events import reads
from projects.models import Project
from tests.conftest import API
from tests.deliveries.rows import make_delivery, make_event

MakeEndpoint = Callable[..., Endpoint]
Listed = Callable[[str], list[str]]


@pytest.fixture
def listed(api: API, project: Project) -> Listed:
    """Returns the ids of the deliveries that a query chooses."""

    def read(query: str) -> list[str]:
        answer = api.get(f"/projects/{project.uid}/eventdeliveries?{query}")
        return [row["uid"] for row in answer.data["content"]]

    return read


@pytest.mark.parametrize("most", [0, 1, 2, 1000])
def test_a_type_however_many_events_have_it(
    listed: Listed, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(reads, "RARE_AT_MOST", most)
    endpoint = make_endpoint()
    events = [make_event(endpoint.project_id, event_type=name) for name in ("rare", "rare", "other")]
    made = [make_delivery(endpoint, event=event) for event in (*events, events[0])]
    assert listed("eventType=rare") == [made[3].uid, made[1].uid, made[0].uid]
    assert listed("eventType=other") == [made[2].uid]
    assert listed("eventType=none") == []


def test_states_of_the_queue_and_texts_that_are_none(listed: Listed, make_endpoint: MakeEndpoint) -> None:
    endpoint = make_endpoint()
    due = make_delivery(endpoint)
    parked = make_delivery(endpoint, is_parked=True)
    sending = make_delivery(endpoint, "Processing", due_at=timezone.now())
    failed = make_delivery(endpoint, "Failure")
    assert listed("status=Scheduled") == [parked.uid, due.uid]
    assert listed("status=Processing") == [sending.uid]
    assert listed("status=Scheduled&status=Processing") == [sending.uid, parked.uid, due.uid]
    assert listed("status=Scheduled&status=Failure") == [failed.uid, parked.uid, due.uid]
    assert listed("status=none") == []
    assert listed("status=none&status=Failure") == [failed.uid]


def test_a_subscription_of_another_project(listed: Listed, make_endpoint: MakeEndpoint, other_project: Project) -> None:
    own, foreign = make_delivery(make_endpoint()), make_delivery(make_endpoint(project_id=other_project.uid))
    assert listed(f"subscriptionId={own.subscription_id}") == [own.uid]
    assert listed(f"subscriptionId={foreign.subscription_id}") == []
    assert listed("subscriptionId=none") == []


@pytest.mark.parametrize("name", ["X-Broker-Message-Id", "x-broker-message-id"])
def test_a_message_of_a_broker(
    listed: Listed, api: API, project: Project, make_endpoint: MakeEndpoint, other_project: Project, name: str
) -> None:
    endpoint = make_endpoint()
    event = make_event(project.uid, headers={name: ["m1"]})
    make_event(other_project.uid, headers={name: ["m1"]})
    made = make_delivery(endpoint, event=event)
    make_delivery(endpoint)
    assert listed("brokerMessageId=m1") == [made.uid]
    assert listed("brokerMessageId=m2") == []
    found = api.get(f"/projects/{project.uid}/events?brokerMessageId=m1").data["content"]
    assert [row["uid"] for row in found] == [event.uid]
