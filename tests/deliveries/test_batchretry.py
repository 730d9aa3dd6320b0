"""POST /api/v1/projects/{projectID}/eventdeliveries/batchretry, and the work behind it.

Contract: docs/contract/deliveries.md#batch-retry.
"""

import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone

from deliveries import batch_retry
from deliveries.batch_retry import STALE_AFTER, create_batch_retry, work_off
from deliveries.filters import DeliveryFilter
from endpoints.models import Endpoint
from events.models import BatchRetry, EventDelivery
from projects.models import Project
from tests.concurrency import at_once
from tests.conftest import API
from tests.deliveries.rows import make_delivery, make_event
from tests.hostile import UNREADABLE
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements

MakeEndpoint = Callable[..., Endpoint]

EVERYTHING = DeliveryFilter(first_uid="0" * 26, beyond_uid="Z" * 26)


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}/eventdeliveries/batchretry"


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.post(path)


def work_off_all() -> None:
    for _ in range(100):
        if not work_off():
            return
    raise AssertionError("there is no end to it")


class TestTurnsOfProjects:
    def test_many_batches_of_one_project_do_not_stand_before_the_only_one_of_another(
        self, make_endpoint: MakeEndpoint, other_project: Project
    ) -> None:
        mine, other = make_endpoint(), make_endpoint(project_id=other_project.uid)
        for number in range(5):
            make_delivery(mine, "Failure")
            create_batch_retry(mine.project_id, EVERYTHING, customer=f"customer {number}")
        delivery = make_delivery(other, "Failure")
        create_batch_retry(other.project_id, EVERYTHING)
        for _ in range(2):
            assert work_off() is True
        assert state(delivery)["status"] == "Scheduled"


def state(delivery: EventDelivery) -> dict[str, Any]:
    return dict(EventDelivery.objects.filter(pk=delivery.pk).values().get())


