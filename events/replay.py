"""Replay stored events: match them with the present subscriptions and create new deliveries.

Contract: docs/contract/events.md#replay.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import orjson
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from activity.operations import Verb, record
from core.exceptions import InvalidInput
from core.tally import Tally
from core.wake import wake_workers
from endpoints.models import Scope
from events.exceptions import EventNotFound, ReplayUnderWay
from events.matching import (
    MAX_STEPS_TOGETHER,
    Allowance,
    Candidates,
    Row,
    has_conditions,
    matched,
    matched_once,
    read_candidates,
)
from events.models import Event
from events.reads import Within, scope_ids
from events.storage import NO_MATCH, add_deliveries
from outbound.states import Status
from subscriptions.filters import MAX_STEPS

#: Events that are replayed in one transaction, which ends earlier at REPLAY_DELIVERIES deliveries.
REPLAY_CHUNK = 50
REPLAY_DELIVERIES = 20_000
#: Steps for the filters of one tenant, and of all, in a chunk: fewer than for as many events that come in.
REPLAY_STEPS = 10 * MAX_STEPS
REPLAY_STEPS_TOGETHER = 2 * MAX_STEPS_TOGETHER
#: A batch replay ends with the transaction that exceeds this time; a web server's thread waits for it.
REPLAY_SECONDS = 20.0

Channel = Event.Channel

_REWRITE = """
UPDATE events_event e SET endpoints = r.endpoints::varchar[], status = r.status, failure_reason = r.reason,
  updated_at = %s
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS r(uid, endpoints, status, reason) WHERE e.uid = r.uid
"""


def replay_event(project_id: str, event_id: str, *, scope: Scope = None) -> None:
    """Match a stored event with the present subscriptions, and create new deliveries; it keeps its id.

    Within a `scope`, only an event all of whose endpoints are in it, and only to these.
    Raises NotFound, for a test event too. Contract: docs/contract/events.md#replay.
    """
    rows = Event.objects.filter(project_id=project_id, pk=event_id).exclude(channel=Channel.TEST)
    with transaction.atomic():
        replayed = _replay(project_id, rows, scope_ids(scope))
        if not replayed:
            raise EventNotFound
        record(project_id, Verb.EVENT_REPLAYED, object_uid=event_id, object_name=replayed[0].event_type)


def batch_replay(project_id: str, rows: "QuerySet[Event]", *, scope: Scope = None, customer: str = "") -> Tally:
    """Replay the events `rows` of a project, oldest first, without duplicates, which are not sent.

    It takes some statements for each REPLAY_CHUNK events, fewer where these have more than
    REPLAY_DELIVERIES deliveries, each chunk in a transaction of its own. After REPLAY_SECONDS it ends: the
    events that it has not reached are among those that were not replayed.
    A project, and in the portal a customer, which `customer` names, has one batch replay at a time.
    Raises InvalidInput for a second one. Contract: docs/contract/events.md#batch-replay.
    """
    end = time.monotonic() + REPLAY_SECONDS
    with _alone(f"batch replay {project_id} {customer}", ReplayUnderWay):
        within = scope_ids(scope)
        rows = originals(rows)
        replayed, cursor, last = 0, "", rows.order_by("-pk").values_list("pk", flat=True).first()
        total = rows.count()
        while last is not None and cursor < last:
            chunk = list(
                rows.filter(pk__gt=cursor, pk__lte=last).order_by("pk").values_list("pk", flat=True)[:REPLAY_CHUNK]
            )
            if not chunk:
                break
            done = _replay(project_id, Event.objects.filter(project_id=project_id, pk__in=chunk), within)
            replayed += len(done)
            cursor = done[-1].uid if done else chunk[-1]
            if time.monotonic() > end:
                break
        if replayed:
            record(project_id, Verb.EVENTS_REPLAYED, count=replayed)
    return Tally(replayed, max(total - replayed, 0))


def originals(rows: "QuerySet[Event]") -> "QuerySet[Event]":
    """Return the events that a batch replay replays and its count counts: those that are not duplicates."""
    return rows.filter(is_duplicate_event=False)


@contextmanager
def _alone(name: str, refusal: type[InvalidInput]) -> Iterator[None]:
    """Enter a block that runs once at a time for each name. Raises `refusal` while it runs elsewhere.

    The lock is this connection's, over all transactions, and ends with it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        if not cursor.fetchone()[0]:
            raise refusal
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


