"""The queue in PostgreSQL: what is due, who sends it, and what came of it.

A worker claims deliveries under a lease: it writes its token and how long it will take at most into
the row, commits, and sends. The outcome is written only where the token is still there. A worker that
dies leaves a lease behind that ends, and the delivery is due again. A worker that lives, and finds a
delivery due whose outcome it still has to write, extends the lease. docs/adr/0008 has the reasons.

Fairness. What an endpoint cannot take now, because as many requests as it may have are under way, or
because it is paused, limited or its circuit breaker is open, is parked: out of the queue's index, so
that no backlog of one endpoint stands before the deliveries of another. Parked deliveries come back
endpoint by endpoint, as far as each can take them.
"""

import asyncio
import logging
import random
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from engine import rate_limit
from engine.targets import Target
from subscriptions.models import Subscription

logger = logging.getLogger("convoyclone.deliver")

#: Errors of a database that is away, restarts or is a standby: the same statement can work later.
OUTAGES = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError, OSError)
#: After an error of the database, before the next try.
PAUSE_SECONDS = 1.0
#: Rows that are looked at, where some of those that stand first in the queue could not be sent.
WIDE_WINDOW = 1_000
#: Endpoints with parked deliveries that one look goes through.
HOPS = 200
#: How many parked deliveries of endpoints that are gone are discarded at once.
DISCARDED_AT_ONCE = 1_000
#: How much longer a delivery belongs to its worker, where the lease has ended and the outcome is not written yet.
EXTENSION_SECONDS = 15
#: One worker claims at a time, so that what is counted for an endpoint holds over all of them.
LOCK_ID = 0x436F6E766F79_02

AT_MOST_ONCE = Subscription.DeliveryMode.AT_MOST_ONCE
GONE = "the endpoint is inactive or deleted"
LOST = "the worker was lost while it sent this, and at_most_once forbids to send it again"

Connection = AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]
#: A claim whose outcome is not written yet: the delivery's id, and the lease.
Unsettled = tuple[str, uuid.UUID]


@dataclass(slots=True)
class Queued:
    """A delivery out of the queue."""

    uid: str
    project_id: str
    event_id: str
    endpoint_id: str
    subscription_id: str
    event_type: str
    status: str
    delivery_mode: str
    strategy: str
    interval_seconds: int
    retry_limit: int
    num_trials: int
    num_trials_before: int
    is_parked: bool
    created_at: datetime
    #: The lease of the last claim, which may have ended.
    lease: uuid.UUID | None


@dataclass(slots=True)
class Payload:
    """What the deliveries of one event have in common."""

    uid: str
    data: str
    headers: dict[str, list[str]]
    idempotency_key: str


@dataclass(slots=True)
class Claim:
    """A delivery that this worker is to send now."""

    delivery: Queued
    target: Target
    payload: Payload
    lease: uuid.UUID


@dataclass(slots=True)
class Attempt:
    """One request and its answer, as they are kept: without credentials and without what text columns refuse."""

    uid: str
    url: str
    ip_address: str
    #: JSON objects of name and value.
    request_headers: str
    response_headers: str
    http_status: str
    response_data: str
    error: str
    succeeded: bool
    requested_at: datetime
    responded_at: datetime | None


@dataclass(slots=True)
class Choice:
    """What becomes of the deliveries that a claim has looked at."""

    send: list[Queued] = field(default_factory=list)
    park: list[str] = field(default_factory=list)
    #: Those whose outcome this worker has still to write.
    extend: list[str] = field(default_factory=list)
    #: (uid, status, description) of those that will not be sent.
    settle: list[tuple[str, str, str]] = field(default_factory=list)
    #: By endpoint, how many requests of its rate limit were used.
    used: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Claimed:
    """The result of one look into the queue."""

    claims: list[Claim] = field(default_factory=list)
    #: Whether something was moved out of the way, so that another look may find more.
    has_moved: bool = False
    #: Up to which endpoint the parked deliveries were looked through; "" once all were.
    parked_after: str = ""
    #: Whether another worker was at it, and nothing was looked at.
    is_busy: bool = False


