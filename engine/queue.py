"""Claim due deliveries from the queue in PostgreSQL, fairly between endpoints.

A worker claims deliveries under a lease: it writes a token and the longest time that sending can take into the row,
commits, and sends. The outcome is written only while the token is still in the row. When a worker dies, its lease ends
and the delivery is due again. A worker that is alive extends the lease of a delivery whose outcome it still has to
write. docs/adr/0008 has the reasons.

Several workers claim at once, each a part of the queue (parts.py), so that the limits of each endpoint hold over all of
them.

Fairness between projects: a look that finds no more than it can send reads the queue by age. Where more is due, the
projects take turns (turns.py), and each has a share of the places (shares.py).

Fairness between endpoints: a delivery that its endpoint cannot take now is parked. That is so where the endpoint has as
many requests under way as it may have, is paused, has used up its rate limit, or has an open circuit breaker, and where
its owner has as many places as it may have. Parked deliveries are outside of the queue's index, so that one endpoint's
backlog does not delay the deliveries of others. They come back endpoint by endpoint, as many as each can take.
"""

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from psycopg import AsyncClientCursor
from psycopg.rows import args_row, class_row

from core.rows import array_text
from engine import rate_limit
from engine.choice import AT_MOST_ONCE, COLUMNS, Queued, Unsettled, choose
from engine.database import Connection
from engine.lost import record_lost
from engine.parked import BACKLOG, PARKED_HOPS, read_parked, settle_unsent
from engine.parts import ALL, HOLDS_ALL, LOCK, Place, View, within
from engine.prepared import Statement
from engine.shares import Offer
from engine.targets import IN_FLIGHT, Target
from engine.turns import TURNS, WALK, take_turns, walk_from
from events.unsent import EXPUNGED, NO_EVENT
from outbound.states import Status

#: Read at least this many rows where some of the first in the queue could not be sent.
WIDE_WINDOW = 250
#: The deliveries whose endpoints a look reads together with them.
FEW = 8
#: Extend a lease by this much where it has ended before its worker has written the outcome.
EXTENSION_SECONDS = 15


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
    #: Whether a project with due deliveries has as many places of this worker as it may have.
    is_full: bool = False
    #: Whether another look may find more once a request has ended: that is so, or an endpoint is full, or deliveries
    #: are parked.
    waits_for_places: bool = False
    #: The part that was looked at; None for the whole queue.
    part: int | None = None
    #: How far the look has come: see Place in parts.py.
    parked_after: str = ""
    turn: str | None = None
    #: The deliveries that were found.
    found: int = 0
    #: Whether a look at a part has found that no part has anything to send now.
    is_empty: bool = False
    #: Whether as much was read as may be, while some projects had less than an equal part of it.
    is_mixed: bool = False
    #: Whether other workers were claiming, so that nothing was looked at.
    is_busy: bool = False


@dataclass(slots=True)
class Opening:
    """The reads at the beginning of a look."""

    #: The part that is locked; None for the whole queue.
    part: int | None
    #: The endpoints with parked deliveries.
    backlog: list[str]
    #: Due deliveries where the queue is read by age, and else the rows of WALK.
    oldest: list[Queued] = field(default_factory=list)
    #: The endpoints of the first of these, FEW at most.
    targets: dict[str, Target] = field(default_factory=dict)
    walk: list[tuple[str, bool]] | None = None


#: The deliveries that are due, the longest overdue first.
# Without the lock of the whole queue none of them is locked: the worker that holds it, or a part, would skip them.
_DUE = Statement(
    "queue_due",
    f"""
SELECT {COLUMNS} FROM events_eventdelivery d
WHERE d.due_at <= now() AND NOT d.is_parked AND {HOLDS_ALL}
ORDER BY d.due_at LIMIT %(window)s FOR UPDATE SKIP LOCKED
""",
)

#: The same of some projects, in turns.
_DUE_IN_TURNS = f"""
SELECT {COLUMNS} FROM ({TURNS}) turn JOIN events_eventdelivery d ON d.uid = turn.uid
WHERE d.due_at <= now() AND NOT d.is_parked
ORDER BY turn.place, turn.number FOR UPDATE OF d SKIP LOCKED
"""

