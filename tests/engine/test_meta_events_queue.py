"""The queue of meta events: leases, places and turns."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from engine import database
from engine import meta_events as delivery
from engine.database import Pool
from engine.meta_events import PROJECT_AT_ONCE, Sender
from meta_events.models import MetaEvent
from outbound.client import Outbound
from projects.models import Project
from projects.operations import create_project
from tests.meta_events.rows import make_meta_event as make_one
from tests.meta_events.sending import send, send_due
from tests.outbound.receivers import Receiver
from tests.pools import outcomes_refused, with_outbound
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., MetaEvent]
Enable = Callable[..., None]


def send_until(condition: Callable[[], Any], *, workers: int = 1, then: Callable[[], None] = lambda: None) -> None:
    """Let `workers` send until `condition` is true; then stop them, call `then`, and finish what is under way."""

    def watch() -> None:
        try:
            eventually(condition, "the meta events are where the test wants them")
        finally:
            connection.close()

    async def work(pool: Pool, outbound: Outbound) -> None:
        stopping = asyncio.Event()
        runs = [asyncio.create_task(Sender(pool, outbound).run(stopping)) for _ in range(workers)]
        try:
            await asyncio.to_thread(watch)
        finally:
            stopping.set()
            then()
            await asyncio.gather(*runs)

    with_outbound(work)


def has_sent(row: MetaEvent) -> bool:
    return MetaEvent.objects.filter(pk=row.pk, status="Success").exists()


class TestTheQueue:
    def test_what_is_not_due_waits(self, receiver: Receiver, enable: Enable, make_meta_event: Make) -> None:
        enable(url=receiver.url("/meta"))
        make_meta_event(due_at=timezone.now() + timedelta(minutes=1))
        assert send() == 0
        assert receiver.requests() == []

    def test_a_lease_that_has_ended_is_claimed_again(
        self, receiver: Receiver, enable: Enable, make_meta_event: Make
    ) -> None:
        enable(url=receiver.url("/meta"))
        row = make_meta_event(status="Processing", lease="6a1f3a0e-0000-4000-8000-000000000000")
        assert send() == 1
        row.refresh_from_db()
        assert (row.status, row.num_trials) == ("Success", 1)

    def test_a_lease_that_lasts_is_left_alone(self, receiver: Receiver, enable: Enable, make_meta_event: Make) -> None:
        enable(url=receiver.url("/meta"))
        make_meta_event(status="Processing", due_at=timezone.now() + timedelta(seconds=20))
        assert send() == 0

    def test_one_whose_outcome_cannot_be_written_is_not_sent_again(
        self,
        receiver: Receiver,
        enable: Enable,
        make_meta_event: Make,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Not even when its lease ends meanwhile."""
        monkeypatch.setattr(database, "PAUSE_SECONDS", 0.05)
        enable(url=receiver.url("/meta"))
        row = make_meta_event()

        async def work(pool: Pool, outbound: Outbound) -> list[int]:
            sender = Sender(pool, outbound)
            counts = [await sender.start_due()]
            deadline = time.monotonic() + 60
            while "cannot write an outcome, trying again: a standby" not in caplog.text:
                assert time.monotonic() < deadline, "no write was refused"
                await asyncio.sleep(0.01)
            async with pool.connection() as connected:
                await connected.execute("UPDATE meta_events_metaevent SET due_at = now()")
                counts.append(await sender.start_due())
                await connected.execute("DROP TRIGGER refusing ON meta_events_metaevent")
            await sender.finish()
            return counts

        with outcomes_refused("meta_events_metaevent", times=1_000_000):
            assert with_outbound(work) == [1, 0]
        row.refresh_from_db()
        assert (row.status, row.num_trials, row.due_at) == ("Success", 1, None)
        assert len(receiver.requests("/meta")) == 1

    def test_who_has_lost_the_lease_writes_nothing(
        self, receiver: Receiver, enable: Enable, make_meta_event: Make
    ) -> None:
        enable(url=receiver.url("/meta"))
        receiver.answer("/meta", hold=True)
        row = make_meta_event()

        async def work(pool: Pool, outbound: Outbound) -> None:
            slow = asyncio.create_task(send_due(pool, outbound))
            await asyncio.to_thread(receiver.wait_for, 1, "/meta")
            async with pool.connection() as connected:
                await connected.execute("UPDATE meta_events_metaevent SET lease = gen_random_uuid()")
            receiver.release()
            await slow

        with_outbound(work)
        row.refresh_from_db()
        assert (row.status, row.num_trials) == ("Processing", 0)
        assert row.lease is not None

    @pytest.mark.slow
    def test_two_workers_send_each_once(self, receiver: Receiver, enable: Enable, make_meta_event: Make) -> None:
        enable(url=receiver.url("/meta"))
        for _ in range(40):
            make_meta_event()
        send_until(lambda: not MetaEvent.objects.exclude(status="Success").exists(), workers=2)
        assert len(receiver.requests("/meta")) == 40
        assert len({request.header("X-Convoy-Idempotency-Key") for request in receiver.requests()}) == 40
        assert set(MetaEvent.objects.values_list("status", flat=True)) == {"Success"}

    @pytest.fixture
    def quiet(self, receiver: Receiver) -> Project:
        """Another project, whose URL answers."""
        other = create_project(name="Quiet", type="outgoing")[0]
        other.meta_event = other.meta_event | {"is_enabled": True, "url": receiver.url("/quiet"), "secret": "x"}
        other.save(update_fields=["meta_event"])
        return other

    def test_a_url_that_hangs_holds_up_no_other_projects(
        self,
        receiver: Receiver,
        enable: Enable,
        make_meta_event: Make,
        quiet: Project,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # On a busy machine, too, nothing is given up before the test has looked.
        monkeypatch.setattr(delivery, "TIMEOUT_SECONDS", 100)
        monkeypatch.setattr(delivery, "LEASE_SECONDS", 120)
        enable(url=receiver.url("/hang"))
        receiver.answer("/hang", hold=True, status=500)
        for _ in range(4 * delivery.AT_ONCE):
            make_meta_event()
        row = make_one(quiet)
        hanging: list[int] = []

        def it_is_sent_while_the_others_hang() -> bool:
            if not has_sent(row) or len(receiver.requests("/hang")) < PROJECT_AT_ONCE:
                return False
            assert not MetaEvent.objects.exclude(pk=row.pk).filter(num_trials=1).exists()
            hanging.append(len(receiver.requests("/hang")))
            return True

        send_until(it_is_sent_while_the_others_hang, then=receiver.release)
        assert hanging == [PROJECT_AT_ONCE]

    @pytest.mark.slow  # its receiver takes long
    def test_a_slow_request_does_not_hold_up_what_comes_after_it_and_is_finished(
        self, receiver: Receiver, enable: Enable, make_meta_event: Make, quiet: Project
    ) -> None:
        enable(url=receiver.url("/slow"))
        receiver.answer("/slow", hold=True)
        slow = make_meta_event()

        def the_next_is_sent() -> bool:
            receiver.wait_for(1, "/slow")
            row = make_one(quiet)
            eventually(lambda: has_sent(row), "the next meta event is sent")
            return not has_sent(slow)

        send_until(the_next_is_sent, then=receiver.release)
        assert has_sent(slow)

    def test_where_places_are_few_projects_take_turns(
        self,
        receiver: Receiver,
        enable: Enable,
        make_meta_event: Make,
        quiet: Project,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Even where one claim goes through one project only."""
        monkeypatch.setattr(delivery, "AT_ONCE", 1)
        monkeypatch.setattr(delivery, "PROJECTS_PER_CLAIM", 1)
        enable(url=receiver.url("/meta"))
        for _ in range(3):
            make_meta_event()
            make_one(quiet)
        send_until(lambda: not MetaEvent.objects.exclude(status="Success").exists())
        paths = [request.path for request in receiver.requests()]
        assert sorted(paths[:2]) == sorted(paths[2:4]) == ["/meta", "/quiet"]

    @pytest.mark.slow  # it waits until the worker tries again
    def test_an_error_of_the_database_ends_nothing(
        self,
        receiver: Receiver,
        enable: Enable,
        make_meta_event: Make,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        enable(url=receiver.url("/meta"))
        row = make_meta_event()
        claim = delivery._CLAIM
        monkeypatch.setattr(delivery, "_CLAIM", "SELECT 1 / 0")

        def repaired() -> bool:
            if "cannot claim meta events: division by zero" in caplog.text:
                monkeypatch.setattr(delivery, "_CLAIM", claim)
            return has_sent(row)

        send_until(repaired)

    def test_no_transaction_is_open_while_it_is_sent(
        self, receiver: Receiver, enable: Enable, make_meta_event: Make
    ) -> None:
        enable(url=receiver.url("/meta"))
        receiver.answer("/meta", hold=True)
        make_meta_event()

        async def work(pool: Pool, outbound: Outbound) -> Any:
            sending = asyncio.create_task(send_due(pool, outbound))
            await asyncio.to_thread(receiver.wait_for, 1, "/meta")
            async with pool.connection() as connected:
                found = await connected.execute(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
                )
                row = await found.fetchone()
            receiver.release()
            await sending
            return row

        assert with_outbound(work) == (0,)