def choose(
    rows: Iterable[Queued],
    targets: dict[str, Target],
    *,
    slots: int,
    cap: int,
    unsettled: Set[Unsettled] = frozenset(),
) -> Choice:
    """Decide what to send, to park and to settle, in the order of `rows`, `slots` of them to be sent at most.

    Those that are `unsettled` have been sent, or are being sent. They only keep their lease and their place.

    Contract: deliveries sections 3.1, 6, 7, 8; D4 and D16 (what is held stays as it is).
    """
    choice = Choice()
    room = {uid: target.can_take(cap) for uid, target in targets.items()}
    waiting: list[Queued] = []
    for row in rows:
        if row.lease is None or (row.uid, row.lease) not in unsettled:
            waiting.append(row)
            continue
        choice.extend.append(row.uid)
        if room.get(row.endpoint_id):
            room[row.endpoint_id] -= 1
    for row in waiting:
        target = targets.get(row.endpoint_id)
        if target is not None and target.project_is_deleted:
            choice.settle.append((row.uid, "Discarded", "project not found"))
        elif target is None or target.is_deleted:
            choice.settle.append((row.uid, "Discarded", "endpoint not found"))
        elif target.status == "inactive":
            choice.settle.append((row.uid, "Discarded", "the endpoint is inactive"))
        elif row.status == "Processing" and row.delivery_mode == AT_MOST_ONCE:
            choice.settle.append((row.uid, "Failure", LOST))
        elif not room[row.endpoint_id]:
            if not row.is_parked:
                choice.park.append(row.uid)
        elif len(choice.send) < slots:
            room[row.endpoint_id] -= 1
            choice.send.append(row)
            if target.tokens is not None:
                choice.used[target.uid] = choice.used.get(target.uid, 0) + 1
    return choice


_DELIVERY = """d.uid, d.project_id, d.event_id, d.endpoint_id, d.subscription_id, d.event_type, d.status,
d.delivery_mode, d.strategy, d.interval_seconds, d.retry_limit, d.num_trials, d.num_trials_before, d.is_parked,
d.created_at, d.lease"""

_DUE = f"""
SELECT {_DELIVERY} FROM events_eventdelivery d
WHERE d.due_at <= now() AND NOT d.is_parked
ORDER BY d.due_at LIMIT %(window)s FOR UPDATE SKIP LOCKED
"""

#: How many requests are under way to the endpoint `e`: those of lost workers do not count for ever.
_IN_FLIGHT = """(
  SELECT count(*)::int FROM events_eventdelivery f
  WHERE f.endpoint_id = e.uid AND f.status = 'Processing' AND f.due_at > now()
)"""

# The next endpoints with parked deliveries, by hopping from one to the other in the index.
_BACKLOG = """
WITH RECURSIVE backlog (endpoint_id, number) AS (
  (SELECT endpoint_id, 1 FROM events_eventdelivery
   WHERE is_parked AND endpoint_id > %(after)s ORDER BY endpoint_id LIMIT 1)
  UNION ALL
  SELECT (
    SELECT n.endpoint_id FROM events_eventdelivery n
    WHERE n.is_parked AND n.endpoint_id > b.endpoint_id ORDER BY n.endpoint_id LIMIT 1
  ), b.number + 1 FROM backlog b WHERE b.endpoint_id IS NOT NULL AND b.number < %(hops)s
)
SELECT endpoint_id FROM backlog WHERE endpoint_id IS NOT NULL ORDER BY endpoint_id
"""

# How many each of them can take.
_TAKERS = f"""
SELECT e.uid, e.deleted_at IS NOT NULL OR p.deleted_at IS NOT NULL OR e.status = 'inactive' AS is_gone,
  CASE WHEN e.status = 'paused' OR s.held_until > now() OR s.open_until > now() THEN 0
       ELSE greatest(%(cap)s - {_IN_FLIGHT}, 0) END AS room
FROM endpoints_endpoint e
JOIN projects_project p ON p.uid = e.project_id
LEFT JOIN endpoints_endpointstate s ON s.endpoint_id = e.uid
WHERE e.uid = ANY(%(ids)s)
"""

