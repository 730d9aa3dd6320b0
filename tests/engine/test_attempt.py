"""One attempt: the request that is built of a delivery, and what an answer makes of it."""

import asyncio
import contextlib
import hmac
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import orjson
import pytest
import svix.webhooks
from standardwebhooks.webhooks import Webhook

from core.api.values import wire_time
from core.encryption import encrypt
from deliveries.requests import Unbuildable
from endpoints.secrets import new_secret, rotate
from engine import attempt
from engine.attempt import (
    GONE,
    LONG_PAYLOAD,
    Request,
    build_request,
    lease_seconds,
    make_attempt,
    outcome_of,
    timeout_seconds,
)
from engine.choice import Queued
from engine.queue import Claim, Payload
from engine.targets import Target
from events.exceptions import KeyMissing
from outbound.client import Exchange
from outbound.responses import GZIP_BROKEN
from outbound.retries import LIMIT_REACHED
from outbound.signatures import NothingToSignWith, standard_secret
from projects.config import default_config

NOW = datetime.now(UTC)


def a_claim(*, data: str = '{"n":1}', config: dict[str, Any] | None = None, **fields: Any) -> Claim:
    secrets = fields.pop("secrets", [new_secret("s1", NOW)])
    target: dict[str, Any] = {
        "uid": "01K4T0A1B2C3D4E5F6G7H8J9KM",
        "project_id": "01K4SZZZ3N8W6P0Q2R4S6T8V0X",
        "url": "https://hooks.example.com/in",
        "status": "active",
        "is_deleted": False,
        "http_timeout": 0,
        "rate_limit": 0,
        "rate_limit_duration": 0,
        "content_type": "application/json",
        "name": "Billing",
        "advanced_signatures": True,
        "secrets": encrypt(orjson.dumps(secrets), "endpoints_endpoint.secrets", "01K4T0A1B2C3D4E5F6G7H8J9KM"),
        "authentication": None,
        "mtls_client_cert": None,
        "custom_headers": None,
        "project_is_deleted": False,
        "project_config": default_config(NOW) | (config or {}),
        "project_meta_event": b"",
        "project_ends_gone": False,
        "project_sends_svix_headers": False,
        "in_flight": 0,
        "open_until": None,
        "held_until": None,
        "now": NOW,
    }
    delivery: dict[str, Any] = {
        "uid": "01K4T0ZA7Q3X9W5V1T7R3P9N5M",
        "project_id": target["project_id"],
        "event_id": "01K4T0Z8M6Q2V7R9B3C5D1E8FG",
        "endpoint_id": target["uid"],
        "subscription_id": "01K4T0B2C3D4E5F6G7H8J9KMNP",
        "event_type": "invoice.paid",
        "status": "Scheduled",
        "delivery_mode": "at_least_once",
        "strategy": "linear",
        "interval_seconds": 10,
        "retry_limit": 3,
        "num_trials": 0,
        "num_trials_before": 0,
        "test": "",
        "is_parked": False,
        "created_at": NOW - timedelta(seconds=1),
        "lease": None,
    }
    payload: dict[str, Any] = {"uid": delivery["event_id"], "data": data, "headers": {}, "idempotency_key": ""}
    for name, value in fields.items():
        [given] = [group for group in (target, delivery, payload) if name in group and name != "uid"][:1]
        given[name] = value
    return Claim(Queued(**delivery), Target(**target), Payload(**payload), uuid.uuid4())


def an_exchange(status: int | None = 200, **fields: Any) -> Exchange:
    given: dict[str, Any] = {
        "status": status,
        "reason": "OK",
        "response_headers": [],
        "body": b"",
        "error": "" if status else "connection refused",
        "ip_address": "203.0.113.7",
        "was_sent": status is not None,
        "requested_at": NOW,
        "responded_at": NOW if status else None,
        "is_permanent": False,
    }
    return Exchange(**given | fields)


def sealed(headers: dict[str, str]) -> bytes:
    """An endpoint's own headers as they are stored."""
    return encrypt(orjson.dumps(headers), "endpoints_endpoint.custom_headers", "01K4T0A1B2C3D4E5F6G7H8J9KM")


def built(claim: Claim, **more: Any) -> tuple[dict[str, str], bytes]:
    request = build_request(claim, more.get("authentication", []), now=more.get("now", NOW))
    return dict(request.headers), request.body