#: Whether the limit of an endpoint's application, requests in a second, is lower than its own or the only one.
_BY_APPLICATION = """a.rate_limit > 0 AND (
  0 IN (e.rate_limit, e.rate_limit_duration) OR a.rate_limit::bigint * e.rate_limit_duration < e.rate_limit
)"""
#: Endpoints, as Target.
_TARGETS = f"""
SELECT e.uid, e.project_id, e.owner_id, e.name, e.url, e.status, e.deleted_at IS NOT NULL AS is_deleted, e.http_timeout,
  CASE WHEN {_BY_APPLICATION} THEN a.rate_limit ELSE e.rate_limit END AS rate_limit,
  CASE WHEN {_BY_APPLICATION} THEN 1 ELSE e.rate_limit_duration END AS rate_limit_duration,
  e.content_type, e.advanced_signatures, e.secrets, e.authentication, e.mtls_client_cert, e.custom_headers,
  p.deleted_at IS NOT NULL AS project_is_deleted, p.config AS project_config, p.meta_event AS project_meta_event,
  p.ends_gone_endpoints AS project_ends_gone, p.sends_svix_headers AS project_sends_svix_headers,
  {IN_FLIGHT} AS in_flight, s.open_until, s.held_until, now() AS now
FROM endpoints_endpoint e
JOIN projects_project p ON p.uid = e.project_id
LEFT JOIN endpoints_endpointstate s ON s.endpoint_id = e.uid
LEFT JOIN applications_application a ON a.project_id = e.project_id AND a.owner_id = e.owner_id
"""
_TARGETS_OF = f"{_TARGETS} WHERE e.uid = ANY(%s)"
#: Those of the first deliveries of _DUE, so that a look that finds few has them without another round trip.
_TARGETS_OF_FIRST = Statement(
    "queue_targets_of_first",
    f"""{_TARGETS} WHERE e.uid IN (
  SELECT d.endpoint_id FROM events_eventdelivery d
  WHERE d.due_at <= now() AND NOT d.is_parked AND {HOLDS_ALL} ORDER BY d.due_at LIMIT {FEW}
)""",
)

#: Give deliveries a lease, each for its own number of seconds.
_CLAIM = Statement(
    "queue_claim",
    f"""
UPDATE events_eventdelivery d
SET status = '{Status.PROCESSING}', is_parked = false, lease = %(lease)s,
    due_at = now() + c.seconds * interval '1 second', updated_at = now()
FROM unnest(%(uids)s::text[], %(seconds)s::float[]) AS c (uid, seconds) WHERE d.uid = c.uid
""",
)
#: Extend leases. Another worker may have parked a delivery after its lease had ended.
_EXTEND = """
UPDATE events_eventdelivery SET due_at = now() + %s * interval '1 second', is_parked = false WHERE uid = ANY(%s)
"""
#: Take deliveries out of the queue until their endpoint can take them.
_PARK = "UPDATE events_eventdelivery SET is_parked = true WHERE uid = ANY(%s)"
#: The events of claimed deliveries, as Payload, in its order.
_PAYLOADS = Statement(
    "queue_payloads",
    """
SELECT uid, data, headers, idempotency_key, trace, expunged_at IS NOT NULL
FROM events_event WHERE uid = ANY(%(events)s::text[])
""",
)
_BACKLOG = Statement("queue_backlog", BACKLOG)
_WALK = Statement("queue_walk", WALK)
#: What a connection that claims prepares.
STATEMENTS = (LOCK, _BACKLOG, _DUE, _TARGETS_OF_FIRST, _WALK, _CLAIM, _PAYLOADS)