# The oldest of those that can be taken. Only what comes out is locked.
_PARKED = f"""
SELECT {_DELIVERY} FROM (
  SELECT q.uid FROM unnest(%(ids)s::text[], %(rooms)s::int[]) AS t (endpoint_id, room)
  CROSS JOIN LATERAL (
    SELECT uid, next_send_time FROM events_eventdelivery
    WHERE is_parked AND endpoint_id = t.endpoint_id ORDER BY next_send_time LIMIT t.room
  ) q ORDER BY q.next_send_time LIMIT %(window)s
) c JOIN events_eventdelivery d ON d.uid = c.uid
WHERE d.is_parked AND d.due_at <= now()
ORDER BY d.next_send_time FOR UPDATE OF d SKIP LOCKED
"""

_DISCARD_PARKED = """
UPDATE events_eventdelivery SET status = 'Discarded', description = %s, due_at = NULL, is_parked = false, lease = NULL,
  updated_at = now()
WHERE uid IN (
  SELECT uid FROM events_eventdelivery WHERE is_parked AND endpoint_id = ANY(%s) LIMIT %s FOR UPDATE SKIP LOCKED
)
"""

_TARGETS = f"""
SELECT e.uid, e.project_id, e.url, e.status, e.deleted_at IS NOT NULL AS is_deleted, e.http_timeout, e.rate_limit,
  e.rate_limit_duration, e.content_type, e.advanced_signatures, e.secrets, e.authentication, e.mtls_client_cert,
  p.deleted_at IS NOT NULL AS project_is_deleted, p.config AS project_config, p.meta_event AS project_meta_event,
  {_IN_FLIGHT} AS in_flight, s.open_until, s.held_until, now() AS now
FROM endpoints_endpoint e
JOIN projects_project p ON p.uid = e.project_id
LEFT JOIN endpoints_endpointstate s ON s.endpoint_id = e.uid
WHERE e.uid = ANY(%s)
"""

_CLAIM = """
UPDATE events_eventdelivery d
SET status = 'Processing', is_parked = false, lease = %s, due_at = now() + c.seconds * interval '1 second',
    updated_at = now()
FROM unnest(%b::text[], %b::float[]) AS c (uid, seconds) WHERE d.uid = c.uid
"""
# Another worker may have parked it, since its lease had ended.
_EXTEND = """
UPDATE events_eventdelivery SET due_at = now() + %s * interval '1 second', is_parked = false WHERE uid = ANY(%s)
"""
_PARK = "UPDATE events_eventdelivery SET is_parked = true WHERE uid = ANY(%s)"
_SETTLE = """
UPDATE events_eventdelivery d
SET status = s.status, description = s.description, due_at = NULL, is_parked = false, lease = NULL, updated_at = now()
FROM unnest(%s::text[], %s::text[], %s::text[]) AS s (uid, status, description) WHERE d.uid = s.uid
"""
_PAYLOADS = "SELECT uid, data, headers, idempotency_key FROM events_event WHERE uid = ANY(%s)"


async def claim(
    connection: Connection,
    *,
    slots: int,
    cap: int,
    lease_seconds: Callable[[Target], float],
    is_wide: bool = False,
    parked_after: str = "",
    freed: Collection[str] = (),
    unsettled: Set[Unsettled] = frozenset(),
) -> Claimed:
    """Take at most `slots` due deliveries for this worker, at most `cap` under way to each endpoint.

    `lease_seconds` says how long a request to a target can take at most, its outcome's way into the
    database included. `is_wide`: look at more rows than can be sent, because the first ones could not
    be. Of the parked deliveries those are looked at whose endpoints have been `freed`, and those of the
    next endpoints after `parked_after`. Where the lease of an `unsettled` claim of this worker has ended,
    it is extended.
    """
    lease = uuid.uuid4()
    found = Claimed()
    async with connection.transaction():
        locked = await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK_ID])
        if await locked.fetchone() != (True,):
            return Claimed(parked_after=parked_after, is_busy=True)
        parked = await _read_parked(connection, found, slots, cap, parked_after, freed)
        async with connection.cursor(row_factory=class_row(Queued)) as cursor:
            await cursor.execute(_DUE, {"window": max(slots, WIDE_WINDOW) if is_wide else slots})
            rows = [*parked, *await cursor.fetchall()]
        if not rows:
            return found
        targets = await _read_targets(connection, {row.endpoint_id for row in rows})
        await rate_limit.fill(connection, [target for target in targets.values() if target.is_limited])
        choice = choose(rows, targets, slots=slots, cap=cap, unsettled=unsettled)
        if any(row.delivery_mode == AT_MOST_ONCE for row in choice.send):
            # The connection's commits may be forgotten in a crash of the database. This one must not.
            await connection.execute("SET LOCAL synchronous_commit = on")
        if choice.send:
            seconds = [lease_seconds(targets[row.endpoint_id]) for row in choice.send]
            await connection.execute(_CLAIM, [lease, [row.uid for row in choice.send], seconds])
        if choice.extend:
            await connection.execute(_EXTEND, [EXTENSION_SECONDS, choice.extend])
        if choice.park:
            await connection.execute(_PARK, [choice.park])
        if choice.settle:
            await _settle(connection, choice.settle)
        if choice.used:
            await rate_limit.use(connection, [(targets[uid], requests) for uid, requests in choice.used.items()])
    found.has_moved = found.has_moved or bool(choice.extend or choice.park or choice.settle)
    payloads = await _read_payloads(connection, {row.event_id for row in choice.send})
    for row in choice.send:
        if payload := payloads.get(row.event_id):
            found.claims.append(Claim(row, targets[row.endpoint_id], payload, lease))
        else:
            await _settle(connection, [(row.uid, "Discarded", "event not found")])
    return found


