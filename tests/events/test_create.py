"""POST /api/v1/projects/{projectID}/events"""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.db import connection
from django.utils import timezone

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint, pause_endpoint
from events.models import Event, EventDelivery
from projects.models import Project
from tests.conftest import API, Answer, as_text
from tests.events.conftest import MakeSubscription, Post, deliveries, newest
from tests.hostile import NOT_TEXT
from tests.locks import last_lock
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements

MakeEndpoint = Callable[..., Endpoint]

#: The first reads a key that is not remembered. The second reads the candidates, and stores the event where no filter
#: has conditions. The third stores all others.
STATEMENTS = ["SELECT projects_apikey", "WITH projects_project", "WITH events_event", "NOTIFY"]


@pytest.fixture
def call(path: str, endpoint: Endpoint, subscribe: MakeSubscription) -> Call:
    subscribe(endpoint)
    return lambda api: api.post(path, {"endpoint_id": endpoint.uid, "event_type": "a", "data": {}})


class TestWorks:
    def test_the_answer_names_the_event(self, post: Post, endpoint: Endpoint) -> None:
        answer = post(endpoint_id=endpoint.uid)
        assert answer.status == 201
        assert answer.json == {"status": True, "message": "Event queued successfully", "data": {"uid": newest().uid}}

    def test_what_is_stored(
        self, post: Post, project: Project, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscription = subscribe(endpoint, delivery_mode="at_most_once")
        before = timezone.now()
        post(endpoint_id=endpoint.uid, custom_headers={"X-Tenant": "acme"}, idempotency_key="key")
        event = newest()
        assert (event.project_id, event.channel, event.event_type) == (project.uid, "direct", "invoice.paid")
        assert (event.endpoints, event.headers) == ([endpoint.uid], {"X-Tenant": ["acme"]})
        assert (event.data, event.idempotency_key) == ('{"invoice":991}', "key")
        assert (event.status, event.failure_reason, event.is_duplicate_event) == ("Success", "", False)
        [delivery] = deliveries(event)
        assert (delivery.project_id, delivery.endpoint_id) == (project.uid, endpoint.uid)
        assert (delivery.subscription_id, delivery.event_type) == (subscription.uid, "invoice.paid")
        assert (delivery.delivery_mode, delivery.status) == ("at_most_once", "Scheduled")
        assert (delivery.strategy, delivery.interval_seconds, delivery.retry_limit) == ("linear", 100, 10)
        assert (delivery.num_trials, delivery.num_trials_before, delivery.latency_seconds) == (0, 0, 0)
        assert (delivery.is_parked, delivery.lease, delivery.description) == (False, None, "")
        assert delivery.created_at == event.created_at
        # By the database's clock
        assert delivery.due_at == delivery.next_send_time
        assert before <= event.created_at <= timezone.now()

    def test_the_projects_strategy(self, post: Post, endpoint: Endpoint, configure: Callable[..., None]) -> None:
        configure(strategy={"type": "exponential", "duration": 7, "retry_count": 3})
        post(endpoint_id=endpoint.uid)
        [delivery] = deliveries()
        assert (delivery.strategy, delivery.interval_seconds, delivery.retry_limit) == ("exponential", 7, 3)

    def test_an_app_id_is_the_endpoints_own_id(self, post: Post, endpoint: Endpoint) -> None:
        assert post(app_id=endpoint.uid).status == 201
        assert [delivery.endpoint_id for delivery in deliveries()] == [endpoint.uid]

    def test_the_endpoint_id_wins(self, post: Post, endpoint: Endpoint) -> None:
        assert post(app_id="nope", endpoint_id=endpoint.uid).status == 201
        assert post(app_id=endpoint.uid, endpoint_id="nope").error == (400, "endpoint not found")

    def test_what_else_is_sent_is_ignored(self, post: Post, endpoint: Endpoint) -> None:
        post(endpoint_id=endpoint.uid, uid="mine", owner_id="globex", source_id="nope", status="Failure")
        event = newest()
        assert event.uid != "mine"
        assert (event.owner_id, event.status) == ("", "Success")

    def test_an_endpoint_that_is_not_active_gets_a_delivery_that_is_not_sent(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(endpoint)
        pause_endpoint(endpoint.project_id, endpoint.uid)
        post(endpoint_id=endpoint.uid)
        assert newest().status == "Success"
        [delivery] = deliveries()
        assert (delivery.status, delivery.due_at) == ("Discarded", None)

    def test_event_types_of_spaces_only_pass(self, post: Post, endpoint: Endpoint) -> None:
        assert post(endpoint_id=endpoint.uid, event_type="  ").status == 201

    def test_a_slash_at_the_end(self, post: Post, endpoint: Endpoint) -> None:
        assert post("/", endpoint_id=endpoint.uid).status == 201


class TestPayload:
    @pytest.mark.parametrize(
        ("sent", "stored"),
        [
            (b"null", "null"),
            (b"[]", "[]"),
            (b'"text"', '"text"'),
            (b"0", "0"),
            (b"true", "true"),
            (b'{ "b" : 1,\n "a" : [ 1.0, 1e2, -0 ] }', '{"b":1,"a":[1.0,1e2,-0]}'),
            (b'{"a":1,"a":2}', '{"a":1,"a":2}'),
            (b"123456789012345678901234567890.10", "123456789012345678901234567890.10"),
            (b"0e99999", "0e99999"),
            (rb'{"a\u0000":"\u0000 \u00e9 \ud83d\ude00 \/"}', r'{"a\u0000":"\u0000 \u00e9 \ud83d\ude00 \/"}'),
            ('"é 😀 \u2028"'.encode(), '"é 😀 \u2028"'),
            (b"[" * 500 + b"]" * 500, "[" * 500 + "]" * 500),
            (b'"' + b"a" * 1_000_000 + b'"', '"' + "a" * 1_000_000 + '"'),
        ],
        ids=as_text,
    )
    def test_is_kept_byte_for_byte(self, api: API, path: str, endpoint: Endpoint, sent: bytes, stored: str) -> None:
        body = orjson.dumps({"endpoint_id": endpoint.uid, "event_type": "a"})[:-1] + b',"data":' + sent + b"}"
        assert api.post(path, body).status == 201
        event = newest()
        assert event.data == stored
        assert event.status == "Success"
        assert len(deliveries()) == 1
        shown = api.get(f"{path}/{event.uid}").response.content
        assert b'"data":' + stored.encode() + b"," in shown
        assert api.get(path).response.content.count(stored.encode()) >= 1

    def test_of_a_key_that_occurs_twice_the_last_one_counts(self, api: API, path: str, endpoint: Endpoint) -> None:
        assert api.post(path, b'{"data":1,"event_type":"a","endpoint_id":"%s","data":2}' % endpoint.uid.encode()).data
        assert newest().data == "2"

    @pytest.mark.parametrize("depth", [900, 1000, 1022, 1023, 1024, 100_000])
    def test_nested_deeply(self, api: API, path: str, endpoint: Endpoint, depth: int) -> None:
        """It is kept, or refused for what it is."""
        data = b"[" * depth + b"]" * depth
        answer = api.post(path, b'{"event_type":"a","endpoint_id":"%s","data":%s}' % (endpoint.uid.encode(), data))
        if answer.status == 201:
            assert newest().data == data.decode()
            assert api.get(f"{path}/{newest().uid}").status == 200
        else:
            assert answer.error[0] == 400
            assert answer.message.startswith("body contains badly-formed JSON")
            assert not Event.objects.exists()

    @pytest.mark.parametrize(
        ("sent", "stored"),
        [
            (rb'"\ud83d"', r'"\ufffd"'),
            (rb'"\uDE00\uD83D"', r'"\ufffd\ufffd"'),
            (rb'{"a\udfff":"cut \ud83d\ud83d\ude00 \\ud83d"}', r'{"a\ufffd":"cut \ufffd\ud83d\ude00 \\ud83d"}'),
        ],
        ids=as_text,
    )
    def test_half_a_surrogate_pair_is_no_character(
        self, api: API, path: str, endpoint: Endpoint, sent: bytes, stored: str
    ) -> None:
        body = b'{"event_type":"a","endpoint_id":"%s","data":%s}' % (endpoint.uid.encode(), sent)
        assert api.post(path, body).status == 201
        assert newest().data == stored
        assert len(deliveries()) == 1
        assert b'"data":' + stored.encode() + b"," in api.get(f"{path}/{newest().uid}").response.content

    @pytest.mark.parametrize("data", [b"1e400", b'"\xed\xa0\x80"', b"NaN", b"{", b'"\x00"'])
    def test_what_is_no_json(self, api: API, path: str, endpoint: Endpoint, data: bytes) -> None:
        with nothing_changes():
            answer = api.post(path, b'{"event_type":"a","endpoint_id":"%s","data":%s}' % (endpoint.uid.encode(), data))
        assert answer.error[0] == 400
        assert answer.message.startswith("body contains badly-formed JSON")


class TestDefects:
    @pytest.mark.django_db(transaction=True)
    def test_event_and_deliveries_are_committed_before_the_answer_or_not_at_all(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        """Where the database takes no delivery there is no event either, and the answer is no success."""
        subscribe(endpoint)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE events_eventdelivery ADD CONSTRAINT no_room CHECK (FALSE)")
            try:
                with nothing_changes():
                    assert post(endpoint_id=endpoint.uid).error == (500, "internal server error")
            finally:
                cursor.execute("ALTER TABLE events_eventdelivery DROP CONSTRAINT no_room")
        assert post(endpoint_id=endpoint.uid).status == 201
        assert (Event.objects.count(), EventDelivery.objects.count()) == (1, 1)

    def test_an_event_is_matched_once(self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription) -> None:
        """An answer is final: no work is left that could be done twice."""
        subscribe(endpoint)
        post(endpoint_id=endpoint.uid)
        assert not Event.objects.exclude(status__in=["Success", "Failure"]).exists()


class TestValidation:
    def test_nothing_at_all(self, api: API, path: str) -> None:
        with nothing_changes():
            status, message = api.post(path, {}).error
        assert status == 400
        assert set(message.split(", ")) == {
            "data:please provide your data",
            "event_type:please provide an event type",
        }

    def test_null_is_data(self, post: Post, endpoint: Endpoint) -> None:
        assert post(endpoint_id=endpoint.uid, data=None).status == 201
        assert newest().data == "null"

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({}, "please provide an endpoint ID"),
            ({"endpoint_id": "", "app_id": ""}, "please provide an endpoint ID"),
            ({"endpoint_id": "nope"}, "endpoint not found"),
            ({"endpoint_id": "…" * 100}, "endpoint not found"),
            ({"app_id": "nope"}, "app ID has no configured endpoints"),
            ({"endpoint_id": "x", "event_type": ""}, "event_type:please provide an event type"),
            ({"endpoint_id": "x", "event_type": None}, "event_type:please provide an event type"),
            ({"endpoint_id": "x", "event_type": "a\0"}, "event_type:Null characters are not allowed."),
            ({"endpoint_id": "x", "idempotency_key": "a\0"}, "idempotency_key:Null characters are not allowed."),
            ({"endpoint_id": "x\0"}, "endpoint_id:Null characters are not allowed."),
            (
                {"endpoint_id": "x", "event_type": "a" * 256},
                "event_type:Ensure this field has no more than 255 characters.",
            ),
        ],
    )
    def test_values(self, post: Post, fields: dict[str, Any], message: str) -> None:
        with nothing_changes():
            assert post(**fields).error == (400, message)

    @pytest.mark.parametrize("field", ["event_type", "endpoint_id", "app_id", "idempotency_key"])
    def test_types(self, post: Post, endpoint: Endpoint, field: str) -> None:
        with nothing_changes():
            for value in NOT_TEXT:
                answer = post(**{"endpoint_id": endpoint.uid} | {field: value})
                assert answer.error == (400, f'body contains incorrect JSON type for field "{field}"')

    @pytest.mark.parametrize("value", ["text", 0, True, [], ["a"], {"X-A": 1}, {"X-A": None}, {"X-A": ["v"]}])
    def test_headers_of_another_type(self, post: Post, endpoint: Endpoint, value: Any) -> None:
        with nothing_changes():
            answer = post(endpoint_id=endpoint.uid, custom_headers=value)
        assert answer.error == (400, 'body contains incorrect JSON type for field "custom_headers"')

    @pytest.mark.parametrize(
        "headers",
        [{"Host": "x"}, {"content-length": "1"}, {"X A": "x"}, {"X-A": "a\r\nB: c"}, {"X-A": "\0"}, {"": "x"}],
    )
    def test_headers_that_cannot_be_sent(self, post: Post, endpoint: Endpoint, headers: dict[str, str]) -> None:
        with nothing_changes():
            status, message = post(endpoint_id=endpoint.uid, custom_headers=headers).error
        assert status == 400
        assert message.startswith("invalid custom_headers: ")

    def test_another_content_type(self, api: API, path: str) -> None:
        response = api.client.post(f"/api/v1{path}", b"{}", content_type="text/plain", headers=api.headers)
        assert response.status_code == 415


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


class TestAnotherTenant:
    def test_its_endpoints_and_deleted_ones_are_not_there(
        self, post: Post, endpoint: Endpoint, make_endpoint: MakeEndpoint, other_project: Project
    ) -> None:
        delete_endpoint(endpoint.project_id, endpoint.uid)
        foreign = make_endpoint(project_id=other_project.uid)
        with nothing_changes():
            for uid in (foreign.uid, endpoint.uid):
                assert post(endpoint_id=uid).error == (400, "endpoint not found")
                assert post(app_id=uid).error == (400, "app ID has no configured endpoints")


class TestStatements:
    @pytest.mark.parametrize("count", [1, 50])
    def test_as_many_for_one_subscription_as_for_fifty(
        self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription, count: int
    ) -> None:
        for _ in range(count):
            subscribe(endpoint, {"*": {"body": {"invoice": 991}}})
        with statements() as found:
            answer: Answer = post(endpoint_id=endpoint.uid, idempotency_key="key")
        assert answer.status == 201
        assert len(deliveries()) == count
        # A test's own transaction never commits, so that no worker is woken.
        assert found == STATEMENTS[:3]
        with statements() as found:
            post(endpoint_id=endpoint.uid, idempotency_key="key")
        assert found == [*STATEMENTS[1:3], "INSERT events_event"]

    @pytest.mark.django_db(transaction=True)
    def test_workers_are_woken(self, post: Post, endpoint: Endpoint, subscribe: MakeSubscription) -> None:
        subscribe(endpoint)
        with statements() as found:
            post(endpoint_id=endpoint.uid)
        assert found == [*STATEMENTS[:2], "NOTIFY"]
        subscribe(endpoint, {"*": {"body": {"invoice": 991}}})
        with statements() as found:
            post(endpoint_id=endpoint.uid)
        assert found == STATEMENTS[1:]

    @pytest.mark.django_db(transaction=True)
    def test_the_projects_row_is_not_locked(
        self, post: Post, project: Project, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        """PostgreSQL would keep a list of the events that hold the lock at once."""
        subscribe(endpoint)
        before = last_lock(project)
        assert post(endpoint_id=endpoint.uid).status == 201
        assert last_lock(project) == before
