"""What the filters of customers may cost the web server, and a batch replay.

A filter here takes some 75,000 of a tenant's 100,000 steps for an event, so that a second one finds too few.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import connection, connections

from core.conninfo import conninfo
from core.exceptions import NotFound
from endpoints.models import Endpoint
from events import replay
from events.models import Event, EventDelivery
from events.reads import EventFilter
from projects.models import Project
from tests.conftest import API, Answer
from tests.deliveries.rows import make_event
from tests.events.conftest import MakeSubscription, Post, deliveries, newest
from tests.portal.api.customers import customer
from tests.statements import nothing_changes
from tests.waiting import eventually

MakeEndpoint = Callable[..., Endpoint]
MakeHostile = Callable[..., Endpoint]

COSTLY = {"*": {"body": {"items.$.found": True}}}
TOO_MANY = (
    400,
    "one request replays at most 1000 events with 5000 deliveries: POST …/events/batchreplay/jobs replays any number",
)
LARGE = {"items": [{"found": 0}] * 25_000 + [{"found": True}]}


@pytest.fixture
def costly(make_endpoint: MakeEndpoint, subscribe: MakeSubscription) -> MakeHostile:
    """Makes an endpoint whose filter matches LARGE, and takes three quarters of what a tenant has for an event."""

    def make(**fields: Any) -> Endpoint:
        endpoint = make_endpoint(**fields)
        subscribe(endpoint, COSTLY)
        return endpoint

    return make


def reached() -> list[str]:
    """The endpoints of the newest event's deliveries."""
    return [row.endpoint_id for row in deliveries()]