async def claim(
    connection: Connection,
    *,
    slots: int,
    cap: int,
    lease_seconds: Callable[[Target], float],
    view: View | None = None,
    freed: Collection[str] = (),
    unsettled: Set[Unsettled] = frozenset(),
    offer: Offer | None = None,
) -> Claimed:
    """Claim at most `slots` due deliveries for this worker, with at most `cap` under way to each endpoint.

    `lease_seconds` returns the longest time that a request to a target can take, until its outcome is written. `view`
    says what to lock, and how far the looks before have come. Parked deliveries are read of the endpoints that have
    been `freed`, and of the next endpoints. Leases of `unsettled` claims of this worker are extended where they have
    ended. `offer` is the room that projects and owners have, and is used up.
    """
    offer, view = offer or Offer(), view or View()
    found = Claimed()
    rooms = offer.rooms()
    place = view.places[view.first]
    window = max(slots, WIDE_WINDOW) if place.is_wide else slots
    by_age = view.wants_all and place.turn is None and 0 not in rooms.values()
    async with _claiming(connection, view, window=window, by_age=by_age) as opening:
        if opening is None:
            return Claimed(is_busy=True)
        found.part, place = opening.part, view.places[opening.part]
        if by_age and opening.walk is None and len(opening.oldest) < window:
            due = opening.oldest
        else:
            due = await _read_in_turns(connection, found, opening, window=window, offer=offer, place=place)
        backlog = opening.backlog
        found.parked_after = backlog[-1] if len(backlog) == PARKED_HOPS else ""
        # A backlog that was read as a whole includes the endpoints that were freed.
        is_whole = len(backlog) < PARKED_HOPS and not place.parked_after
        found.is_empty = found.is_empty and is_whole and not backlog
        ids = within(backlog if is_whole else {*backlog, *freed}, opening.part)
        parked, found.has_moved = await read_parked(connection, ids, slots=slots, cap=cap, offer=offer)
        rows = [*parked, *due]
        found.found, found.waits_for_places = len(rows), found.is_full or bool(backlog)
        if not rows:
            return found
        targets = await _read_targets(connection, {row.endpoint_id for row in rows}, opening.targets)
        await rate_limit.fill(connection, [target for target in targets.values() if target.is_limited])
        choice = choose(rows, targets, slots=slots, cap=cap, unsettled=unsettled, offer=offer)
        if any(row.delivery_mode == AT_MOST_ONCE for row in choice.send):
            # A crash of the database may undo the commits of this connection, but must not undo this one.
            await connection.execute("SET LOCAL synchronous_commit = on")
        # Those that are parked or extended are recorded when they are sent or settled.
        settled = {uid for uid, *_ in choice.settle}
        ended = [*choice.send, *(row for row in rows if row.uid in settled)]
        await record_lost(connection, [row.uid for row in ended if row.status == Status.PROCESSING])
        if choice.extend:
            await connection.execute(_EXTEND, [EXTENSION_SECONDS, choice.extend])
        if choice.park:
            await connection.execute(_PARK, [choice.park])
        if choice.settle:
            await settle_unsent(connection, choice.settle)
        if choice.used:
            await rate_limit.use(connection, [(targets[uid], requests) for uid, requests in choice.used.items()])
        lease = uuid.uuid4()
        payloads = await _claim_and_commit(
            connection, lease, [(row, lease_seconds(targets[row.endpoint_id])) for row in choice.send]
        )
    found.has_moved = found.has_moved or bool(choice.extend or choice.park or choice.settle)
    found.is_full = found.is_full or choice.is_full
    found.waits_for_places = found.waits_for_places or found.is_full or choice.has_filled or bool(choice.park)
    for row in choice.send:
        payload = payloads.get(row.event_id)
        if payload and not payload.is_expunged:
            found.claims.append(Claim(row, targets[row.endpoint_id], payload, lease))
        else:
            await settle_unsent(connection, [(row.uid, Status.DISCARDED, EXPUNGED if payload else NO_EVENT)])
    return found


# Each round trip counts: on a busy machine both sides wait for the processor each time. So statements that need no
# answer in between go together, as one text with the parameters written into it (prepared.py). Not by a pipeline:
# PostgreSQL ends the transaction of a worker that hangs (`idle_in_transaction_session_timeout`) only between statements
# that are complete, and psycopg sends those of a pipeline one by one. This transaction holds a lock for which others
# wait.


@asynccontextmanager
async def _claiming(
    connection: Connection, view: View, *, window: int, by_age: bool = False
) -> AsyncIterator[Opening | None]:
    """Open a transaction that tries to lock the queue, or a part. Yields its first reads; None without a lock."""
    try:
        opening = await _open(connection, view, view.first, window=window, by_age=by_age, is_first=True)
        if opening and opening.part != view.first:
            # Others prevent what was wanted: the reads were of the whole queue, or went on from another place.
            read, own = view.places[view.first], view.places[opening.part]
            if by_age or (read.parked_after, read.turn) != (own.parked_after, own.turn):
                opening = await _open(connection, view, opening.part, window=window, by_age=False)
        yield opening
    except BaseException:
        if not connection.closed:
            await connection.rollback()
        raise
    await connection.commit()