class TestRequest:
    def test_what_is_sent_is_what_is_signed(self) -> None:
        headers, body = built(a_claim(data='{"u":"\\u00e9","n":1.50}'), now=datetime.now(UTC))
        assert body == b'{"u":"\\u00e9","n":1.50}'
        Webhook(standard_secret("s1")).verify(body, headers)
        assert headers["X-Convoy-Signature"].startswith("t=")
        assert headers["User-Agent"].startswith("Convoy/")
        assert headers["Accept-Encoding"] == "gzip"

    def test_the_message_id_is_that_of_the_delivery(self) -> None:
        assert built(a_claim())[0]["webhook-id"] == "01K4T0ZA7Q3X9W5V1T7R3P9N5M"

    @pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
    def test_svixs_headers_where_the_project_wants_them(self, content_type: str) -> None:
        secrets = [new_secret("s1", NOW), new_secret("s2", NOW)]
        claim = a_claim(secrets=secrets, content_type=content_type, project_sends_svix_headers=True)
        # The library refuses a timestamp that is older than five minutes, which NOW is in a long run.
        headers, body = built(claim, now=datetime.now(UTC))
        assert headers["svix-id"] == "msg_01K4T0Z8M6Q2V7R9B3C5D1E8FG"
        svixs = {name: value for name, value in headers.items() if name.startswith("svix-")}
        assert len(svixs) == 3
        for secret in ("s1", "s2"):
            svix.webhooks.Webhook(standard_secret(secret)).verify(body, svixs)
            svix.webhooks.Webhook(standard_secret(secret)).verify(body, headers)
        with pytest.raises(svix.webhooks.WebhookVerificationError):
            svix.webhooks.Webhook(standard_secret("s3")).verify(body, svixs)
        plain, _ = built(a_claim(content_type=content_type))
        assert [name for name in plain if name.startswith("svix-")] == []

    def test_every_live_secret_signs_and_no_ended_one(self) -> None:
        old = [new_secret("old", NOW)]
        both = rotate(old, value="new", hours=1, now=NOW)
        ended = rotate(old, value="new", hours=0, now=NOW - timedelta(seconds=1))
        assert built(a_claim(secrets=both))[0]["X-Convoy-Signature"].count("v1=") == 2
        assert built(a_claim(secrets=ended))[0]["X-Convoy-Signature"].count("v1=") == 1

    @pytest.mark.parametrize(("test", "signatures"), [("", 2), ("test", 2), ("rehearsal", 1)])
    def test_a_rehearsal_is_signed_with_the_newest_secret_only(self, test: str, signatures: int) -> None:
        both = rotate([new_secret("old", NOW)], value="new", hours=1, now=NOW)
        headers, body = built(a_claim(secrets=both, test=test), now=datetime.now(UTC))
        assert headers["X-Convoy-Signature"].count("v1=") == signatures
        assert headers["webhook-signature"].count("v1,") == signatures
        Webhook(standard_secret("new")).verify(body, headers)

    def test_a_test_event_says_that_it_is_one(self) -> None:
        assert "webhook-test" not in built(a_claim())[0]
        for test in ("test", "rehearsal"):
            assert built(a_claim(test=test))[0]["webhook-test"] == "1"

    def test_nobody_else_sends_the_mark_of_a_test_event(self) -> None:
        headers, _ = built(a_claim(headers={"Webhook-Test": ["0"], "X-A": ["1"]}))
        assert "webhook-test" not in {name.lower() for name in headers}
        assert headers["X-A"] == "1"

    def test_without_a_secret_nothing_is_built(self) -> None:
        gone = [new_secret("s", NOW) | {"expires_at": wire_time(NOW - timedelta(hours=1))}]
        with pytest.raises(NothingToSignWith):
            built(a_claim(secrets=gone))

    def test_trace_headers_where_the_project_wants_them(self) -> None:
        headers, _ = built(a_claim(config={"add_event_id_trace_headers": True}))
        assert headers["X-Convoy-Event-ID"] == "01K4T0Z8M6Q2V7R9B3C5D1E8FG"
        assert headers["X-Convoy-EventDelivery-ID"] == "01K4T0ZA7Q3X9W5V1T7R3P9N5M"
        assert "X-Convoy-Event-ID" not in built(a_claim())[0]

    def test_the_endpoints_own_headers(self) -> None:
        own = {"X-Tenant": "acme", "authorization": "theirs", "X-Convoy-Event-ID": "mine", "Content-Type": "text/plain"}
        claim = a_claim(custom_headers=sealed(own), config={"add_event_id_trace_headers": True})
        headers, _ = built(claim, authentication=[("Authorization", "ours")])
        assert headers["X-Tenant"] == "acme"
        # Headers that the request has already, or that an endpoint's authentication sets, take precedence.
        assert (headers["Authorization"], headers["Content-Type"]) == ("ours", "application/json")
        assert "authorization" not in headers
        request = build_request(claim, [], now=NOW)
        stored = outcome_of(claim, request, an_exchange(200)).attempt.request_headers
        assert orjson.loads(stored)["X-Tenant"] == "[REDACTED]"

    def test_the_idempotency_key_has_the_projects_header(self) -> None:
        claim = a_claim(config={"request_id_header": "X-Request-Ref"}, idempotency_key="k1")
        headers, _ = built(claim)
        assert headers["X-Request-Ref"] == "k1"
        assert "X-Convoy-Idempotency-Key" not in headers

    def test_without_a_key_a_custom_header_cannot_be_sent(self) -> None:
        with pytest.raises(Unbuildable, match=KeyMissing.message):
            built(a_claim(config={"request_id_header": "X-Request-Ref"}))

    def test_a_form_is_signed_as_it_is_sent(self) -> None:
        headers, body = built(a_claim(data='{"b":"x y","a":12.5}', content_type="application/x-www-form-urlencoded"))
        assert body == b"a=12.5&b=x+y"
        signed = hmac.new(b"s1", f"{int(NOW.timestamp())},".encode() + body, "sha256").hexdigest()
        assert headers["X-Convoy-Signature"].endswith(f",v1={signed}")

    def test_a_list_is_no_form(self) -> None:
        with pytest.raises(Unbuildable, match="not an object"):
            built(a_claim(data="[1]", content_type="application/x-www-form-urlencoded"))

    def test_timeouts_and_leases(self) -> None:
        for given, seconds in [(0, 10), (5, 5), (100_000, 60)]:
            target = a_claim(http_timeout=given).target
            assert timeout_seconds(target) == seconds
            assert lease_seconds(target) > seconds + 10


