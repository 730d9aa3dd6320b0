"""Claim due deliveries from the queue in PostgreSQL, fairly between endpoints.

A worker claims deliveries under a lease: it writes a token and the longest time that sending can take into the row,
commits, and sends. The outcome is written only while the token is still in the row. When a worker dies, its lease ends
and the delivery is due again. A worker that is alive extends the lease of a delivery whose outcome it still has to
write. docs/adr/0008 has the reasons.

Fairness between projects: a look that finds no more than it can send reads the queue by age. Where more is due, the
projects take turns (turns.py), and each has a share of the places (shares.py).

Fairness between endpoints: a delivery that its endpoint cannot take now is parked. That is so where the endpoint has as
many requests under way as it may have, is paused, has used up its rate limit, or has an open circuit breaker, and where
its owner has as many places as it may have. Parked deliveries are outside of the queue's index, so that one endpoint's
backlog does not stand before the deliveries of others. They come back endpoint by endpoint, as many as each can take.
"""

import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from psycopg import AsyncClientCursor
from psycopg.rows import args_row, class_row

from endpoints.models import Endpoint
from engine import rate_limit
from engine.choice import AT_MOST_ONCE, Queued, Unsettled, choose
from engine.database import Connection
from engine.lost import record_lost
from engine.shares import Offer
from engine.targets import Target
from engine.turns import TURNS, take_turns
from outbound.states import Status

#: Read at least this many rows where some of the first in the queue could not be sent.
WIDE_WINDOW = 250
#: Endpoints with parked deliveries that one look goes through.
HOPS = 200
#: Parked deliveries of endpoints that are gone, discarded at a time.
DISCARDED_AT_ONCE = 1_000
#: Extend a lease by this much where it has ended before its worker has written the outcome.
EXTENSION_SECONDS = 15
#: One worker claims at a time, so that the requests counted for an endpoint are those of all workers.
LOCK_ID = 0x436F6E766F79_02

GONE = "the endpoint is inactive or deleted"
EXPUNGED = "the payload of the event has been deleted"


@dataclass(slots=True)
class Payload:
    """The part of an event that all its deliveries send."""

    uid: str
    data: str
    headers: dict[str, list[str]]
    idempotency_key: str
    #: The context in which it was posted (core/tracing.py).
    trace: str = ""
    #: Whether it is gone (events/expunging.py).
    is_expunged: bool = False


@dataclass(slots=True)
class Claim:
    """A delivery that this worker has to send now."""

    delivery: Queued
    target: Target
    payload: Payload
    lease: uuid.UUID


@dataclass(slots=True)
class Claimed:
    """The result of one look into the queue."""

    claims: list[Claim] = field(default_factory=list)
    #: Whether deliveries were parked, extended or settled, so that another look may find more.
    has_moved: bool = False
    #: The last endpoint whose parked deliveries were looked at; "" once all were.
    parked_after: str = ""
    #: The project after which the next look goes on, "" for the first one; None where the queue is read by age.
    turn: str | None = None
    #: Whether there was more to send than was read, beside projects with less than their part of it.
    is_mixed: bool = False
    #: Whether another worker was claiming, so that nothing was looked at.
    is_busy: bool = False


#: The columns of Queued, in its order.
_DELIVERY = """d.uid, d.project_id, d.event_id, d.endpoint_id, d.subscription_id, d.event_type, d.status,
d.delivery_mode, d.strategy, d.interval_seconds, d.retry_limit, d.num_trials, d.num_trials_before, d.test, d.is_parked,
d.created_at, d.lease"""

#: The deliveries that are due, the longest overdue first.
_DUE = f"""
SELECT {_DELIVERY} FROM events_eventdelivery d
WHERE d.due_at <= now() AND NOT d.is_parked
ORDER BY d.due_at LIMIT %(window)s FOR UPDATE SKIP LOCKED
"""

#: The same of some projects, in turns.
_DUE_IN_TURNS = f"""
SELECT {_DELIVERY} FROM ({TURNS}) turn JOIN events_eventdelivery d ON d.uid = turn.uid
WHERE d.due_at <= now() AND NOT d.is_parked
ORDER BY turn.place, turn.number FOR UPDATE OF d SKIP LOCKED
"""

