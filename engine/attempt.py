"""Make one attempt: build and send the request of a claim, and derive the delivery's next state from the answer.

Contract: docs/contract/deliveries.md#sending, docs/contract/signatures.md#request.
"""

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any

import orjson

from core.encryption import UndecryptableValue, context_of, decrypt
from core.storable_text import storable
from core.tracing import attempt_span, is_tracing, trace_marks
from core.ulid import new_ulid
from deliveries.requests import FORM, Parts, Unbuildable, signed_request
from endpoints.authentication import OAUTH2
from endpoints.models import Endpoint
from endpoints.secrets import is_live
from endpoints.timeouts import timeout_of
from engine.choice import AT_MOST_ONCE, Queued
from engine.outcomes import Attempt, Outcome
from engine.queue import Claim
from engine.targets import Target
from outbound.client import Exchange, Outbound
from outbound.failures import is_decided
from outbound.headers import authentication_headers, redact_attempt_headers
from outbound.oauth2 import REQUEST_SECONDS as TOKEN_TIMEOUT_SECONDS
from outbound.oauth2 import Tokens, TokenUnavailable
from outbound.retries import LIMIT_REACHED, delay_seconds, parse_retry_after
from outbound.states import Status

logger = logging.getLogger("convoyclone.deliver")

#: A payload of more characters is signed and encoded in a thread, where it does not hold up other requests.
LONG_PAYLOAD = 32_768
#: Long forms are encoded one at a time, with breaks in which the worker's other deliveries go on: one of 1 MiB takes
#: half a second of CPU.
_forms = ThreadPoolExecutor(1, "long-forms")
#: The time to write the outcome, on top of the longest time that a request can take.
LEASE_MARGIN_SECONDS = 15
GONE = "Endpoint answered 410 Gone"


@dataclass(frozen=True, slots=True)
class Request:
    """The parts of a request, beside its URL."""

    headers: list[tuple[str, str]]
    body: bytes
    client_certificate: tuple[str, str] | None
    #: The names of the headers that hold the endpoint's credentials.
    secret_names: tuple[str, ...]


def timeout_seconds(target: Target) -> float:
    """Return how long a request to an endpoint may take, from the lookup of its name to the last byte of the answer."""
    return timeout_of(target.http_timeout)


def lease_seconds(target: Target) -> float:
    """Return the seconds for which a claimed delivery to an endpoint belongs to its worker."""
    token = TOKEN_TIMEOUT_SECONDS if target.authentication else 0
    return timeout_seconds(target) + token + LEASE_MARGIN_SECONDS


async def make_attempt(claim: Claim, outbound: Outbound, tokens: Tokens) -> Outcome:
    """Send a claimed delivery once. Failures of any kind are part of the outcome."""
    if not is_tracing():
        return await _send(claim, outbound, tokens)
    delivery = claim.delivery
    ids = {"delivery": delivery.uid, "event": delivery.event_id, "endpoint": delivery.endpoint_id}
    with attempt_span(claim.payload.trace, ids) as say:
        outcome = await _send(claim, outbound, tokens)
        attempt = outcome.attempt
        code = attempt.http_status.partition(" ")[0]
        more = {"convoyclone.outcome": str(outcome.status), "convoyclone.trial": delivery.num_trials + 1}
        failure = "" if attempt.succeeded else attempt.error or attempt.http_status
        say(more | ({"http.response.status_code": int(code)} if code else {}), failure)
    return outcome


async def _send(claim: Claim, outbound: Outbound, tokens: Tokens) -> Outcome:
    target = claim.target
    request: Request | None = None
    try:
        authentication = await _authentication(target, tokens)
        now = datetime.now(UTC)
        if len(claim.payload.data) > LONG_PAYLOAD:
            threads = _forms if target.content_type == FORM else None
            building = partial(build_request, claim, authentication, now=now)
            request = await asyncio.get_running_loop().run_in_executor(threads, copy_context().run, building)
        else:
            request = build_request(claim, authentication, now=now)
    except (TokenUnavailable, UndecryptableValue) as error:
        # Another worker may have the key that this one lacks.
        exchange = _unsent(str(error))
    except (Unbuildable, ValueError) as error:
        exchange = _unsent(str(error), is_permanent=True)
    except Exception:
        # A defect of ours counts as an attempt, so that the delivery is not claimed forever.
        logger.exception("the request of delivery %s cannot be built", claim.delivery.uid)
        exchange = _unsent("internal error: the request could not be built")
    else:
        exchange = await outbound.post(
            target.url,
            headers=request.headers,
            body=request.body,
            timeout=timeout_seconds(target),
            client_certificate=request.client_certificate,
            may_repeat=claim.delivery.delivery_mode != AT_MOST_ONCE,
        )
        if exchange.status == HTTPStatus.UNAUTHORIZED:
            _forget_token(target, tokens)
    return outcome_of(claim, request, exchange)


def build_request(claim: Claim, authentication: list[tuple[str, str]], *, now: datetime) -> Request:
    """Build the request of a delivery at `now`, with the headers of the endpoint's `authentication` and its own.

    Raises Unbuildable, ValueError and UndecryptableValue, whose texts hold no secret.
    """
    target, payload = claim.target, claim.payload
    parts = Parts(
        delivery_id=claim.delivery.uid,
        event_id=claim.delivery.event_id,
        test=claim.delivery.test,
        data=payload.data,
        headers=payload.headers,
        idempotency_key=payload.idempotency_key,
        content_type=target.content_type,
        advanced_signatures=target.advanced_signatures,
        secrets=[secret["value"] for secret in _secrets(target.secrets, target.uid) if is_live(secret, now)],
        config=target.project_config,
        sends_svix_headers=target.project_sends_svix_headers,
    )
    given = [*authentication, *_own_headers(target.custom_headers, target.uid).items()]
    headers, body = signed_request(parts, now=now, authentication=given, marks=trace_marks())
    certificate = _certificate(target.mtls_client_cert, target.uid)
    return Request(
        headers=headers,
        body=body,
        client_certificate=None if certificate is None else (certificate["client_cert"], certificate["client_key"]),
        secret_names=tuple(name for name, _ in given),
    )