class TestWorks:
    def test_what_was_given_up_on_is_in_the_queue_with_a_fresh_allowance(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint()
        rows = [
            make_delivery(endpoint, status, num_trials=7, description="Retry limit exceeded")
            for status in ("Failure", "Discarded")
        ]
        answer = api.post(path)
        assert (answer.status, answer.message, answer.data) == (200, "Batch retry processing", None)
        assert {state(row)["status"] for row in rows} == {"Failure", "Discarded"}
        work_off_all()
        for row in rows:
            now = state(row)
            assert (now["status"], now["description"], now["num_trials"]) == ("Scheduled", "", 7)
            assert now["num_trials_before"] == 7
            assert now["due_at"] == now["next_send_time"] <= timezone.now()
            assert (now["is_parked"], now["lease"]) == (False, None)
        batch = BatchRetry.objects.get()
        assert (batch.retried, batch.total) == (2, 2)
        assert batch.finished_at is not None

    @pytest.mark.parametrize("status", ["Scheduled", "Retry"])
    def test_what_waits_is_due_now(self, api: API, path: str, make_endpoint: MakeEndpoint, status: str) -> None:
        delivery = make_delivery(make_endpoint(), status, num_trials=3, num_trials_before=1, description="busy")
        api.post(path)
        work_off_all()
        now = state(delivery)
        assert now["due_at"] == now["next_send_time"] <= timezone.now()
        assert (now["status"], now["num_trials"], now["num_trials_before"]) == (status, 3, 1)
        assert now["description"] == "busy"

    def test_what_is_due_or_waits_for_a_place_stays_as_it_is(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint, past = make_endpoint(), timezone.now() - timedelta(seconds=1)
        rows = [make_delivery(endpoint, due_at=past), make_delivery(endpoint, "Retry", is_parked=True)]
        before = [state(row) for row in rows]
        api.post(path)
        work_off_all()
        assert [state(row) for row in rows] == before

    def test_what_is_being_sent_or_has_arrived_stays_as_it_is(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint()
        rows = [make_delivery(endpoint, "Processing", lease=uuid4()), make_delivery(endpoint, "Success")]
        before = [state(row) for row in rows]
        api.post(path)
        work_off_all()
        assert [state(row) for row in rows] == before

    def test_it_is_the_filter_of_the_list(
        self, api: API, path: str, make_endpoint: MakeEndpoint, other_project: Project
    ) -> None:
        endpoint, other = make_endpoint(), make_endpoint()
        event = make_event(endpoint.project_id, event_type="invoice.void", idempotency_key="991")
        wanted = make_delivery(endpoint, "Failure", event=event)
        week = timezone.now() - timedelta(days=9)
        others = [
            make_delivery(endpoint, "Discarded", event=event),
            make_delivery(other, "Failure", event=event),
            make_delivery(endpoint, "Failure"),
            make_delivery(endpoint, "Failure", event=event, at=week),
            make_delivery(make_endpoint(project_id=other_project.uid), "Failure"),
        ]
        before = [state(row) for row in others]
        query = f"endpointId={endpoint.uid}&status=Failure&eventType=invoice.void&idempotencyKey=991&perPage=1"
        api.post(f"{path}?{query}&subscriptionId={wanted.subscription_id}")
        work_off_all()
        assert state(wanted)["status"] == "Scheduled"
        assert [state(row) for row in others] == before

    @pytest.mark.parametrize("name", ["endpointId[]", "endpointId[0]", "endpointId%5B%5D", "endpointId%5B3%5D"])
    def test_an_endpoint_in_brackets(self, api: API, path: str, make_endpoint: MakeEndpoint, name: str) -> None:
        wanted, other = (make_delivery(make_endpoint(), "Failure") for _ in range(2))
        api.post(f"{path}?{name}={wanted.endpoint_id}")
        work_off_all()
        assert [state(row)["status"] for row in (wanted, other)] == ["Scheduled", "Failure"]

    def test_what_comes_after_the_request_is_not_meant(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint()
        api.post(path)
        later = make_delivery(endpoint, "Failure", at=timezone.now() + timedelta(seconds=1))
        work_off_all()
        assert state(later)["status"] == "Failure"

    def test_a_body_is_ignored(self, api: API, path: str) -> None:
        assert api.post(path, UNREADABLE[0]).status == 200


class TestPieces:
    """Many are moved a piece at a time; each piece is one transaction with its place."""

    @pytest.fixture(autouse=True)
    def small_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(batch_retry, "PIECE", 2)

    @pytest.fixture
    def rows(self, make_endpoint: MakeEndpoint) -> list[EventDelivery]:
        endpoint = make_endpoint()
        return [make_delivery(endpoint, "Failure") for _ in range(5)]

    def test_from_the_oldest_to_the_newest(self, project: Project, rows: list[EventDelivery]) -> None:
        create_batch_retry(project.uid, EVERYTHING)
        for moved in (2, 4, 5):
            assert work_off() is True
            states = [state(row)["status"] for row in rows]
            assert states == ["Scheduled"] * moved + ["Failure"] * (5 - moved)
        assert work_off() is True  # finds nothing more, and is done with it
        assert work_off() is False
        assert BatchRetry.objects.get().finished_at is not None

    def test_few_among_many_are_found_a_piece_at_a_time(
        self, project: Project, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A piece looks at a number of deliveries, however few of them are meant."""
        monkeypatch.setattr(batch_retry, "LOOKED_AT_IN_PIECE", 3)
        endpoint = make_endpoint()
        rows = [make_delivery(endpoint, "Failure" if number in (4, 9) else "Success") for number in range(11)]
        create_batch_retry(project.uid, EVERYTHING)
        pieces = 0
        while work_off():
            pieces += 1
        # Four that look at three deliveries each, and the last, which finds no more.
        assert pieces == 5
        assert [number for number, row in enumerate(rows) if state(row)["status"] == "Scheduled"] == [4, 9]
        assert BatchRetry.objects.get().retried == 2

    def test_a_piece_that_fails_leaves_nothing_behind(self, project: Project, rows: list[EventDelivery]) -> None:
        batch = create_batch_retry(project.uid, EVERYTHING)
        with transaction.atomic():
            work_off()
            transaction.set_rollback(True)
        batch.refresh_from_db()
        assert (batch.cursor, batch.retried) == ("", 0)
        assert {state(row)["status"] for row in rows} == {"Failure"}

    def test_the_statements_of_a_piece(self, project: Project, rows: list[EventDelivery]) -> None:
        create_batch_retry(project.uid, EVERYTHING)
        with statements() as found:
            work_off()
        # Whether there is any; the batch; how to plan; the end of the piece, the piece, the deliveries, the place.
        assert found == [
            *("SELECT events_batchretry", "LOCK events_batchretry", "SELECT"),
            *("SELECT events_eventdelivery", "SELECT events_eventdelivery"),
            *("UPDATE events_eventdelivery", "UPDATE events_batchretry"),
        ]


class TestOneAtATime:
    def test_while_one_is_under_way(self, api: API, path: str, project: Project) -> None:
        assert api.post(path).status == 200
        with nothing_changes():
            assert api.post(path).error == (400, "an active batch retry already exists")
        work_off_all()
        assert api.post(path).status == 200

    def test_another_projects_is_none_of_it(
        self, api: API, path: str, other_api: API, project: Project, other_project: Project
    ) -> None:
        assert api.post(path).status == 200
        assert other_api.post(path.replace(project.uid, other_project.uid)).status == 200

    def test_one_that_nobody_works_at_does_not_block_the_next(self, api: API, path: str) -> None:
        api.post(path)
        BatchRetry.objects.update(updated_at=timezone.now() - STALE_AFTER + timedelta(minutes=1))
        assert api.post(path).status == 400
        BatchRetry.objects.update(updated_at=timezone.now() - STALE_AFTER)
        assert api.post(path).status == 200
        assert BatchRetry.objects.filter(finished_at=None).count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_of_many_at_once_one_is_begun(self, api: API, path: str) -> None:
        answers = at_once(6, lambda _: api.post(path))
        assert sorted(answer.status for answer in answers) == [200, *[400] * 5]
        assert BatchRetry.objects.count() == 1


class TestTurns:
    """Batches of many projects take turns."""

    @pytest.fixture(autouse=True)
    def small_pieces(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(batch_retry, "PIECE", 1)

    def test_a_large_batch_does_not_hold_up_another_projects(
        self, project: Project, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint()
        for _ in range(5):
            make_delivery(endpoint, "Failure")
        large, small = (create_batch_retry(uid, EVERYTHING) for uid in (project.uid, other_project.uid))
        for _ in range(2):
            work_off()
        large.refresh_from_db()
        small.refresh_from_db()
        assert (large.finished_at, small.finished_at is None) == (None, False)

    def test_one_that_cannot_be_worked_at_is_finished_and_said(
        self, project: Project, other_project: Project, caplog: pytest.LogCaptureFixture
    ) -> None:
        broken = BatchRetry.objects.create(project=project, parameters=asdict(EVERYTHING) | {"of_another_version": 1})
        create_batch_retry(other_project.uid, EVERYTHING)
        work_off_all()
        assert broken.uid in caplog.text
        assert not BatchRetry.objects.filter(finished_at=None).exists()

    def test_after_trouble_of_the_database_it_is_the_others_turn_and_then_its_own(
        self, project: Project, other_project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = (create_batch_retry(uid, EVERYTHING) for uid in (project.uid, other_project.uid))
        work_at, seen = batch_retry._work_at, []

        def canceled_once(batch: BatchRetry) -> None:
            seen.append(batch.uid)
            if len(seen) == 1:
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL statement_timeout = 10")
                    cursor.execute("SELECT pg_sleep(5)")
            work_at(batch)

        monkeypatch.setattr(batch_retry, "_work_at", canceled_once)
        with pytest.raises(OperationalError):
            work_off()
        work_off_all()
        assert seen == [first.uid, second.uid, first.uid]
        assert not BatchRetry.objects.filter(finished_at=None).exists()

    def test_one_that_waits_for_its_turn_is_not_abandoned(
        self, api: API, path: str, project: Project, other_project: Project
    ) -> None:
        for uid in (project.uid, other_project.uid):
            create_batch_retry(uid, EVERYTHING)
        long_ago = timezone.now() - 2 * STALE_AFTER
        BatchRetry.objects.update(created_at=long_ago, updated_at=long_ago)
        BatchRetry.objects.filter(project=other_project).update(updated_at=timezone.now())
        assert api.post(path).status == 400


@pytest.mark.django_db(transaction=True)
class TestTwoWorkers:
    def test_one_batch_is_worked_at_by_one(self, project: Project) -> None:
        create_batch_retry(project.uid, EVERYTHING)
        seen: list[bool] = []

        def other_worker() -> None:
            seen.append(work_off())
            connections.close_all()

        with transaction.atomic():
            assert work_off() is True
            thread = threading.Thread(target=other_worker)
            thread.start()
            thread.join(30)
        assert seen == [False]

    def test_what_a_worker_has_taken_meanwhile_stays_its(
        self, project: Project, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the reading of a piece and its UPDATE a worker takes a delivery of it."""
        delivery = make_delivery(make_endpoint(), "Retry")
        create_batch_retry(project.uid, EVERYTHING)
        lease, end = uuid4(), timezone.now() + timedelta(seconds=60)
        moving = batch_retry.send_again

        def taken_first(rows: Any) -> int:
            def take() -> None:
                EventDelivery.objects.update(status="Processing", lease=lease, due_at=end)
                connection.close()

            thread = threading.Thread(target=take)
            thread.start()
            thread.join(30)
            return moving(rows)

        monkeypatch.setattr(batch_retry, "send_again", taken_first)
        work_off_all()
        now = state(delivery)
        assert (now["status"], now["lease"], now["due_at"]) == ("Processing", lease, end)
        assert BatchRetry.objects.get().retried == 0


class TestRefused:
    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("startDate=now", "please specify a startDate in the format 2006-01-02T15:04:05"),
            ("idempotencyKey=unknown", "event not found"),
        ],
    )
    def test_a_filter_that_is_none(self, api: API, path: str, query: str, message: str) -> None:
        with nothing_changes():
            assert api.post(f"{path}?{query}").error == (400, message)

    @pytest.mark.slow
    def test_hostile_values_are_stored_and_found_nothing_by(self, api: API, path: str) -> None:
        """A JSON column holds every text that a text column can hold."""
        for value in ("%F0%9F%A6%84", "x" * 5000, "%FF", "%ED%A0%80", "'", '"', "\\u0000", "%5Cu0000", "\\"):
            assert api.post(f"{path}?eventId={value}&eventType={value}&status={value}").status == 200
            work_off_all()


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


def test_a_stored_filter_means_the_same_later() -> None:
    wanted = DeliveryFilter(
        first_uid="0", beyond_uid="Z", endpoint_ids=[], event_type="a", statuses=["Failure"], broker_message_id="b"
    )
    batch = BatchRetry(parameters=asdict(wanted))
    assert DeliveryFilter(**batch.parameters) == wanted
    assert isinstance(batch.created_at, datetime)