# Each event here takes as many steps as a tenant may have.
@pytest.mark.slow
class TestAnEvent:
    def test_the_filters_of_an_owner_share_one_bound(
        self, post: Post, costly: MakeHostile, caplog: pytest.LogCaptureFixture
    ) -> None:
        first, *_ = [costly(owner_id="acme") for _ in range(4)]
        other = costly(owner_id="globex")
        with caplog.at_level(logging.WARNING, "events.matching"):
            post("/broadcast", data=LARGE)
        assert reached() == [first.uid, other.uid]
        assert [record.name for record in caplog.records] == ["events.matching"]
        post("/fanout", owner_id="acme", data=LARGE)
        assert reached() == [first.uid]

    def test_the_subscriptions_of_an_endpoint_share_one_bound(
        self, post: Post, costly: MakeHostile, subscribe: MakeSubscription
    ) -> None:
        endpoint = costly(owner_id="acme")
        subscribe(endpoint, COSTLY)
        post(endpoint_id=endpoint.uid, data=LARGE)
        assert reached() == [endpoint.uid]

    def test_endpoints_without_an_owner_are_tenants_of_their_own(self, post: Post, costly: MakeHostile) -> None:
        made = [costly(owner_id="").uid for _ in range(3)]
        post("/broadcast", data=LARGE)
        assert reached() == made

    def test_each_event_has_the_whole(self, post: Post, costly: MakeHostile) -> None:
        endpoint = costly(owner_id="acme")
        for _ in range(3):
            post(endpoint_id=endpoint.uid, data=LARGE)
            assert reached() == [endpoint.uid]

    def test_all_tenants_share_a_greater_bound_and_a_usual_filter_is_not_denied(
        self, post: Post, costly: MakeHostile, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        made = [costly(owner_id=f"customer {number}").uid for number in range(30)]
        usual = make_endpoint(owner_id="acme")
        subscribe(usual, {"*": {"body": {"invoice": 991}}})
        post("/broadcast", data=LARGE | {"invoice": 991})
        found = reached()
        assert found[-1] == usual.uid
        # 2,000,000 steps, at 75,000 to 100,000 each.
        assert found[:-1] == made[: len(found) - 1]
        assert 20 <= len(found) - 1 < 30

    def test_a_filter_that_is_long_to_read_costs_steps(
        self, post: Post, make_endpoint: MakeEndpoint, subscribe: MakeSubscription
    ) -> None:
        endpoint = make_endpoint(owner_id="acme")
        long = {"$or": [{"invoice": 991}, {"other": {"$in": [f"{number:09000}" for number in range(100)]}}]}
        for _ in range(13):
            subscribe(endpoint, {"*": {"body": long}})
        post(endpoint_id=endpoint.uid)
        assert len(reached()) == 11


@pytest.mark.slow  # as above, an event for each of a chunk
class TestReplay:
    def test_a_chunk_has_less_than_its_events_alone(
        self, api: API, path: str, post: Post, costly: MakeHostile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The bound of steps is tried, which a slow machine does not reach within that of CPU.
        monkeypatch.setattr(replay, "MOST_CPU_SECONDS", 60)
        endpoint, other = costly(owner_id="acme"), costly(owner_id="globex")
        for _ in range(20):
            post(endpoint_id=endpoint.uid, data=LARGE)
        post(endpoint_id=other.uid, data=LARGE)
        assert api.post(f"{path}/batchreplay").message == "21 successful, 0 failed"
        assert 10 <= EventDelivery.objects.filter(endpoint=endpoint).count() - 20 < 20
        assert EventDelivery.objects.filter(endpoint=other).count() == 2

    def test_one_event_has_as_much_as_when_it_came_in(
        self, api: API, path: str, post: Post, costly: MakeHostile
    ) -> None:
        first, _ = costly(owner_id="acme"), costly(owner_id="acme")
        post("/broadcast", data=LARGE)
        api.put(f"{path}/{newest().uid}/replay")
        assert reached() == [first.uid] * 2

    def test_what_takes_too_long_to_match_is_a_job(
        self, api: API, path: str, post: Post, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replay, "MOST_CPU_SECONDS", 0)
        post(endpoint_id=endpoint.uid)
        with nothing_changes():
            assert api.post(f"{path}/batchreplay").error == TOO_MANY


class TestMost:
    """One request replays a bounded number of events and deliveries, all of them or none."""

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(replay, "REPLAY_CHUNK", 2)

    def test_as_many_events_as_there_may_be_and_one_more(
        self, api: API, path: str, post: Post, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replay, "MOST_EVENTS", 5)
        for _ in range(5):
            post(endpoint_id=endpoint.uid)
        assert api.post(f"{path}/batchreplay").message == "5 successful, 0 failed"
        post(endpoint_id=endpoint.uid)
        with nothing_changes():
            status, message = api.post(f"{path}/batchreplay").error
        assert (status, "at most 5 events" in message) == (400, True)
        assert "/events/batchreplay/jobs" in message

    def test_too_many_deliveries_leave_none(
        self, api: API, path: str, post: Post, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(5):
            post(endpoint_id=endpoint.uid)
        monkeypatch.setattr(replay, "MOST_DELIVERIES", 4)
        with nothing_changes():
            assert "with 4 deliveries" in api.post(f"{path}/batchreplay").error[1]
        monkeypatch.setattr(replay, "MOST_DELIVERIES", 5)
        assert api.post(f"{path}/batchreplay").message == "5 successful, 0 failed"

    def test_what_takes_too_long_to_find_is_a_job(
        self, api: API, path: str, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def slow(self: EventFilter, project_id: str) -> Any:
            return Event.objects.filter(project_id=project_id).extra(where=["pg_sleep(5) IS NOT NULL"])

        make_event(project.uid)
        monkeypatch.setattr(EventFilter, "rows", slow)
        with nothing_changes():
            assert api.post(f"{path}/batchreplay").error == TOO_MANY


@pytest.mark.django_db(transaction=True)
class TestOneAtATime:
    def test_a_project_and_each_customer_have_one(
        self,
        api: API,
        path: str,
        project: Project,
        other_api: API,
        other_project: Project,
        post: Post,
        make_endpoint: MakeEndpoint,
    ) -> None:
        endpoint = make_endpoint(owner_id="acme")
        post(endpoint_id=endpoint.uid)
        acme, globex = (customer(project, "static token", owner_id=owner) for owner in ("acme", "globex"))
        acme_by_session = customer(project, "session", owner_id="acme")
        calls: list[Callable[[], Answer]] = [
            lambda: api.post(f"{path}/batchreplay"),
            lambda: acme.post("/events/batchreplay"),
        ]

        def call(number: int) -> Answer:
            try:
                return calls[number]()
            finally:
                connections.close_all()

        with (
            ThreadPoolExecutor(2) as threads,
            psycopg.connect(conninfo(connection.settings_dict)) as holder,
        ):
            # Neither comes further than the event.
            holder.execute("SELECT FROM events_event FOR UPDATE")
            first = [threads.submit(call, number) for number in range(2)]
            eventually(lambda: _locks() == 2, "both replays hold their locks")
            with nothing_changes():
                for answer in (
                    api.post(f"{path}/batchreplay"),
                    acme.post("/events/batchreplay"),
                    acme_by_session.post("/events/batchreplay"),
                ):
                    assert answer.error == (400, "an active batch replay already exists")
            assert other_api.post(f"/projects/{other_project.uid}/events/batchreplay").status == 200
            assert globex.post("/events/batchreplay").status == 200
            holder.rollback()
            assert [answer.result().message for answer in first] == ["1 successful, 0 failed"] * 2
        assert _locks() == 0
        assert [call().message for call in calls] == ["1 successful, 0 failed"] * 2

    def test_one_that_fails_leaves_no_lock(self, post: Post, project: Project, endpoint: Endpoint) -> None:
        post(endpoint_id=endpoint.uid)
        Project.objects.filter(pk=project.pk).update(deleted_at=endpoint.created_at)
        with pytest.raises(NotFound):
            replay.batch_replay(project.uid, Event.objects.all())
        assert _locks() == 0


def _locks() -> int:
    """The locks of batch replays that are held in this database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database "
            "WHERE locktype = 'advisory' AND granted AND d.datname = current_database()"
        )
        return int(cursor.fetchone()[0])