def _replay(project_id: str, rows: "QuerySet[Event]", within: Within | None) -> list[Event]:
    """Replay events in one transaction, oldest first, until they have REPLAY_DELIVERIES deliveries; return them.

    Each statement is for all of them.
    """
    if within is not None:
        # No scope has an event without endpoints.
        rows = rows.filter(endpoints__contained_by=within.ids, endpoints__len__gt=0)
        for uid, first in within.held.items():
            rows = rows.exclude(endpoints__overlap=[uid], pk__lt=first)
    now = timezone.now()
    with transaction.atomic():
        events = list(rows.order_by("pk").select_for_update().defer("data"))
        if not events:
            return []
        candidates = read_candidates(
            project_id,
            event_types={event.event_type for event in events},
            ids=[uid for event in events for uid in event.endpoints],
            owners=[event.owner_id for event in events if event.channel == Channel.FANOUT],
            everyone=any(event.channel == Channel.BROADCAST for event in events),
        )
        allowed = candidates.endpoints.keys() if within is None else candidates.endpoints.keys() & set(within)
        chosen: dict[str, list[list[Row]]] = {}
        size = 0
        for event in events:
            chosen[event.uid] = _targets(event, candidates, allowed)
            size += sum(map(len, chosen[event.uid]))
            if size >= REPLAY_DELIVERIES:
                break
        events = events[: len(chosen)]
        reading = [event.uid for event in events if has_conditions(row for rows in chosen[event.uid] for row in rows)]
        data = dict(Event.objects.filter(pk__in=reading).values_list("pk", "data")) if reading else {}
        allowance = Allowance() if len(events) == 1 else Allowance(REPLAY_STEPS, REPLAY_STEPS_TOGETHER)
        taken = {event.uid: _retaken(event, chosen[event.uid], data.get(event.uid), allowance) for event in events}
        add_deliveries(candidates.settings, ((uid, row) for uid, found in taken.items() for row in found), now)
        outcomes = zip(*(_outcome(event, taken[event.uid]) for event in events), strict=True)
        with connection.cursor() as cursor:
            cursor.execute(_REWRITE, [now, *map(list, outcomes)])
        wake_workers()
    return events


def _targets(event: Event, candidates: Candidates, allowed: Iterable[str]) -> list[list[Row]]:
    """Return the rows of the endpoints that a stored event is for today."""
    match event.channel:
        case Channel.BROADCAST:
            return [rows for uid, rows in candidates.endpoints.items() if uid in allowed]
        case Channel.FANOUT:
            return [
                rows
                for uid, rows in candidates.endpoints.items()
                if uid in allowed and rows[0].owner_id == event.owner_id
            ]
    return [candidates.endpoints[uid] for uid in dict.fromkeys(event.endpoints) if uid in allowed]


def _retaken(event: Event, targets: list[list[Row]], data: str | None, allowance: Allowance) -> list[Row]:
    if event.channel == Channel.DYNAMIC:
        return [rows[0] for rows in targets if rows[0].subscription_id is not None]
    value = None if data is None else orjson.loads(data)
    match = matched_once if event.channel == Channel.BROADCAST else matched
    return match(targets, event_type=event.event_type, data=value, headers=event.headers, allowance=allowance)


def _outcome(event: Event, taken: list[Row]) -> tuple[str, str, str, str]:
    """Return a replayed event's id, its endpoints as PostgreSQL's array, its status and its failure's reason."""
    endpoints = "{" + ",".join([row.endpoint_id for row in taken] or event.endpoints) + "}"
    if taken:
        return event.uid, endpoints, Status.SUCCESS, ""
    return event.uid, endpoints, Status.FAILURE, event.failure_reason or NO_MATCH
