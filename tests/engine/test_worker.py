"""The worker, on real PostgreSQL and against real receivers."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson
import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook

from core.wake import wake_workers
from endpoints.models import Endpoint, Notification
from engine import queue, worker
from engine.outcomes import Outcome
from engine.queue import Claimed
from engine.settle import settle
from events.models import DeliveryAttempt, EventDelivery
from outbound.signatures import standard_secret
from projects.models import Project
from tests.engine.engine import queue_deliveries, working
from tests.outbound.receivers import Receiver, gzip_bomb, gzipped
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback_is_allowed")]
Make = Callable[..., Endpoint]


def settled(delivery: EventDelivery, status: str) -> EventDelivery:
    """The delivery once it has a status."""

    def has_it() -> bool:
        delivery.refresh_from_db()
        return delivery.status == status

    eventually(has_it, f"the delivery has the status {status}")
    return delivery


def oauth2(receiver: Receiver) -> dict[str, Any]:
    """The authentication of an endpoint that wants a token of the receiver's."""
    given = {"client_id": "c", "client_secret": "s", "authentication_type": "shared_secret"}
    return {"authentication": {"type": "oauth2", "oauth2": {"url": receiver.url("/token"), **given}}}


class TestDelivering:
    def test_what_is_due_arrives_signed(self, make_endpoint: Make, receiver: Receiver) -> None:
        endpoint = make_endpoint(url=receiver.url("/in"), secret="s1")
        [delivery] = queue_deliveries(endpoint, data='{"b":1.50,"a":"\\u00e9"}', headers={"X-Tenant": ["acme"]})
        with working():
            [request] = receiver.wait_for(1)
            settled(delivery, "Success")
        assert request.body == b'{"b":1.50,"a":"\\u00e9"}'
        assert request.header("X-Tenant") == "acme"
        Webhook(standard_secret("s1")).verify(request.body, dict(request.headers))
        assert (delivery.num_trials, delivery.description) == (1, "")
        assert delivery.latency_seconds > 0
        attempt = DeliveryAttempt.objects.get()
        assert (attempt.http_status, attempt.status, attempt.ip_address) == ("200 OK", True, "127.0.0.1")

    @pytest.mark.slow
    def test_a_wake_up_is_faster_than_the_poll(
        self, make_endpoint: Make, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("engine.worker.POLL_SECONDS", 60)
        endpoint = make_endpoint(url=receiver.url("/in"))
        queue_deliveries(endpoint)
        with working():
            receiver.wait_for(1)
            for number in range(2, 6):
                queue_deliveries(endpoint)
                wake_workers()
                receiver.wait_for(number)

    @pytest.mark.slow
    def test_what_was_due_before_the_start_is_sent(self, make_endpoint: Make, receiver: Receiver) -> None:
        queue_deliveries(make_endpoint(url=receiver.url("/in")), 30, due_in=-3600)
        with working():
            receiver.wait_for(30)
            eventually(lambda: EventDelivery.objects.filter(status="Success").count() == 30, "all 30 have arrived")

    @pytest.mark.slow  # its receiver takes long
    def test_a_stop_waits_for_what_is_under_way(self, make_endpoint: Make, receiver: Receiver) -> None:
        receiver.answer("/slow", delay=1)
        [delivery] = queue_deliveries(make_endpoint(url=receiver.url("/slow")))
        with working():
            receiver.wait_for(1)
        delivery.refresh_from_db()
        assert delivery.status == "Success"

    @pytest.mark.slow  # several workers, and many deliveries
    @pytest.mark.parametrize("workers", [2, 4])
    def test_several_workers_send_each_delivery_once(
        self, make_endpoint: Make, receiver: Receiver, workers: int
    ) -> None:
        for number in range(20):
            queue_deliveries(make_endpoint(url=receiver.url(f"/{number}")), 20)
        with working(workers):
            eventually(lambda: EventDelivery.objects.filter(status="Success").count() == 400, "all 400 have arrived")
        ids = [request.header("webhook-id") for request in receiver.requests()]
        assert len(ids) == len(set(ids)) == 400
        assert DeliveryAttempt.objects.count() == 400


class TestFailing:
    @pytest.mark.slow  # it waits until the worker tries again
    def test_a_failure_is_tried_again_on_time(self, make_endpoint: Make, receiver: Receiver) -> None:
        receiver.answer_once("/in", status=500, body=b"busy")
        [delivery] = queue_deliveries(make_endpoint(url=receiver.url("/in")), interval_seconds=1)
        with working():
            first, second = receiver.wait_for(2)
            settled(delivery, "Success")
        assert second.arrived_at - first.arrived_at >= 1
        assert delivery.num_trials == 2
        assert [attempt.status for attempt in DeliveryAttempt.objects.order_by("pk")] == [False, True]
        assert first.header("X-Convoy-Signature") != second.header("X-Convoy-Signature")
        assert first.header("webhook-id") == second.header("webhook-id")

    @pytest.mark.slow  # it waits until the worker tries again
    def test_the_limit_ends_it(self, make_endpoint: Make, receiver: Receiver) -> None:
        receiver.answer("/in", status=500)
        [delivery] = queue_deliveries(make_endpoint(url=receiver.url("/in")), interval_seconds=1, retry_limit=2)
        with working():
            settled(delivery, "Failure")
        assert (delivery.description, delivery.num_trials, delivery.due_at) == ("Retry limit exceeded", 2, None)
        assert len(receiver.requests()) == 2

    @pytest.mark.parametrize(
        ("answer", "http_status", "error"),
        [
            ({"status": 302, "redirect": "http://127.0.0.1:1/"}, "302", ""),
            ({"hang": True}, "", "context deadline exceeded"),
            ({"reset": True}, "", "reset"),
            ({"close": True}, "", ""),
            ({"raw": [b"no http at all\r\n\r\n"]}, "", ""),
        ],
        ids=["redirect", "hanging", "reset", "closed", "garbage"],
    )
    def test_what_is_no_answer_is_a_failed_attempt(
        self, make_endpoint: Make, receiver: Receiver, answer: dict[str, Any], http_status: str, error: str
    ) -> None:
        receiver.answer("/in", **answer)
        [delivery] = queue_deliveries(make_endpoint(url=receiver.url("/in"), http_timeout=1))
        with working():
            settled(delivery, "Retry")
        attempt = DeliveryAttempt.objects.get()
        assert attempt.http_status.startswith(http_status)
        assert error in attempt.error
        assert attempt.error or http_status
        assert len(receiver.requests()) <= 1

    @pytest.mark.slow
    def test_a_gzip_bomb_is_a_success_with_a_short_record(self, make_endpoint: Make, receiver: Receiver) -> None:
        receiver.answer("/in", **gzipped(gzip_bomb(50_000_000)))
        [delivery] = queue_deliveries(make_endpoint(url=receiver.url("/in")))
        with working():
            settled(delivery, "Success")
        assert len(DeliveryAttempt.objects.get().response_data) <= 51_200

    @pytest.mark.slow
    def test_a_request_that_cannot_be_built_fails_for_good(self, make_endpoint: Make, receiver: Receiver) -> None:
        endpoint = make_endpoint(url=receiver.url("/in"), content_type="application/x-www-form-urlencoded")
        [bad] = queue_deliveries(endpoint, data="[1]")
        [good] = queue_deliveries(make_endpoint(url=receiver.url("/in")))
        with working():
            settled(bad, "Failure")
            settled(good, "Success")
        assert "form" in bad.description
        assert DeliveryAttempt.objects.filter(delivery=bad).count() == 1

    def test_an_address_that_is_refused_is_recorded_and_nothing_is_sent(
        self, make_endpoint: Make, receiver: Receiver, settings: Settings
    ) -> None:
        settings.DELIVERY_ALLOWED_NETWORKS = []
        [delivery] = queue_deliveries(make_endpoint(url=receiver.url("/in")))
        with working():
            settled(delivery, "Retry")
        assert "127.0.0.1" in DeliveryAttempt.objects.get().error
        assert receiver.requests() == []

    def test_a_secret_that_this_worker_cannot_read_is_a_retry(self, make_endpoint: Make, receiver: Receiver) -> None:
        [delivery] = queue_deliveries(make_endpoint(url=receiver.url("/in")))
        with connection.cursor() as cursor:
            cursor.execute("UPDATE endpoints_endpoint SET secrets = %s", [b"under a key that is not here"])
        with working():
            settled(delivery, "Retry")
        assert "ENCRYPTION_KEYS" in DeliveryAttempt.objects.get().error
        assert receiver.requests() == []

    @pytest.mark.slow  # it waits until the worker tries again
    def test_an_outcome_that_cannot_be_written_is_not_sent_again(
        self, make_endpoint: Make, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        [delivery] = queue_deliveries(make_endpoint(url=receiver.url("/in")))
        write = settle
        refusals = [psycopg.OperationalError("gone"), psycopg.errors.ReadOnlySqlTransaction("a standby")]

        async def failing(connected: psycopg.AsyncConnection[Any], outcomes: list[Outcome]) -> None:
            if refusals:
                # It was away for longer than the lease.
                await connected.execute("UPDATE events_eventdelivery SET due_at = now()")
                raise refusals.pop()
            await write(connected, outcomes)

        monkeypatch.setattr(worker, "settle", failing)
        with working():
            settled(delivery, "Success")
        assert len(receiver.requests()) == 1

    @pytest.mark.slow  # it waits until the worker tries again
    @pytest.mark.parametrize("mode", ["at_least_once", "at_most_once"])
    def test_a_delivery_whose_outcome_is_being_written_is_not_claimed_again(
        self, make_endpoint: Make, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, mode: str
    ) -> None:
        """Its lease ends, and the worker looks into the queue before it knows that the write has failed."""
        [delivery] = queue_deliveries(make_endpoint(url=receiver.url("/in")), delivery_mode=mode)
        claim, write = queue.claim, settle
        looks = 0
        refusals = [psycopg.OperationalError("gone")]

        async def looking(*args: Any, **named: Any) -> Claimed:
            nonlocal looks
            claimed = await claim(*args, **named)
            looks += not claimed.is_busy
            return claimed

        async def hanging(connected: psycopg.AsyncConnection[Any], outcomes: list[Outcome]) -> None:
            if refusals:
                await connected.execute("UPDATE events_eventdelivery SET due_at = now()")
                # One look may have begun before the lease ended; the next one has not.
                enough, deadline = looks + 2, time.monotonic() + 60
                while looks < enough:
                    assert time.monotonic() < deadline, "the worker does not look into the queue"
                    await asyncio.sleep(0.01)
                raise refusals.pop()
            await write(connected, outcomes)

        monkeypatch.setattr(queue, "claim", looking)
        monkeypatch.setattr(worker, "settle", hanging)
        with working():
            settled(delivery, "Success")
        assert refusals == []
        assert len(receiver.requests()) == 1

    def test_credentials_are_sent_and_not_stored(self, make_endpoint: Make, receiver: Receiver) -> None:
        endpoint = make_endpoint(
            url=receiver.url("/in"),
            authentication={"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "hunter2"}},
        )
        [delivery] = queue_deliveries(endpoint)
        with working():
            settled(delivery, "Success")
        assert receiver.requests()[0].header("X-Key") == "hunter2"
        assert "hunter2" not in orjson.dumps(list(DeliveryAttempt.objects.values()), default=str).decode()

    @pytest.mark.slow  # it waits until the worker tries again
    def test_a_token_server_that_is_down_is_a_retry(
        self, make_endpoint: Make, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("outbound.oauth2.FAILURE_SECONDS", 0.5)
        receiver.answer_once("/token", status=503)
        receiver.answer("/token", body=b'{"access_token":"t1","token_type":"Bearer","expires_in":3600}')
        endpoint = make_endpoint(url=receiver.url("/in"), **oauth2(receiver))
        [delivery] = queue_deliveries(endpoint, interval_seconds=1)
        with working():
            settled(delivery, "Success")
        failed, succeeded = DeliveryAttempt.objects.order_by("pk")
        assert failed.error
        assert not succeeded.error
        assert receiver.wait_for(1, "/in")[0].header("Authorization") == "Bearer t1"

    @pytest.mark.slow  # it waits until the worker tries again
    def test_a_token_that_is_refused_is_not_used_again(self, make_endpoint: Make, receiver: Receiver) -> None:
        for name in ("old", "new"):
            receiver.answer_once("/token", body=orjson.dumps({"access_token": name, "expires_in": 3600}))
        receiver.answer_once("/in", status=401)
        [delivery] = queue_deliveries(make_endpoint(url=receiver.url("/in"), **oauth2(receiver)), interval_seconds=1)
        with working():
            settled(delivery, "Success")
        sent = [request.header("Authorization") for request in receiver.requests("/in")]
        assert sent == ["Bearer old", "Bearer new"]


@pytest.mark.slow  # many deliveries, and receivers that take long
class TestFairness:
    def test_hanging_endpoints_do_not_hold_up_the_others(self, make_endpoint: Make, receiver: Receiver) -> None:
        receiver.answer("/hang", hold=True)
        for _ in range(3):
            queue_deliveries(make_endpoint(url=receiver.url("/hang"), http_timeout=60), 60, due_in=-10)
        healthy = queue_deliveries(make_endpoint(url=receiver.url("/in")), 50)
        with working():
            receiver.wait_for(50, "/in", timeout=45)
            receiver.wait_for(30, "/hang")
            # Each of the three endpoints has its whole share, and none has been answered or given up.
            assert len(receiver.requests("/hang")) == 30
            assert not DeliveryAttempt.objects.filter(endpoint__url=receiver.url("/hang")).exists()
            Endpoint.objects.filter(url=receiver.url("/hang")).update(status="inactive")
            receiver.release()
        assert EventDelivery.objects.filter(pk__in=[each.pk for each in healthy], status="Success").count() == 50

    def test_an_endpoint_never_has_more_than_its_share(self, make_endpoint: Make, receiver: Receiver) -> None:
        receiver.answer("/in", delay=0.05)
        queue_deliveries(make_endpoint(url=receiver.url("/in")), 60)
        with working():
            eventually(lambda: EventDelivery.objects.filter(status="Success").count() == 60, "all 60 have arrived")
        assert receiver.most_in_flight <= 10

    def test_a_rate_limit_is_kept(self, make_endpoint: Make, receiver: Receiver) -> None:
        endpoint = make_endpoint(url=receiver.url("/in"), rate_limit=2, rate_limit_duration=1)
        queue_deliveries(endpoint, 6)
        began_at = time.monotonic()
        with working(2):
            requests = receiver.wait_for(6)
        # Two at once, then one each half second. The first may arrive late, so that the time counts from before it.
        assert requests[-1].arrived_at - began_at >= 1.8


class TestDisabling:
    def disable(self, project: Project) -> None:
        project.config["disable_endpoint"] = True
        project.save()

    @pytest.mark.slow
    def test_attempts_that_are_used_up_disable_the_endpoint_once(
        self, project: Project, make_endpoint: Make, receiver: Receiver
    ) -> None:
        self.disable(project)
        receiver.answer("/in", status=500, body=b"broken")
        endpoint = make_endpoint(url=receiver.url("/in"), support_email="ops@acme.example")
        queue_deliveries(endpoint, 5, retry_limit=1)
        with working():
            eventually(lambda: not EventDelivery.objects.filter(due_at__isnull=False).exists(), "all have ended")
        endpoint.refresh_from_db()
        assert endpoint.status == "inactive"
        [notification] = Notification.objects.all()
        assert "status code was 500" in notification.text

    @pytest.mark.slow
    def test_an_endpoint_that_is_gone_is_disabled_at_once(
        self, project: Project, make_endpoint: Make, receiver: Receiver
    ) -> None:
        project.ends_gone_endpoints = True
        project.save()
        receiver.answer("/in", status=410, body=b"moved away")
        endpoint = make_endpoint(url=receiver.url("/in"), support_email="ops@acme.example")
        [first] = queue_deliveries(endpoint, retry_limit=20)
        [later] = queue_deliveries(endpoint, retry_limit=20, due_in=3600)
        with working():
            assert settled(first, "Failure").description == "Endpoint answered 410 Gone"
            EventDelivery.objects.filter(pk=later.pk).update(due_at=timezone.now())
            settled(later, "Discarded")
        endpoint.refresh_from_db()
        assert (endpoint.status, endpoint.status_reason[:3]) == ("inactive", "410")
        assert len(receiver.requests()) == 1
        [notification] = Notification.objects.all()
        assert "answered 410 Gone, endpoint response body (moved away)" in notification.text

    def test_an_endpoint_that_is_gone_stays_where_the_project_does_not_want_that(
        self, project: Project, make_endpoint: Make, receiver: Receiver
    ) -> None:
        self.disable(project)
        receiver.answer("/in", status=410)
        endpoint = make_endpoint(url=receiver.url("/in"))
        [delivery] = queue_deliveries(endpoint, retry_limit=20)
        with working():
            settled(delivery, "Retry")
        endpoint.refresh_from_db()
        assert endpoint.status == "active"

    def test_a_last_attempt_that_succeeds_disables_nothing(
        self, project: Project, make_endpoint: Make, receiver: Receiver
    ) -> None:
        self.disable(project)
        endpoint = make_endpoint(url=receiver.url("/in"))
        [delivery] = queue_deliveries(endpoint, retry_limit=1)
        with working():
            settled(delivery, "Success")
        endpoint.refresh_from_db()
        assert endpoint.status == "active"
        assert not Notification.objects.exists()

    @pytest.mark.slow
    def test_one_event_that_it_cannot_take_does_not_disable_an_endpoint(
        self, project: Project, make_endpoint: Make, receiver: Receiver
    ) -> None:
        self.disable(project)
        endpoint = make_endpoint(url=receiver.url("/in"))
        [poison] = queue_deliveries(endpoint, retry_limit=1, due_in=3600)
        [later] = queue_deliveries(endpoint)
        with working():
            settled(later, "Success")
            receiver.answer("/in", status=400)
            EventDelivery.objects.filter(pk=poison.pk).update(due_at=timezone.now())
            settled(poison, "Failure")
        endpoint.refresh_from_db()
        assert endpoint.status == "active"
