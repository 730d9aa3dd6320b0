"""PUT …/events/{eventID}/replay, POST …/events/batchreplay and GET …/events/countbatchreplayevents"""

from collections.abc import Callable
from typing import Any

import pytest

from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint, pause_endpoint
from events.models import Event, EventDelivery
from projects.models import Project
from replay import operations as replaying
from replay import views
from replay.operations import REPLAY_CHUNK
from subscriptions.models import Filter, Subscription
from tests.concurrency import at_once
from tests.conftest import API, Answer
from tests.events.conftest import MakeSubscription, Post, deliveries, newest
from tests.locks import locked
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements

MakeEndpoint = Callable[..., Endpoint]
Replay = Callable[[Event], Answer]


@pytest.fixture
def replay(api: API, path: str) -> Replay:
    return lambda event: api.put(f"{path}/{event.uid}/replay")


class TestWorks:
    def test_a_finished_event_gets_new_deliveries(
        self, api: API, path: str, post: Post, replay: Replay, endpoint: Endpoint
    ) -> None:
        post(endpoint_id=endpoint.uid, data={"invoice": 991})
        event = newest()
        EventDelivery.objects.update(status="Success", due_at=None)
        answer = replay(event)
        assert (answer.status, answer.message) == (200, "Endpoint event replayed successfully")
        assert answer.data == api.get(f"{path}/{event.uid}").data
        assert Event.objects.count() == 1
        old, new = deliveries(event)
        assert (old.status, new.status) == ("Success", "Scheduled")
        assert new.due_at == new.next_send_time
        assert new.due_at > event.created_at
        assert (new.event_id, new.subscription_id, new.event_type) == (event.uid, old.subscription_id, "invoice.paid")
        event.refresh_from_db()
        assert event.updated_at == new.created_at

    def test_its_own_key_does_not_hold_it_up(self, post: Post, replay: Replay, endpoint: Endpoint) -> None:
        post(endpoint_id=endpoint.uid, idempotency_key="key")
        replay(newest())
        assert len(deliveries()) == 2

    def test_the_subscriptions_of_today_count(
        self, post: Post, replay: Replay, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        old = subscribe(endpoint, {"invoice.paid": {"body": {"invoice": 1}}})
        post(endpoint_id=endpoint.uid)
        assert newest().status == "Failure"
        Filter.objects.filter(subscription=old).update(conditions={"body": {"invoice": 991}})
        subscribe(endpoint)
        assert replay(newest()).data["status"] == "Success"
        event = newest()
        assert (event.failure_reason, event.endpoints) == ("", [endpoint.uid] * 2)
        Subscription.objects.update(deleted_at=event.created_at)
        answer = replay(event)
        assert (answer.data["status"], answer.data["failure_reason"]) == (
            "Failure",
            "no subscription matched this event",
        )
        assert len(deliveries()) == 2

    def test_no_subscription_is_made(
        self, post: Post, replay: Replay, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(endpoint, {"other": {}})
        post(endpoint_id=endpoint.uid)
        Subscription.objects.all().delete()
        replay(newest())
        assert not Subscription.objects.exists()

    def test_an_event_of_an_endpoint_that_is_gone(self, post: Post, replay: Replay, endpoint: Endpoint) -> None:
        post(endpoint_id=endpoint.uid)
        delete_endpoint(endpoint.project_id, endpoint.uid)
        assert replay(newest()).data["status"] == "Failure"
        assert newest().endpoints == [endpoint.uid]

    def test_an_endpoint_that_is_not_active_now(self, post: Post, replay: Replay, endpoint: Endpoint) -> None:
        post(endpoint_id=endpoint.uid)
        pause_endpoint(endpoint.project_id, endpoint.uid)
        replay(newest())
        assert [row.status for row in deliveries()] == ["Scheduled", "Discarded"]

    def test_a_direct_event_stays_with_its_endpoint(
        self, post: Post, replay: Replay, endpoint: Endpoint, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        post(endpoint_id=endpoint.uid)
        subscribe(make_endpoint(owner_id="acme"))
        replay(newest())
        assert {row.endpoint_id for row in deliveries()} == {endpoint.uid}

    def test_a_fanout_goes_to_the_owners_endpoints_of_today(
        self, post: Post, replay: Replay, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        post("/fanout", owner_id="acme")
        endpoint = make_endpoint(owner_id="acme")
        subscribe(endpoint)
        subscribe(make_endpoint(owner_id="globex"))
        assert replay(newest()).data["endpoints"] == [endpoint.uid]
        assert [row.endpoint_id for row in deliveries()] == [endpoint.uid]

    def test_a_broadcast_goes_to_everyone_once(
        self, post: Post, replay: Replay, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        post("/broadcast")
        for _ in range(2):
            endpoint = make_endpoint()
            subscribe(endpoint)
            subscribe(endpoint)
        replay(newest())
        assert len(deliveries()) == 2

    def test_a_dynamic_event_is_not_filtered(self, post: Post, replay: Replay) -> None:
        post("/dynamic", url="https://dynamic.example.com", event_types=["other"])
        replay(newest())
        assert len(deliveries()) == 2

    def test_one_that_failed_for_its_url_keeps_its_reason(self, post: Post, replay: Replay) -> None:
        post("/dynamic", url="https://x.example/{id}")
        reason = newest().failure_reason
        assert replay(newest()).data["failure_reason"] == reason

    def test_headers_count_in_the_filter(
        self, post: Post, replay: Replay, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(endpoint, {"*": {"headers": {"X-Tenant": "acme"}}})
        post(endpoint_id=endpoint.uid, custom_headers={"X-Tenant": "acme"})
        replay(newest())
        assert len(deliveries()) == 2

    @pytest.mark.django_db(transaction=True)
    def test_replays_at_the_same_time_are_all_made(self, post: Post, replay: Replay, endpoint: Endpoint) -> None:
        post(endpoint_id=endpoint.uid)
        event = newest()
        assert {answer.status for answer in at_once(5, lambda number: replay(event))} == {200}
        assert len(deliveries()) == 6


class TestNotThere:
    def test_an_unknown_one(self, api: API, path: str) -> None:
        with nothing_changes():
            assert api.put(f"{path}/unknown/replay").error == (400, "event not found")

    def test_another_projects(
        self, api: API, path: str, other_api: API, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        foreign = make_endpoint(project_id=other_project.uid)
        body = {"endpoint_id": foreign.uid, "event_type": "a", "data": 1}
        uid = other_api.post(f"/projects/{other_project.uid}/events", body).data["uid"]
        with nothing_changes():
            assert api.put(f"{path}/{uid}/replay").error == (400, "event not found")
        with nothing_changes():
            assert api.post(f"{path}/batchreplay").message == "0 successful, 0 failed"


class TestBatch:
    def test_what_the_query_chooses(
        self, api: API, path: str, post: Post, endpoint: Endpoint, make_endpoint: MakeEndpoint
    ) -> None:
        other = make_endpoint(owner_id="globex")
        for target in (endpoint, endpoint, other):
            post(endpoint_id=target.uid)
        assert api.get(f"{path}/countbatchreplayevents?endpointId={endpoint.uid}").data == {"num": 2}
        answer = api.post(f"{path}/batchreplay?endpointId={endpoint.uid}&perPage=1&next_page_cursor=x")
        assert answer.json == {"status": True, "message": "2 successful, 0 failed", "data": None}
        assert EventDelivery.objects.filter(endpoint=endpoint).count() == 4
        assert EventDelivery.objects.filter(endpoint=other).count() == 1

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("", 4),
            ("endpointId={acme}", 1),
            ("endpointId[]={acme}", 1),
            ("endpointId%5B0%5D={acme}", 1),
            ("idempotencyKey=key", 1),
            ("ownerId=acme", 1),
            ("sourceId=x", 0),
            ("brokerMessageId=m1", 1),
            ("startDate=2026-01-01T00:00:00&endDate=2026-01-01T00:00:00", 0),
        ],
    )
    def test_count_and_replay_have_the_same_filters(
        self,
        api: API,
        path: str,
        post: Post,
        endpoint: Endpoint,
        make_endpoint: MakeEndpoint,
        query: str,
        count: int,
    ) -> None:
        post(endpoint_id=endpoint.uid)
        other = make_endpoint().uid
        for fields in ({"idempotency_key": "key"}, {"idempotency_key": "key"}, {}):
            post(endpoint_id=other, **fields)
        post(endpoint_id=other, custom_headers={"X-Broker-Message-Id": "m1"})
        query = query.format(acme=endpoint.uid)
        assert api.get(f"{path}/countbatchreplayevents?{query}").data == {"num": count}
        before = EventDelivery.objects.count()
        assert api.post(f"{path}/batchreplay?{query}").message == f"{count} successful, 0 failed"
        assert EventDelivery.objects.count() == before + count

    @pytest.mark.parametrize("query", ["query=x", "body={}", 'body={"a":1}'])
    def test_it_does_not_search(self, api: API, path: str, query: str) -> None:
        with nothing_changes():
            assert api.post(f"{path}/batchreplay?{query}").error == (
                400,
                "batch replay does not support search filters",
            )
        assert api.get(f"{path}/countbatchreplayevents?{query}").error == (
            400,
            "batch replay count does not support search filters",
        )

    @pytest.mark.django_db(transaction=True)
    def test_a_count_ends_after_its_time_and_names_the_job(
        self, api: API, path: str, post: Post, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A lock on the table stands for rows that take long to count."""
        monkeypatch.setattr(views, "SECONDS_TO_COUNT", 0.2)
        with locked(Event):
            status, message = api.get(f"{path}/countbatchreplayevents").error
        assert status == 504
        assert message.endswith("POST …/events/batchreplay/jobs?dry_run=true")

    def test_every_kind_of_event_in_one(
        self,
        api: API,
        path: str,
        post: Post,
        endpoint: Endpoint,
        make_endpoint: MakeEndpoint,
        subscribe: MakeSubscription,
    ) -> None:
        other = make_endpoint(owner_id="globex")
        subscribe(endpoint, {"a": {}, "b": {"body": {"x": 1}}})
        subscribe(other)
        made = [
            post(endpoint_id=endpoint.uid, event_type="a"),
            post(endpoint_id=endpoint.uid, event_type="b", data={"x": 2}),
            post("/fanout", owner_id="acme", event_type="b", data={"x": 1}),
            post("/broadcast", event_type="c"),
            post("/dynamic", url=endpoint.url, event_type="d"),
        ]
        rows = [Event.objects.get(pk=answer.data["uid"]) for answer in made]
        before = [[row.endpoint_id for row in deliveries(event)] for event in rows]
        assert [len(found) for found in before] == [1, 0, 1, 1, 1]
        assert api.post(f"{path}/batchreplay").message == "5 successful, 0 failed"
        assert [[row.endpoint_id for row in deliveries(event)] for event in rows] == [found * 2 for found in before]

    @pytest.mark.slow
    def test_as_many_statements_for_one_event_as_for_a_chunk(
        self, api: API, path: str, post: Post, endpoint: Endpoint, subscribe: MakeSubscription
    ) -> None:
        subscribe(endpoint, {"*": {"body": {"invoice": 991}}})
        counts = []
        for more in (1, REPLAY_CHUNK - 1, 1):
            for _ in range(more):
                post(endpoint_id=endpoint.uid)
            with statements() as found:
                answer = api.post(f"{path}/batchreplay")
            counts.append(len(found))
        assert answer.message == f"{REPLAY_CHUNK + 1} successful, 0 failed"
        assert counts[0] == counts[1]
        # Two chunks
        assert counts[2] < 2 * counts[1]

    def test_a_chunk_ends_once_it_has_many_deliveries(
        self,
        api: API,
        path: str,
        post: Post,
        make_endpoint: MakeEndpoint,
        subscribe: MakeSubscription,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for _ in range(2):
            subscribe(make_endpoint())
        for _ in range(5):
            post("/broadcast")
        monkeypatch.setattr(replaying, "REPLAY_DELIVERIES", 3)
        with statements() as found:
            assert api.post(f"{path}/batchreplay").message == "5 successful, 0 failed"
        assert found.count("INSERT events_eventdelivery") == 3
        assert {len(deliveries(event)) for event in Event.objects.all()} == {4}


class TestReplayAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    @pytest.fixture
    def call(self, path: str, post: Post, endpoint: Endpoint) -> Call:
        post(endpoint_id=endpoint.uid)
        uid = newest().uid
        return lambda api: api.put(f"{path}/{uid}/replay")


class TestBatchAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    @pytest.fixture
    def call(self, path: str, post: Post, endpoint: Endpoint) -> Call:
        post(endpoint_id=endpoint.uid)
        return lambda api: api.post(f"{path}/batchreplay")


class TestCountAuthentication(RefusesStrangers, RefusesOtherProjects):
    @pytest.fixture
    def call(self, path: str) -> Call:
        return lambda api: api.get(f"{path}/countbatchreplayevents")

    def test_a_viewer_may(self, viewer: API, path: str, call: Any) -> None:
        assert call(viewer).data == {"num": 0}
