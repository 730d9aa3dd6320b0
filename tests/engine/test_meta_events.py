"""Meta events on their way. Contract: docs/contract/meta-events.md#delivery."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from engine.database import Pool
from engine.meta_events import request_headers
from meta_events.models import MetaEvent
from outbound.client import Outbound
from projects.models import Project
from projects.operations import delete_project
from tests.meta_events.conftest import SECRET
from tests.meta_events.sending import send, send_due
from tests.outbound.receivers import Receiver
from tests.pools import with_pool

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., MetaEvent]
Enable = Callable[..., None]


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