#: The number of requests under way to the endpoint `e`. Those of lost workers count until their lease ends.
_IN_FLIGHT = f"""(
  SELECT count(*)::int FROM events_eventdelivery f
  WHERE f.endpoint_id = e.uid AND f.status = '{Status.PROCESSING}' AND f.due_at > now()
)"""

#: The next endpoints with parked deliveries, found by hopping from one to the next in the index.
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

#: How many deliveries each of some endpoints can take. Those of owners without a place can take none.
_TAKERS = f"""
SELECT e.uid, e.project_id,
  e.deleted_at IS NOT NULL OR p.deleted_at IS NOT NULL OR e.status = '{Endpoint.Status.INACTIVE}' AS is_gone,
  CASE WHEN e.status = '{Endpoint.Status.PAUSED}' OR s.held_until > now() OR s.open_until > now() THEN 0
            WHEN e.project_id = ANY(%(full_projects)s) THEN 0
            WHEN e.owner_id <> '' AND EXISTS (
              SELECT FROM unnest(%(owners_of)s::text[], %(full_owners)s::text[]) AS o (project_id, owner_id)
              WHERE o.project_id = e.project_id AND o.owner_id = e.owner_id
            ) THEN 0
       ELSE greatest(%(cap)s - {_IN_FLIGHT}, 0) END AS room
FROM endpoints_endpoint e
JOIN projects_project p ON p.uid = e.project_id
LEFT JOIN endpoints_endpointstate s ON s.endpoint_id = e.uid
WHERE e.uid = ANY(%(ids)s)
"""

#: The oldest parked deliveries, as many of each endpoint as it can take, in turns of projects. Only the rows of
#: the result are locked.
_PARKED = f"""
SELECT {_DELIVERY} FROM (
  SELECT q.uid, row_number() OVER (PARTITION BY t.project_id ORDER BY q.next_send_time) AS place
  FROM unnest(%(ids)s::text[], %(projects)s::text[], %(rooms)s::int[]) AS t (endpoint_id, project_id, room)
  CROSS JOIN LATERAL (
    SELECT uid, next_send_time FROM events_eventdelivery
    WHERE is_parked AND endpoint_id = t.endpoint_id ORDER BY next_send_time LIMIT t.room
  ) q ORDER BY place, q.next_send_time LIMIT %(window)s
) c JOIN events_eventdelivery d ON d.uid = c.uid
WHERE d.is_parked AND d.due_at <= now()
ORDER BY c.place, d.next_send_time FOR UPDATE OF d SKIP LOCKED
"""

#: Settle parked deliveries of endpoints that are gone.
_PARKED_OF_GONE = """
SELECT uid, status FROM events_eventdelivery WHERE is_parked AND endpoint_id = ANY(%s) LIMIT %s FOR UPDATE SKIP LOCKED
"""

#: The endpoints of deliveries, as Target.
_TARGETS = f"""
SELECT e.uid, e.project_id, e.owner_id, e.name, e.url, e.status, e.deleted_at IS NOT NULL AS is_deleted, e.http_timeout,
  e.rate_limit, e.rate_limit_duration, e.content_type, e.advanced_signatures, e.secrets, e.authentication,
  e.mtls_client_cert, e.custom_headers,
  p.deleted_at IS NOT NULL AS project_is_deleted, p.config AS project_config, p.meta_event AS project_meta_event,
  p.ends_gone_endpoints AS project_ends_gone, p.sends_svix_headers AS project_sends_svix_headers,
  {_IN_FLIGHT} AS in_flight, s.open_until, s.held_until, now() AS now
FROM endpoints_endpoint e
JOIN projects_project p ON p.uid = e.project_id
LEFT JOIN endpoints_endpointstate s ON s.endpoint_id = e.uid
WHERE e.uid = ANY(%s)
"""