def outcome_of(claim: Claim, request: Request | None, exchange: Exchange) -> Outcome:
    """Return the outcome of an exchange. Contract: docs/contract/deliveries.md#attempt-result."""
    delivery = claim.delivery
    succeeded = has_succeeded(exchange)
    status, description, delay = _next_state(delivery, exchange, succeeded)
    if claim.target.project_ends_gone and not delivery.test and _is_gone(exchange):
        status, description, delay = Status.FAILURE, GONE, None
    first_time = delivery.num_trials == 0 and exchange.responded_at is not None
    return Outcome(
        claim=claim,
        status=status,
        description=description,
        delay=delay,
        latency_seconds=(exchange.responded_at - delivery.created_at).total_seconds()
        if succeeded and first_time and exchange.responded_at
        else 0,
        attempt=Attempt(
            uid=new_ulid(),
            url=claim.target.url,
            ip_address=exchange.ip_address,
            request_headers=_headers_json(
                {} if request is None else redact_attempt_headers(request.headers, request.secret_names)
            ),
            response_headers=_headers_json(redact_attempt_headers(exchange.response_headers, ())),
            http_status="" if exchange.status is None else f"{exchange.status} {exchange.reason}".rstrip(),
            response_data=storable(exchange.body),
            error=exchange.error,
            succeeded=succeeded,
            requested_at=exchange.requested_at,
            responded_at=exchange.responded_at,
        ),
    )


def has_succeeded(exchange: Exchange) -> bool:
    """Return whether a receiver has accepted a request: it answered 200 to 299, and in time."""
    return exchange.status is not None and 200 <= exchange.status < 300 and is_decided(exchange.error)


def _is_gone(exchange: Exchange) -> bool:
    return exchange.status == HTTPStatus.GONE and is_decided(exchange.error)


def _next_state(delivery: Queued, exchange: Exchange, succeeded: bool) -> tuple[str, str, float | None]:
    if succeeded:
        return Status.SUCCESS, "", None
    if exchange.is_permanent:
        return Status.FAILURE, exchange.error, None
    if delivery.delivery_mode == AT_MOST_ONCE and exchange.was_sent:
        answered = exchange.status is not None
        return Status.FAILURE, f"Endpoint returned status code {exchange.status}" if answered else exchange.error, None
    failures_before = delivery.num_trials - delivery.num_trials_before
    if delivery.test or failures_before + 1 >= delivery.retry_limit:
        return Status.FAILURE, LIMIT_REACHED, None
    delay = delay_seconds(
        delivery.strategy, delivery.interval_seconds, failures_before, retry_after=_retry_after(exchange)
    )
    return Status.RETRY, "", delay


def _retry_after(exchange: Exchange) -> float | None:
    for name, value in exchange.response_headers:
        if name.lower() == "retry-after":
            return parse_retry_after(value, datetime.now(UTC))
    return None


async def _authentication(target: Target, tokens: Tokens) -> list[tuple[str, str]]:
    stored = _authentication_object(target.authentication, target.uid)
    if stored and stored["type"] == OAUTH2:
        return [("Authorization", await tokens.header(target.uid, stored[OAUTH2]))]
    return authentication_headers(stored)


def _forget_token(target: Target, tokens: Tokens) -> None:
    """Forget the access token that a receiver has not accepted, so that the next attempt asks for another."""
    stored = _authentication_object(target.authentication, target.uid)
    if stored and stored["type"] == OAUTH2:
        tokens.forget(target.uid, stored[OAUTH2])


def _unsent(error: str, *, is_permanent: bool = False) -> Exchange:
    return Exchange(
        status=None,
        reason="",
        response_headers=[],
        body=b"",
        error=error,
        ip_address="",
        was_sent=False,
        requested_at=datetime.now(UTC),
        responded_at=None,
        is_permanent=is_permanent,
    )


def _headers_json(headers: Mapping[str, str]) -> str:
    return orjson.dumps(headers).decode()


# Encrypting never gives the same bytes twice, so a cache by the bytes is never out of date.
@lru_cache(maxsize=4096)
def _secrets(stored: bytes, uid: str) -> list[dict[str, Any]]:
    secrets: list[dict[str, Any]] = orjson.loads(decrypt(stored, context_of(Endpoint, "secrets"), uid))
    return secrets


@lru_cache(maxsize=4096)
def _authentication_object(stored: bytes | None, uid: str) -> dict[str, Any] | None:
    return None if stored is None else orjson.loads(decrypt(stored, context_of(Endpoint, "authentication"), uid))


@lru_cache(maxsize=256)
def _certificate(stored: bytes | None, uid: str) -> dict[str, str] | None:
    return None if stored is None else orjson.loads(decrypt(stored, context_of(Endpoint, "mtls_client_cert"), uid))


@lru_cache(maxsize=4096)
def _own_headers(stored: bytes | None, uid: str) -> dict[str, str]:
    return {} if stored is None else orjson.loads(decrypt(stored, context_of(Endpoint, "custom_headers"), uid))