async def _read_parked(
    connection: Connection, found: Claimed, slots: int, cap: int, after: str, freed: Collection[str]
) -> list[Queued]:
    """Parked deliveries that can be sent now. Those of endpoints that are gone are discarded."""
    cursor = await connection.execute(_BACKLOG, {"after": after, "hops": HOPS})
    backlog = [uid for (uid,) in await cursor.fetchall()]
    found.parked_after = backlog[-1] if len(backlog) == HOPS else ""
    # Where the look was at all of them, those that were freed are among them.
    ids = backlog if len(backlog) < HOPS and not after else list({*backlog, *freed})
    if not ids:
        return []
    cursor = await connection.execute(_TAKERS, {"ids": ids, "cap": cap})
    takers = await cursor.fetchall()
    if gone := [uid for uid, is_gone, _ in takers if is_gone]:
        cursor = await connection.execute(_DISCARD_PARKED, [GONE, gone, DISCARDED_AT_ONCE])
        found.has_moved = cursor.rowcount == DISCARDED_AT_ONCE
    rooms = {uid: room for uid, is_gone, room in takers if room and not is_gone}
    # A half for what was parked, so that the two do not shut each other out; a single place goes to either.
    window = slots // 2 or random.getrandbits(1)
    if not rooms or not window:
        return []
    parameters = {"ids": list(rooms), "rooms": list(rooms.values()), "window": window}
    async with connection.cursor(row_factory=class_row(Queued)) as rows:
        await rows.execute(_PARKED, parameters)
        return await rows.fetchall()


async def _settle(connection: Connection, settled: Sequence[tuple[str, str, str]]) -> None:
    await connection.execute(_SETTLE, [list(column) for column in zip(*settled, strict=True)])


async def _read_targets(connection: Connection, ids: Collection[str]) -> dict[str, Target]:
    async with connection.cursor(row_factory=class_row(Target)) as cursor:
        await cursor.execute(_TARGETS, [list(ids)])
        return {target.uid: target async for target in cursor}


async def _read_payloads(connection: Connection, ids: Collection[str]) -> dict[str, Payload]:
    if not ids:
        return {}
    async with connection.cursor(row_factory=class_row(Payload)) as cursor:
        await cursor.execute(_PAYLOADS, [list(ids)])
        return {payload.uid: payload async for payload in cursor}


@dataclass(slots=True)
class Outcome:
    """What came of one claim: the new state of the delivery, and the attempt to keep for the record."""

    claim: Claim
    status: str
    description: str
    #: Seconds until the next attempt, None where there is none.
    delay: float | None
    latency_seconds: float
    attempt: Attempt


