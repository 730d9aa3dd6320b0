"""The number of events, deliveries and callers of a batch replay. Contract: docs/contract/events.md#batch-replay."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import connection, connections

from core.conninfo import conninfo
from core.exceptions import NotFound
from endpoints.models import Endpoint
from events.models import Event
from events.reads import EventFilter
from projects.models import Project
from replay import operations as replay
from tests.conftest import API, Answer
from tests.deliveries.rows import make_event
from tests.events.conftest import Post
from tests.portal.api.customers import customer
from tests.statements import nothing_changes
from tests.waiting import eventually

MakeEndpoint = Callable[..., Endpoint]
TOO_MANY = (
    400,
    "one request replays at most 1000 events with 5000 deliveries: POST …/events/batchreplay/jobs replays any number",
)


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

    def test_what_takes_too_long_to_match_is_a_job(
        self, api: API, path: str, post: Post, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(replay, "MOST_CPU_SECONDS", 0)
        post(endpoint_id=endpoint.uid)
        with nothing_changes():
            assert api.post(f"{path}/batchreplay").error == TOO_MANY


@pytest.mark.django_db(transaction=True)
class TestOneAtATime:
    @pytest.mark.slow
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