class TestLongPayloads:
    def built_at_once(self, monkeypatch: pytest.MonkeyPatch, count: int, **fields: Any) -> int:
        """How many long requests are built side by side, where each waits a little for others."""
        running, most, lock = 0, 0, threading.Lock()
        side_by_side = threading.Barrier(2)

        def build(*_: Any, **__: Any) -> Request:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            with contextlib.suppress(threading.BrokenBarrierError):
                side_by_side.wait(0.2)
            with lock:
                running -= 1
            raise Unbuildable("seen")

        monkeypatch.setattr(attempt, "build_request", build)
        claims = [a_claim(data=f'{{"n":"{"x" * LONG_PAYLOAD}"}}', **fields) for _ in range(count)]

        async def make_all() -> list[Any]:
            return await asyncio.gather(*(make_attempt(claim, Mock(), Mock()) for claim in claims))

        assert {outcome.attempt.error for outcome in asyncio.run(make_all())} == {"seen"}
        return most

    def test_forms_are_encoded_one_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.built_at_once(monkeypatch, 3, content_type="application/x-www-form-urlencoded") == 1

    def test_others_are_signed_side_by_side(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.built_at_once(monkeypatch, 2) == 2


class TestOutcome:
    @pytest.mark.parametrize(
        ("exchange", "fields", "expected"),
        [
            (an_exchange(200), {}, ("Success", "")),
            (an_exchange(204), {}, ("Success", "")),
            (an_exchange(200, error=GZIP_BROKEN), {}, ("Success", "")),
            (an_exchange(200, error="context deadline exceeded"), {}, ("Retry", "")),
            (an_exchange(302), {}, ("Retry", "")),
            (an_exchange(410), {}, ("Retry", "")),
            (an_exchange(500), {}, ("Retry", "")),
            (an_exchange(None), {}, ("Retry", "")),
            (an_exchange(500), {"num_trials": 2}, ("Failure", LIMIT_REACHED)),
            (an_exchange(500), {"retry_limit": 1}, ("Failure", LIMIT_REACHED)),
            (an_exchange(500), {"retry_limit": 0}, ("Failure", LIMIT_REACHED)),
            (an_exchange(200), {"retry_limit": 1}, ("Success", "")),
            (an_exchange(500), {"test": "test"}, ("Failure", LIMIT_REACHED)),
            (an_exchange(200), {"test": "rehearsal"}, ("Success", "")),
            (an_exchange(500), {"num_trials": 5, "num_trials_before": 4}, ("Retry", "")),
            (an_exchange(500), {"num_trials": 5, "num_trials_before": 3}, ("Failure", LIMIT_REACHED)),
            (an_exchange(500), {"delivery_mode": "at_most_once"}, ("Failure", "Endpoint returned status code 500")),
            (an_exchange(None, is_permanent=True, error="bad URL"), {}, ("Failure", "bad URL")),
        ],
    )
    def test_status_and_description(
        self, exchange: Exchange, fields: dict[str, Any], expected: tuple[str, str]
    ) -> None:
        outcome = outcome_of(a_claim(**fields), None, exchange)
        assert (outcome.status, outcome.description) == expected
        assert (outcome.delay is None) == (outcome.status != "Retry")

    @pytest.mark.parametrize(
        ("exchange", "fields", "expected"),
        [
            (an_exchange(410), {}, ("Failure", GONE)),
            (an_exchange(410), {"retry_limit": 1}, ("Failure", GONE)),
            (an_exchange(410), {"delivery_mode": "at_most_once"}, ("Failure", GONE)),
            (an_exchange(410, error="context deadline exceeded"), {}, ("Retry", "")),
            (an_exchange(410), {"test": "test"}, ("Failure", LIMIT_REACHED)),
            (an_exchange(404), {}, ("Retry", "")),
        ],
    )
    def test_a_project_that_ends_gone_endpoints(
        self, exchange: Exchange, fields: dict[str, Any], expected: tuple[str, str]
    ) -> None:
        outcome = outcome_of(a_claim(project_ends_gone=True, **fields), None, exchange)
        assert (outcome.status, outcome.description) == expected

    def test_at_most_once_is_tried_again_only_if_nothing_was_sent(self) -> None:
        claim = a_claim(delivery_mode="at_most_once")
        assert outcome_of(claim, None, an_exchange(None, was_sent=True)).status == "Failure"
        assert outcome_of(claim, None, an_exchange(None, was_sent=False)).status == "Retry"

    def test_the_delay_is_the_strategys_and_the_receivers(self) -> None:
        delay = outcome_of(a_claim(), None, an_exchange(500)).delay
        assert delay is not None
        assert 10 <= delay < 11
        asked = an_exchange(503, response_headers=[("Retry-After", "60")])
        assert outcome_of(a_claim(), None, asked).delay == 60
        grown = outcome_of(a_claim(strategy="exponential", num_trials=4, retry_limit=9), None, an_exchange(500))
        assert grown.delay is not None
        assert 160 <= grown.delay <= 165

    def test_a_resend_begins_the_exponential_anew(self) -> None:
        claim = a_claim(strategy="exponential", num_trials=7, num_trials_before=7)
        delay = outcome_of(claim, None, an_exchange(500)).delay
        assert delay is not None
        assert 10 <= delay <= 15

    def test_latency_is_that_of_a_first_success(self) -> None:
        assert outcome_of(a_claim(), None, an_exchange(200)).latency_seconds == pytest.approx(1)
        assert outcome_of(a_claim(num_trials=1), None, an_exchange(200)).latency_seconds == 0
        assert outcome_of(a_claim(), None, an_exchange(500)).latency_seconds == 0

    def test_credentials_are_not_in_the_attempt(self) -> None:
        request = Request([("X-Key", "hunter2"), ("Authorization", "Bearer t"), ("X-A", "1")], b"", None, ("X-Key",))
        attempt = outcome_of(a_claim(), request, an_exchange(200)).attempt
        assert orjson.loads(attempt.request_headers) == {
            "X-Key": "[REDACTED]",
            "Authorization": "[REDACTED]",
            "X-A": "1",
        }

    def test_what_a_text_column_refuses_is_replaced(self) -> None:
        attempt = outcome_of(a_claim(), None, an_exchange(200, body=b"a\0b\xff")).attempt
        assert attempt.response_data == "a\ufffdb\ufffd"