# Arrays go out in their binary form (%b): as text each value is escaped, which cost a tenth of a delivery's CPU.
# The guard: an outcome of a lease that has ended, and under which somebody else sends, changes nothing.
_FINISH = """
WITH outcome AS (
  SELECT * FROM unnest(
    %(uid)b::text[], %(lease)b::uuid[], %(status)b::text[], %(description)b::text[], %(delay)b::float[],
    %(latency)b::float[], %(attempt_uid)b::text[], %(url)b::text[], %(ip)b::text[], %(request_headers)b::text[],
    %(response_headers)b::text[], %(http_status)b::text[], %(body)b::text[], %(error)b::text[],
    %(succeeded)b::boolean[], %(requested_at)b::timestamptz[], %(responded_at)b::timestamptz[]
  ) AS o (uid, lease, status, description, delay, latency, attempt_uid, url, ip, request_headers,
    response_headers, http_status, body, error, succeeded, requested_at, responded_at)
), settled AS (
  UPDATE events_eventdelivery d
  SET status = o.status, description = o.description, num_trials = d.num_trials + 1,
      next_send_time = coalesce(now() + o.delay * interval '1 second', d.next_send_time),
      due_at = now() + o.delay * interval '1 second',
      latency_seconds = o.latency, lease = NULL, is_parked = false, updated_at = now()
  FROM outcome o WHERE d.uid = o.uid AND d.lease = o.lease
  RETURNING d.uid, d.project_id, d.endpoint_id, d.num_trials
), attempts AS (
  INSERT INTO events_deliveryattempt (uid, delivery_id, project_id, endpoint_id, url, ip_address, request_http_header,
    response_http_header, http_status, response_data, error, status, requested_at, responded_at, created_at)
  SELECT o.attempt_uid, s.uid, s.project_id, s.endpoint_id, o.url, o.ip, o.request_headers::jsonb,
    o.response_headers::jsonb, o.http_status, o.body, o.error, o.succeeded, o.requested_at, o.responded_at, now()
  FROM outcome o JOIN settled s ON s.uid = o.uid
), counted AS (
  INSERT INTO endpoints_endpointstate AS state (endpoint_id, events, failure_rate, consecutive_trips)
  SELECT endpoint_id, count(*), 0, 0 FROM settled WHERE num_trials = 1 GROUP BY endpoint_id ORDER BY endpoint_id
  ON CONFLICT (endpoint_id) DO UPDATE SET events = state.events + excluded.events
)
SELECT uid FROM settled
"""


async def finish(connection: Connection, outcomes: Sequence[Outcome]) -> set[str]:
    """Write outcomes and attempts in one statement. Returns the ids of the deliveries whose lease still stood."""
    columns: dict[str, list[Any]] = {
        "uid": [outcome.claim.delivery.uid for outcome in outcomes],
        "lease": [outcome.claim.lease for outcome in outcomes],
        "status": [outcome.status for outcome in outcomes],
        "description": [outcome.description for outcome in outcomes],
        # Numbers of one type: psycopg refuses arrays of several.
        "delay": [None if outcome.delay is None else float(outcome.delay) for outcome in outcomes],
        "latency": [float(outcome.latency_seconds) for outcome in outcomes],
        "attempt_uid": [outcome.attempt.uid for outcome in outcomes],
        "url": [outcome.attempt.url for outcome in outcomes],
        "ip": [outcome.attempt.ip_address for outcome in outcomes],
        "request_headers": [outcome.attempt.request_headers for outcome in outcomes],
        "response_headers": [outcome.attempt.response_headers for outcome in outcomes],
        "http_status": [outcome.attempt.http_status for outcome in outcomes],
        "body": [outcome.attempt.response_data for outcome in outcomes],
        "error": [outcome.attempt.error for outcome in outcomes],
        "succeeded": [outcome.attempt.succeeded for outcome in outcomes],
        "requested_at": [outcome.attempt.requested_at for outcome in outcomes],
        "responded_at": [outcome.attempt.responded_at for outcome in outcomes],
    }
    cursor = await connection.execute(_FINISH, columns)
    return {uid for (uid,) in await cursor.fetchall()}


async def write_outcome(pool: Pool, statement: LiteralString, parameters: dict[str, Any]) -> None:
    """Execute the statement that writes what came of one request, and repeat it until no outage stops it.

    Only the caller knows the outcome: if it were lost, the request would be sent again. Raises the
    errors of the database that are not OUTAGES.
    """
    while True:
        try:
            async with pool.connection() as connection:
                await connection.execute(statement, parameters)
                return
        except OUTAGES as error:
            logger.error("cannot write an outcome, trying again: %s", error)
            await asyncio.sleep(PAUSE_SECONDS)