#: Give deliveries a lease, each for its own number of seconds.
_CLAIM = f"""
UPDATE events_eventdelivery d
SET status = '{Status.PROCESSING}', is_parked = false, lease = %s, due_at = now() + c.seconds * interval '1 second',
    updated_at = now()
FROM unnest(%b::text[], %b::float[]) AS c (uid, seconds) WHERE d.uid = c.uid
"""
#: Extend leases. Another worker may have parked a delivery after its lease had ended.
_EXTEND = """
UPDATE events_eventdelivery SET due_at = now() + %s * interval '1 second', is_parked = false WHERE uid = ANY(%s)
"""
#: Take deliveries out of the queue until their endpoint can take them.
_PARK = "UPDATE events_eventdelivery SET is_parked = true WHERE uid = ANY(%s)"
#: End deliveries that are not sent.
_SETTLE = """
UPDATE events_eventdelivery d
SET status = s.status, description = s.description, due_at = NULL, is_parked = false, lease = NULL, updated_at = now()
FROM unnest(%s::text[], %s::text[], %s::text[]) AS s (uid, status, description) WHERE d.uid = s.uid
"""
#: The events of claimed deliveries, as Payload, in its order.
_PAYLOADS = """
SELECT uid, data, headers, idempotency_key, trace, expunged_at IS NOT NULL
FROM events_event WHERE uid = ANY(%s)
"""


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
    turn: str | None = None,
    offer: Offer | None = None,
) -> Claimed:
    """Claim at most `slots` due deliveries for this worker, with at most `cap` under way to each endpoint.

    `lease_seconds` returns the longest time that a request to a target can take, until its outcome is written. With
    `is_wide`, more rows are read than can be sent, because the first ones could not be sent. Parked deliveries are
    read of the endpoints that have been `freed`, and of the next endpoints after `parked_after`. Leases of
    `unsettled` claims of this worker are extended where they have ended. `turn` is that of the last look. `offer` is
    the room that projects and owners have, and is used up.
    """
    lease = uuid.uuid4()
    offer = offer or Offer()
    found = Claimed()
    # Not in a pipeline, although it would save round trips: PostgreSQL ends the transaction of a worker that hangs
    # (`idle_in_transaction_session_timeout`) only between statements that are complete, and this one holds the lock
    # for which all workers wait.
    async with _claiming(connection) as is_locked:
        if not is_locked:
            return Claimed(parked_after=parked_after, turn=turn, is_busy=True)
        due = await _read_due(connection, found, slots, turn, offer, is_wide=is_wide)
        parked = await _read_parked(connection, found, slots, cap, parked_after, freed, offer)
        rows = [*parked, *due]
        if not rows:
            return found
        targets = await _read_targets(connection, {row.endpoint_id for row in rows})
        await rate_limit.fill(connection, [target for target in targets.values() if target.is_limited])
        choice = choose(rows, targets, slots=slots, cap=cap, unsettled=unsettled, offer=offer)
        if any(row.delivery_mode == AT_MOST_ONCE for row in choice.send):
            # A crash of the database may undo the commits of this connection, but must not undo this one.
            await connection.execute("SET LOCAL synchronous_commit = on")
        # Those that are parked or extended are recorded when they are sent or settled.
        settled = {uid for uid, *_ in choice.settle}
        ended = [*choice.send, *(row for row in rows if row.uid in settled)]
        await record_lost(connection, [row.uid for row in ended if row.status == Status.PROCESSING])
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
        payloads = await _commit_and_read_payloads(connection, {row.event_id for row in choice.send})
    found.has_moved = found.has_moved or bool(choice.extend or choice.park or choice.settle)
    for row in choice.send:
        payload = payloads.get(row.event_id)
        if payload and not payload.is_expunged:
            found.claims.append(Claim(row, targets[row.endpoint_id], payload, lease))
        else:
            await _settle(connection, [(row.uid, Status.DISCARDED, EXPUNGED if payload else "event not found")])
    return found


@asynccontextmanager
async def _claiming(connection: Connection) -> AsyncIterator[bool]:
    """Open a transaction that tries to lock the queue for this worker. Yields whether it holds the lock."""
    # Both in one round trip, as statements without parameters can be.
    cursor = await connection.execute(f"BEGIN; SELECT pg_try_advisory_xact_lock({LOCK_ID})", prepare=False)
    try:
        cursor.nextset()
        yield await cursor.fetchone() == (True,)
    except BaseException:
        if not connection.closed:
            await connection.rollback()
        raise
    await connection.commit()


async def _commit_and_read_payloads(connection: Connection, ids: Collection[str]) -> dict[str, Payload]:
    """End the transaction, so that another worker may claim, and read the events of claimed deliveries."""
    if not ids:
        return {}
    # Both in one round trip, with the ids written into the text: it is a lookup by primary key, soon planned.
    async with AsyncClientCursor(connection, row_factory=args_row(Payload)) as cursor:
        await cursor.execute(f"COMMIT; {_PAYLOADS}", [list(ids)])
        cursor.nextset()
        return {payload.uid: payload async for payload in cursor}


