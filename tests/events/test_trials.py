"""POST /api/v1/projects/{projectID}/endpoints/{endpointID}/test"""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from endpoints.models import Endpoint
from endpoints.operations import expire_secret, pause_endpoint
from events.models import Event, EventDelivery
from projects.models import EventType, Project
from tests.conftest import API, Row
from tests.events.conftest import MakeSubscription, Post, deliveries, newest
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements

MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def test_path(project: Project, endpoint: Endpoint) -> str:
    return f"/projects/{project.uid}/endpoints/{endpoint.uid}/test"


@pytest.fixture
def call(test_path: str) -> Call:
    return lambda api: api.post(test_path, {"event_type": "a"})


def test_what_is_stored(api: API, test_path: str, endpoint: Endpoint, subscribe: MakeSubscription) -> None:
    subscription = subscribe(endpoint, {"another.type": {}})
    answer = api.post(test_path, {"event_type": "invoice.paid", "data": {"amount": "12.50"}})
    event, [delivery] = newest(), deliveries()
    assert answer.status == 201
    assert answer.json == {
        "status": True,
        "message": "Test event queued successfully",
        "data": {"uid": event.uid, "event_delivery_id": delivery.uid},
    }
    assert (event.channel, event.event_type, event.endpoints) == ("test", "invoice.paid", [endpoint.uid])
    assert (event.data, event.status, event.idempotency_key) == ('{"amount":"12.50"}', "Success", "")
    assert (delivery.test, delivery.status, delivery.retry_limit) == ("test", "Scheduled", 1)
    assert (delivery.endpoint_id, delivery.subscription_id) == (endpoint.uid, subscription.uid)
    assert delivery.due_at == delivery.next_send_time


def test_the_payload_is_kept_byte_for_byte(api: API, test_path: str) -> None:
    api.post(test_path, {"event_type": "a", "data": orjson.Fragment(b'{"b": 1.50,"a":"\\u00e9"}')})
    assert newest().data == '{"b":1.50,"a":"\\u00e9"}'


def test_without_a_payload_it_is_an_example_of_the_schema(api: API, test_path: str, project: Project) -> None:
    schema = {"type": "object", "properties": {"total": {"type": "number", "examples": [249.5]}}}
    EventType.objects.create(project=project, name="order.created", json_schema=schema)
    api.post(test_path, {"event_type": "order.created"})
    assert newest().data == '{"total":249.5}'
    api.post(test_path, {"event_type": "unknown"})
    assert newest().data == '{"message":"This is a test event."}'


def test_it_goes_whatever_the_endpoint_is(
    api: API, test_path: str, project: Project, endpoint: Endpoint, row: Row
) -> None:
    """Neither a subscription nor an active endpoint is needed: a customer tests it before it is enabled."""
    for status in ("active", "paused", "inactive"):
        with row(status):
            Endpoint.objects.filter(pk=endpoint.pk).update(status=status)
            assert api.post(test_path, {"event_type": "a"}).status == 201
            [delivery] = deliveries()
            assert (delivery.status, delivery.subscription_id) == ("Scheduled", "")


def test_a_project_with_a_header_of_its_own_for_keys(api: API, test_path: str, configure: Callable[..., None]) -> None:
    configure(request_id_header="X-Acme-Key")
    api.post(test_path, {"event_type": "a"})
    assert newest().idempotency_key == newest().uid


class TestRehearsal:
    def test_during_an_overlap(self, api: API, test_path: str, project: Project, endpoint: Endpoint) -> None:
        expire_secret(project.uid, endpoint.uid, expiration=1)
        assert api.post(test_path, {"event_type": "a", "rehearsal": True}).status == 201
        assert [delivery.test for delivery in deliveries()] == ["rehearsal"]

    def test_without_an_overlap(self, api: API, test_path: str, project: Project, endpoint: Endpoint) -> None:
        with nothing_changes():
            answer = api.post(test_path, {"event_type": "a", "rehearsal": True})
        assert answer.error == (400, "there is no rotation to rehearse: the endpoint has one live secret")
        # A rotation without an overlap leaves one live secret.
        expire_secret(project.uid, endpoint.uid, expiration=0)
        assert api.post(test_path, {"event_type": "a", "rehearsal": True}).status == 400


class TestApart:
    """A test event is shown with the deliveries, and is otherwise no event of the project's."""

    @pytest.fixture
    def event(self, api: API, test_path: str) -> Event:
        api.post(test_path, {"event_type": "a"})
        return newest()

    def test_it_is_not_listed(self, api: API, path: str, event: Event, post: Post, endpoint: Endpoint) -> None:
        post(endpoint_id=endpoint.uid)
        listed = [row["uid"] for row in api.get(path).data["content"]]
        assert listed == [newest().uid]
        assert api.get(f"{path}/{event.uid}").data["uid"] == event.uid

    def test_it_is_not_counted_or_replayed(self, api: API, path: str, event: Event) -> None:
        assert api.get(f"{path}/countbatchreplayevents").data == {"num": 0}
        assert api.post(f"{path}/batchreplay").json["message"] == "0 successful, 0 failed"
        with nothing_changes():
            assert api.put(f"{path}/{event.uid}/replay").error == (400, "event not found")

    def test_its_delivery_is_listed(self, api: API, project: Project, event: Event) -> None:
        [delivery] = api.get(f"/projects/{project.uid}/eventdeliveries").data["content"]
        assert delivery["event_id"] == event.uid

    def test_other_endpoints_get_nothing(
        self, api: API, test_path: str, make_endpoint: MakeEndpoint, subscribe: MakeSubscription, endpoint: Endpoint
    ) -> None:
        subscribe(make_endpoint(owner_id="acme"))
        api.post(test_path, {"event_type": "a"})
        assert set(EventDelivery.objects.values_list("endpoint_id", flat=True)) == {endpoint.uid}


BAD: dict[str, tuple[Any, str]] = {
    "no type": ({}, "event_type:please provide an event type"),
    "a blank type": ({"event_type": ""}, "event_type:please provide an event type"),
    "a rehearsal that is a word": (
        {"event_type": "a", "rehearsal": "yes"},
        'body contains incorrect JSON type for field "rehearsal"',
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(api: API, test_path: str, name: str) -> None:
    body, message = BAD[name]
    with nothing_changes():
        answer = api.post(test_path, body)
    assert answer.status == 400
    assert message in answer.json["message"]


def test_a_paused_endpoint_stays_paused(api: API, test_path: str, project: Project, endpoint: Endpoint) -> None:
    pause_endpoint(project.uid, endpoint.uid)
    api.post(test_path, {"event_type": "a"})
    endpoint.refresh_from_db()
    assert endpoint.status == "paused"


def test_statements(api: API, test_path: str) -> None:
    with statements() as made:
        api.post(test_path, {"event_type": "a"})
    assert made == [
        "SELECT projects_apikey",
        "SELECT endpoints_endpoint",
        "SELECT projects_eventtype",
        "INSERT events_event",
        "SELECT subscriptions_subscription",
        "INSERT events_eventdelivery",
        "INSERT activity_activity",
    ]


class TestStrangers(RefusesStrangers):
    pass


class TestViewers(RefusesViewers):
    pass


class TestOtherProjects(RefusesOtherProjects):
    pass