async def _open(
    connection: Connection, view: View, part: int | None, *, window: int, by_age: bool, is_first: bool = False
) -> Opening | None:
    """Read on from the place of a part, with the lock, or try for it before with `is_first`."""
    place = view.places[part]
    given = {"wants_all": view.wants_all, "parts": array_text(view.parts), "window": window}
    given |= {"after": place.parked_after, "hops": PARKED_HOPS, **walk_from(place.turn)}
    reads = (_BACKLOG, _DUE, _TARGETS_OF_FIRST) if by_age else (_BACKLOG, _WALK)
    async with AsyncClientCursor(connection) as cursor:
        texts = [each.over(connection) for each in ((LOCK, *reads) if is_first else reads)]
        await cursor.execute("; ".join(("BEGIN", *texts) if is_first else texts), given)
        if is_first:
            cursor.nextset()
            [(locked, *_)] = await cursor.fetchall()
            if not locked:
                return None
            part = None if locked == ALL else int(locked)
            cursor.nextset()
        opening = Opening(part, [uid for (uid,) in await cursor.fetchall()])
        cursor.nextset()
        if by_age:
            opening.oldest = [Queued(*row) for row in await cursor.fetchall()]
            cursor.row_factory = class_row(Target)
            cursor.nextset()
            opening.targets = {target.uid: target for target in await cursor.fetchall()}
        else:
            opening.walk = await cursor.fetchall()
    return opening


async def _claim_and_commit(
    connection: Connection, lease: uuid.UUID, sent: Sequence[tuple[Queued, float]]
) -> dict[str, Payload]:
    """Give each delivery its lease in seconds, end the transaction, and read the events of these deliveries."""
    if not sent:
        return {}
    given = {
        "lease": lease,
        "uids": array_text(row.uid for row, _ in sent),
        "seconds": array_text(seconds for _, seconds in sent),
        "events": array_text({row.event_id for row, _ in sent}),
    }
    async with AsyncClientCursor(connection) as cursor:
        await cursor.execute(f"{_CLAIM.over(connection)}; COMMIT; {_PAYLOADS.over(connection)}", given)
        cursor.nextset()
        cursor.nextset()
        return {row[0]: Payload(*row) for row in await cursor.fetchall()}


async def _read_in_turns(
    connection: Connection,
    found: Claimed,
    opening: Opening,
    *,
    window: int,
    offer: Offer,
    place: Place,
) -> list[Queued]:
    """Return due deliveries in turns of projects, and after them those that were read by age."""
    walk = opening.walk
    if walk is None:
        walk = await (await connection.execute(WALK, walk_from(None))).fetchall()
    rooms = offer.rooms()
    turns = take_turns(walk, window=window, rooms=rooms, is_wide=place.is_wide)
    found.is_empty = not (turns.limits or turns.after or place.turn)
    found.is_full = any(is_due and not rooms.get(uid, 1) and not offer.held.holds(uid) for uid, is_due in walk)
    given = {"projects": list(turns.limits), "limits": list(turns.limits.values()), "window": window}
    given |= {"part": opening.part, "read": 0 if opening.part is None else turns.read}
    async with connection.cursor(row_factory=args_row(Queued)) as cursor:
        await cursor.execute(_DUE_IN_TURNS, given)
        rows = await cursor.fetchall()
    is_full = 0 in rooms.values()
    # With less than half of a window due, the next look may find all of it by age.
    found.turn = turns.after if turns.after or is_full or len(rows) > window // 2 else None
    counts = Counter(row.project_id for row in rows)
    found.is_mixed = len(rows) >= window and min(counts.values()) < window // len(counts)
    taken = {row.uid for row in rows}
    return [*rows, *(row for row in opening.oldest if row.uid not in taken)]


async def _read_targets(connection: Connection, ids: Collection[str], known: dict[str, Target]) -> dict[str, Target]:
    unknown = [uid for uid in ids if uid not in known]
    if not unknown:
        return known
    async with connection.cursor(row_factory=class_row(Target)) as cursor:
        await cursor.execute(_TARGETS_OF, [array_text(unknown)])
        return {**known, **{target.uid: target for target in await cursor.fetchall()}}