async def _read_due(
    connection: Connection, found: Claimed, slots: int, turn: str | None, offer: Offer, *, is_wide: bool
) -> list[Queued]:
    """Return due deliveries: by age where all of them fit into the window, else in turns of projects."""
    window = max(slots, WIDE_WINDOW) if is_wide else slots
    rooms = offer.rooms()
    is_full = 0 in rooms.values()
    oldest: list[Queued] = []
    async with connection.cursor(row_factory=args_row(Queued)) as cursor:
        if turn is None and not is_full:
            await cursor.execute(_DUE, {"window": window})
            oldest = await cursor.fetchall()
            if len(oldest) < window:
                return oldest
        turns = await take_turns(connection, after=turn or "", window=window, rooms=rooms, is_wide=is_wide)
        given = {"projects": list(turns.limits), "limits": list(turns.limits.values()), "window": window}
        await cursor.execute(_DUE_IN_TURNS, given)
        rows = await cursor.fetchall()
    # With less than half of a window due, the next look may find all of it by age.
    found.turn = turns.after if turns.after or is_full or len(rows) > window // 2 else None
    counts = Counter(row.project_id for row in rows)
    found.is_mixed = len(rows) >= window and min(counts.values()) < window // len(counts)
    taken = {row.uid for row in rows}
    return [*rows, *(row for row in oldest if row.uid not in taken)]


async def _read_parked(
    connection: Connection,
    found: Claimed,
    slots: int,
    cap: int,
    after: str,
    freed: Collection[str],
    offer: Offer,
) -> list[Queued]:
    """Return parked deliveries that can be sent now, and discard those of endpoints that are gone."""
    cursor = await connection.execute(_BACKLOG, {"after": after, "hops": HOPS})
    backlog = [uid for (uid,) in await cursor.fetchall()]
    found.parked_after = backlog[-1] if len(backlog) == HOPS else ""
    # A backlog that was read as a whole includes the endpoints that were freed.
    ids = backlog if len(backlog) < HOPS and not after else list({*backlog, *freed})
    if not ids:
        return []
    full_owners = list(offer.full_owners())
    given = {
        "ids": ids,
        "cap": cap,
        "full_projects": [project_id for project_id, room in offer.rooms().items() if not room],
        "owners_of": [project_id for project_id, _ in full_owners],
        "full_owners": [owner_id for _, owner_id in full_owners],
    }
    cursor = await connection.execute(_TAKERS, given)
    takers = await cursor.fetchall()
    if gone := [uid for uid, _, is_gone, _ in takers if is_gone]:
        cursor = await connection.execute(_PARKED_OF_GONE, [gone, DISCARDED_AT_ONCE])
        discarded = await cursor.fetchall()
        # A worker was lost while it sent these, and they were parked when their lease had ended.
        await record_lost(connection, [uid for uid, status in discarded if status == Status.PROCESSING])
        if discarded:
            await _settle(connection, [(uid, Status.DISCARDED, GONE) for uid, _ in discarded])
        found.has_moved = len(discarded) == DISCARDED_AT_ONCE
    able = [(uid, project_id, room) for uid, project_id, is_gone, room in takers if room and not is_gone]
    # Half of the places are for parked deliveries, so that neither kind shuts out the other. A single place goes
    # to either of them at random.
    window = slots // 2 or random.getrandbits(1)
    if not able or not window:
        return []
    endpoints, projects, rooms = (list(column) for column in zip(*able, strict=True))
    parameters = {"ids": endpoints, "projects": projects, "rooms": rooms, "window": window}
    async with connection.cursor(row_factory=args_row(Queued)) as rows:
        await rows.execute(_PARKED, parameters)
        return await rows.fetchall()


async def _settle(connection: Connection, settled: Sequence[tuple[str, str, str]]) -> None:
    await connection.execute(_SETTLE, [list(column) for column in zip(*settled, strict=True)])


async def _read_targets(connection: Connection, ids: Collection[str]) -> dict[str, Target]:
    async with connection.cursor(row_factory=class_row(Target)) as cursor:
        await cursor.execute(_TARGETS, [list(ids)])
        return {target.uid: target async for target in cursor}
