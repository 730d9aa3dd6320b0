"""Sending meta events: the queue of deliveries in small. Contract: meta-events-and-onboard section 2.4.

A row is claimed under a lease, sent without a transaction, and its outcome is written where the lease
is still the same. A lease that has ended, because its worker has, can be claimed again (X4).
"""

import asyncio
import hashlib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from django.conf import settings
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from convoyclone.encryption import UndecryptableValue
from events.delivery.attempt import has_succeeded
from events.delivery.outbound import Exchange, Outbound
from events.delivery.retries import delay_seconds, parse_retry_after
from events.delivery.signatures import NothingToSignWith, convoy_signature
from events.models import Status
from meta_events.emission import settings_of

TIMEOUT_SECONDS = 10
#: The longest request, and the outcome's way into the database.
LEASE_SECONDS = TIMEOUT_SECONDS + 20
#: Of the rows that stand first, how many are looked at for each that is taken: no project takes all places.
WINDOW_FACTOR = 10
SIGNATURE_HEADER = "X-Convoy-Signature"
IDEMPOTENCY_HEADER = "X-Convoy-Idempotency-Key"
USER_AGENT = f"Convoy/{settings.VERSION}"
_SIGNED_WITH = [{"hash": "SHA256", "encoding": "hex"}]

Pool = AsyncConnectionPool[AsyncConnection[Any]]

_CLAIM = """
WITH due AS (
  SELECT uid, project_id, due_at FROM meta_events_metaevent
  WHERE due_at <= now() ORDER BY due_at LIMIT %(window)s FOR UPDATE SKIP LOCKED
), fair AS (
  SELECT uid FROM (
    SELECT uid, due_at, row_number() OVER (PARTITION BY project_id ORDER BY due_at) AS place FROM due
  ) ranked ORDER BY place, due_at LIMIT %(limit)s
)
UPDATE meta_events_metaevent m
SET status = 'Processing', lease = %(lease)s, due_at = now() + %(seconds)s * interval '1 second', updated_at = now()
FROM fair, projects_project p
WHERE m.uid = fair.uid AND p.uid = m.project_id
RETURNING m.uid, m.body, m.strategy, m.interval_seconds, m.retry_limit, m.num_trials, m.num_trials_before,
  p.meta_event AS settings, p.deleted_at IS NOT NULL AS project_is_deleted
"""
_SETTLE = """
UPDATE meta_events_metaevent
SET status = %(status)s, num_trials = num_trials + %(trials)s, attempt = coalesce(%(attempt)s::jsonb, attempt),
  next_send_time = coalesce(now() + %(delay)s * interval '1 second', next_send_time),
  due_at = now() + %(delay)s * interval '1 second', lease = NULL, updated_at = now()
WHERE uid = %(uid)s AND lease = %(lease)s
"""


@dataclass(slots=True)
class Claim:
    """A meta event that is to be sent now, with its project's settings as they are stored."""

    uid: str
    body: str
    strategy: str
    interval_seconds: int
    retry_limit: int
    num_trials: int
    num_trials_before: int
    settings: bytes
    project_is_deleted: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a claim. `delay` is in seconds; None: it is not sent again."""

    status: str
    trials: int
    attempt: str | None = None
    delay: float | None = None


async def send_due(pool: Pool, outbound: Outbound, *, limit: int = 20) -> int:
    """Claim up to `limit` meta events that are due, send them at the same time, and write what came of each.

    Returns how many there were. A project that was deleted, or that has switched meta events off
    meanwhile, gets no request: its meta events are discarded.
    """
    lease = uuid.uuid4()
    parameters = {"limit": limit, "window": limit * WINDOW_FACTOR, "lease": lease, "seconds": LEASE_SECONDS}
    async with pool.connection() as connection, connection.cursor(row_factory=class_row(Claim)) as cursor:
        await cursor.execute(_CLAIM, parameters)
        claims = await cursor.fetchall()
    results = await asyncio.gather(
        *(_deliver(pool, outbound, claim, lease) for claim in claims), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException):
            # Its lease ends, and it is sent again. The others are done.
            raise result
    return len(claims)


async def _deliver(pool: Pool, outbound: Outbound, claim: Claim, lease: uuid.UUID) -> None:
    outcome = await _attempt(outbound, claim)
    async with pool.connection() as connection:
        await connection.execute(
            _SETTLE,
            {
                "uid": claim.uid,
                "lease": lease,
                "status": outcome.status,
                "trials": outcome.trials,
                "attempt": outcome.attempt,
                "delay": outcome.delay,
            },
        )


async def _attempt(outbound: Outbound, claim: Claim) -> Outcome:
    if claim.project_is_deleted:
        return Outcome(Status.DISCARDED, trials=0)
    try:
        config = settings_of(claim.settings)
        if not config["is_enabled"]:
            return Outcome(Status.DISCARDED, trials=0)
        headers = request_headers(claim.uid, claim.body.encode(), secret=config["secret"])
    except (UndecryptableValue, NothingToSignWith):
        # The operator or the project can mend it.
        return _failed(claim, retry_after=None)
    exchange = await outbound.post(config["url"], headers=headers, body=claim.body.encode(), timeout=TIMEOUT_SECONDS)
    return _outcome(claim, headers, exchange)


def request_headers(uid: str, body: bytes, *, secret: str) -> list[tuple[str, str]]:
    """The headers of one request, which are the same at each attempt. Raises NothingToSignWith.

    The project's own signature settings have no say here.
    """
    signature = convoy_signature(body, secrets=[secret], versions=_SIGNED_WITH, advanced=False, timestamp=0)
    return [
        ("Content-Type", "application/json"),
        ("Accept-Encoding", "gzip"),
        ("User-Agent", USER_AGENT),
        (IDEMPOTENCY_HEADER, hashlib.sha256(uid.encode()).hexdigest()),
        (SIGNATURE_HEADER, signature),
    ]


def _outcome(claim: Claim, headers: list[tuple[str, str]], exchange: Exchange) -> Outcome:
    if exchange.status is None:
        return _failed(claim, retry_after=None, is_permanent=exchange.is_permanent)
    attempt = orjson.dumps(
        {
            "request_http_header": _joined(headers),
            "response_http_header": _joined(exchange.response_headers),
            "response_data": exchange.body.decode(errors="replace").replace("\0", "\ufffd"),
        }
    ).decode()
    if has_succeeded(exchange):
        return Outcome(Status.SUCCESS, trials=1, attempt=attempt)
    asked = next((value for name, value in exchange.response_headers if name.lower() == "retry-after"), "")
    return _failed(claim, retry_after=parse_retry_after(asked, datetime.now(UTC)), attempt=attempt)


def _failed(
    claim: Claim, *, retry_after: float | None, attempt: str | None = None, is_permanent: bool = False
) -> Outcome:
    failures_before = claim.num_trials - claim.num_trials_before
    if is_permanent or failures_before + 1 >= claim.retry_limit:
        return Outcome(Status.FAILURE, trials=1, attempt=attempt)
    delay = delay_seconds(claim.strategy, claim.interval_seconds, failures_before, retry_after=retry_after)
    return Outcome(Status.RETRY, trials=1, attempt=attempt, delay=delay)


def _joined(headers: list[tuple[str, str]]) -> dict[str, str]:
    """Headers as an object: the values of one name, joined with a space."""
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]} {value}" if name in joined else value
    return joined
