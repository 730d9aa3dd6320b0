"""Meta events on their way. Contract: docs/contract/meta-events.md#delivery."""

import asyncio
import hashlib
import hmac
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
from engine.meta_events import PROJECT_AT_ONCE, Sender, request_headers
from meta_events.models import MetaEvent
from outbound.client import Outbound
from projects.models import Project
from projects.operations import create_project, delete_project
from tests.meta_events.conftest import SECRET
from tests.meta_events.rows import make_meta_event as make_one
from tests.meta_events.sending import send_due
from tests.outbound.receivers import Receiver
from tests.pools import outcomes_refused, with_outbound, with_pool
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., MetaEvent]
Enable = Callable[..., None]


def send() -> int:
    return with_outbound(lambda pool, outbound: send_due(pool, outbound))


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


def make_due() -> None:
    """Let the time until the next attempt pass."""
    MetaEvent.objects.exclude(due_at=None).update(due_at=timezone.now())


class TestTheRequest:
    def test_vectors_of_meta_events(self) -> None:
        body = b'{"data":{"uid":"ep1"},"event_type":"endpoint.created"}'
        headers = dict(request_headers("01K4T0ZX7B8C9D0E1F2G3H4J5K", body, secret=SECRET))
        signature = "066d4858b0651519a03bb1a2d662889aafc52a5f1410ed95844ec5808be55659"
        key = "4b724829c39a9de35bff740f2dbc09d30dadc64646fbb684a58b1d7f1586557f"
        assert headers["X-Convoy-Signature"] == signature
        assert headers["X-Convoy-Idempotency-Key"] == key

    def test_what_arrives(self, receiver: Receiver, enable: Enable, make_meta_event: Make) -> None:
        enable(url=receiver.url("/meta"))
        row = make_meta_event()
        assert send() == 1
        [request] = receiver.requests("/meta")
        assert request.method == "POST"
        assert [name for name, _ in request.headers if name not in ("Host", "Content-Length")] == [
            "Content-Type",
            "Accept-Encoding",
            "User-Agent",
            "X-Convoy-Idempotency-Key",
            "X-Convoy-Signature",
        ]
        assert request.header("Content-Type") == "application/json"
        assert request.header("X-Convoy-Idempotency-Key") == hashlib.sha256(row.uid.encode()).hexdigest()

    def test_what_is_signed_is_what_arrives(
        self, project: Project, receiver: Receiver, enable: Enable, make_meta_event: Make
    ) -> None:
        project.config["signature"] = {"header": "X-Own", "versions": [{"hash": "SHA512", "encoding": "base64"}]}
        project.save(update_fields=["config"])
        enable(url=receiver.url("/meta"))
        row = make_meta_event(body='{"event_type":"x","data":{"b":1.50,"a":"ü"}}')
        send()
        [request] = receiver.requests("/meta")
        assert request.body == row.body.encode()
        expected = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
        assert request.header("X-Convoy-Signature") == expected
        assert request.header("X-Own") is None


class TestOutcomes:
    def test_success(self, receiver: Receiver, enable: Enable, make_meta_event: Make) -> None:
        enable(url=receiver.url("/meta"))
        receiver.answer("/meta", status=202, body=b"thanks\0", headers=[("X-A", "1"), ("X-A", "2")])
        row = make_meta_event()
        send()
        row.refresh_from_db()
        assert (row.status, row.num_trials, row.due_at, row.lease) == ("Success", 1, None, None)
        assert row.attempt is not None
        assert row.attempt["response_data"] == "thanks\ufffd"
        assert row.attempt["response_http_header"]["X-A"] == "1 2"
        assert row.attempt["request_http_header"]["Content-Type"] == "application/json"
        assert send() == 0

    def test_retries_until_the_limit_with_one_idempotency_key(
        self, receiver: Receiver, enable: Enable, make_meta_event: Make
    ) -> None:
        enable(url=receiver.url("/meta"))
        receiver.answer("/meta", status=500, body=b"broken")
        row = make_meta_event(retry_limit=3, interval_seconds=60)
        seen = []
        for _ in range(3):
            before = timezone.now()
            assert send() == 1
            row.refresh_from_db()
            seen.append((row.status, row.num_trials))
            if row.status == "Retry":
                assert row.due_at is not None
                assert timedelta(seconds=59) < row.due_at - before < timedelta(seconds=120)
                assert row.next_send_time == row.due_at
                assert send() == 0
            make_due()
        assert seen == [("Retry", 1), ("Retry", 2), ("Failure", 3)]
        assert row.due_at is None
        assert row.attempt is not None
        assert row.attempt["response_data"] == "broken"
        requests = receiver.requests("/meta")
        assert len(requests) == 3
        assert len({request.header("X-Convoy-Idempotency-Key") for request in requests}) == 1

    def test_an_attempt_without_an_answer_leaves_the_previous_one(
        self, receiver: Receiver, enable: Enable, make_meta_event: Make
    ) -> None:
        enable(url=receiver.url("/meta"))
        receiver.answer("/meta", reset=True)
        row = make_meta_event(attempt={"response_data": "the one before"})
        send()
        row.refresh_from_db()
        assert (row.status, row.num_trials) == ("Retry", 1)
        assert row.attempt == {"response_data": "the one before"}

    def test_a_redirect_is_a_failure(self, receiver: Receiver, enable: Enable, make_meta_event: Make) -> None:
        enable(url=receiver.url("/meta"))
        receiver.answer("/meta", redirect=receiver.url("/elsewhere"))
        row = make_meta_event(retry_limit=1)
        send()
        row.refresh_from_db()
        assert row.status == "Failure"
        assert receiver.requests("/elsewhere") == []

    def test_retry_after_is_honoured(self, receiver: Receiver, enable: Enable, make_meta_event: Make) -> None:
        enable(url=receiver.url("/meta"))
        receiver.answer("/meta", status=503, headers=[("retry-after", "900")])
        row = make_meta_event()
        send()
        row.refresh_from_db()
        assert row.due_at is not None
        assert row.due_at - timezone.now() > timedelta(seconds=800)

    def test_a_private_address_is_refused(self, receiver: Receiver, enable: Enable, make_meta_event: Make) -> None:
        enable(url=receiver.url("/meta"))
        row = make_meta_event()

        async def work(pool: Pool) -> int:
            async with Outbound() as outbound:
                return await send_due(pool, outbound)

        assert with_pool(work) == 1
        row.refresh_from_db()
        assert (row.status, row.num_trials) == ("Retry", 1)
        assert receiver.requests() == []

    @pytest.mark.parametrize("url", ["", "ftp://example.com/x", "http://user:pw@example.com/"])
    def test_a_url_that_never_works_ends_it(self, enable: Enable, make_meta_event: Make, url: str) -> None:
        enable(url=url)
        row = make_meta_event()
        send()
        row.refresh_from_db()
        assert (row.status, row.num_trials, row.due_at) == ("Failure", 1, None)

    def test_without_a_secret_nothing_is_sent(self, receiver: Receiver, enable: Enable, make_meta_event: Make) -> None:
        enable(url=receiver.url("/meta"), secret="")
        row = make_meta_event()
        send()
        row.refresh_from_db()
        assert row.status == "Retry"
        assert receiver.requests() == []

    def test_switched_off_meanwhile(self, receiver: Receiver, enable: Enable, make_meta_event: Make) -> None:
        enable(url=receiver.url("/meta"), is_enabled=False)
        row = make_meta_event()
        send()
        row.refresh_from_db()
        assert (row.status, row.num_trials, row.due_at) == ("Discarded", 0, None)
        assert receiver.requests() == []

    def test_a_deleted_project(
        self, project: Project, receiver: Receiver, enable: Enable, make_meta_event: Make
    ) -> None:
        enable(url=receiver.url("/meta"))
        row = make_meta_event()
        delete_project(project.uid)
        send()
        row.refresh_from_db()
        assert row.status == "Discarded"
        assert receiver.requests() == []


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
