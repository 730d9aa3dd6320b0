"""Replay stored events: match them with the present subscriptions and create new deliveries.

Contract: docs/contract/events.md#replay.
"""

import time
from collections.abc import Iterable
from typing import NamedTuple

import orjson
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from activity.operations import Verb, record
from core.api.time_limit import TookTooLong, time_limit
from core.tally import Tally
from core.wake import wake_workers
from endpoints.models import Scope
from events.exceptions import EventNotFound
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
from jobs.models import Job
from outbound.states import Status
from replay.exceptions import ReplayUnderWay, TooManyToReplay
from subscriptions.filters import MAX_STEPS

#: The most events of one transaction, which ends earlier at REPLAY_DELIVERIES deliveries.
REPLAY_CHUNK = 50
REPLAY_DELIVERIES = 20_000
#: The most steps that the filters of one tenant, and of all, take in a chunk: fewer than when these events came in.
REPLAY_STEPS = 10 * MAX_STEPS
REPLAY_STEPS_TOGETHER = 2 * MAX_STEPS_TOGETHER
#: A thread of the web server waits for a batch replay. These bounds keep it below a second; a larger one is a job.
MOST_EVENTS = 1_000
MOST_DELIVERIES = 5_000
MOST_CPU_SECONDS = 0.8
SECONDS_TO_CHOOSE = 0.5
#: The kind of the job (replay/jobs.py).
REPLAY_JOB = "batch_replay"

Channel = Event.Channel


class Replayed(NamedTuple):
    """The events that were replayed, and the number of their new deliveries."""

    events: list[Event]
    deliveries: int


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
        replayed = replay_rows(project_id, rows, scope_ids(scope)).events
        if not replayed:
            raise EventNotFound
        record(project_id, Verb.EVENT_REPLAYED, object_uid=event_id, object_name=replayed[0].event_type)


def batch_replay(project_id: str, rows: "QuerySet[Event]", *, scope: Scope = None, customer: str = "") -> Tally:
    """Replay the events `rows` of a project, oldest first, without duplicates, which are not sent: all or none.

    It takes some statements for each REPLAY_CHUNK events, fewer where these have more than REPLAY_DELIVERIES
    deliveries. A project, and in the portal a customer, which `customer` names, has one batch replay at a time.
    Raises InvalidInput for a second one, and where there are more than MOST_EVENTS events or MOST_DELIVERIES
    deliveries, or matching takes more than MOST_CPU_SECONDS: that is a job (replay/jobs.py).
    Contract: docs/contract/events.md#batch-replay.
    """
    too_many = TooManyToReplay(events=MOST_EVENTS, deliveries=MOST_DELIVERIES)
    end = time.thread_time() + MOST_CPU_SECONDS
    with transaction.atomic():
        _require_alone(project_id, customer)
        within = scope_ids(scope)
        uids = _chosen(originals(rows))
        if len(uids) > MOST_EVENTS:
            raise too_many
        replayed = made = 0
        left = uids
        while left:
            chunk = left[:REPLAY_CHUNK]
            done = replay_rows(project_id, Event.objects.filter(project_id=project_id, pk__in=chunk), within)
            replayed += len(done.events)
            made += done.deliveries
            if made > MOST_DELIVERIES or time.thread_time() > end:
                raise too_many
            left = [uid for uid in left if uid > (done.events[-1].uid if done.events else chunk[-1])]
        if replayed:
            record(project_id, Verb.EVENTS_REPLAYED, count=replayed)
    return Tally(replayed, len(uids) - replayed)


def _require_alone(project_id: str, customer: str) -> None:
    """Keep other batch replays of the same caller away until the transaction ends. Raises InvalidInput for a second."""
    with connection.cursor() as cursor:
        name = f"batch replay {project_id} {customer}"
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        if not cursor.fetchone()[0]:
            raise ReplayUnderWay
    jobs = Job.objects.for_project(project_id).open()
    if jobs.filter(kind=REPLAY_JOB, customer=customer, is_dry_run=False).exists():
        raise ReplayUnderWay


def _chosen(rows: "QuerySet[Event]") -> list[str]:
    """Return the ids of `rows`, oldest first; one more than MOST_EVENTS where there are more.

    Raises InvalidInput where finding them takes more than SECONDS_TO_CHOOSE.
    """
    try:
        with time_limit(SECONDS_TO_CHOOSE, TooManyToReplay.message):
            return list(rows.order_by("pk").values_list("pk", flat=True)[: MOST_EVENTS + 1])
    except TookTooLong:
        raise TooManyToReplay(events=MOST_EVENTS, deliveries=MOST_DELIVERIES) from None


def originals(rows: "QuerySet[Event]") -> "QuerySet[Event]":
    """Return the events that a batch replay replays or counts: those that are not duplicates."""
    return rows.filter(is_duplicate_event=False)


def replay_rows(project_id: str, rows: "QuerySet[Event]", within: Within | None) -> Replayed:
    """Replay events in one transaction, oldest first, until they have REPLAY_DELIVERIES deliveries.

    With `within`, only those all of whose endpoints are in it. Each statement is for all of them.
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
            return Replayed([], 0)
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
    return Replayed(events, sum(map(len, taken.values())))


def _targets(event: Event, candidates: Candidates, allowed: Iterable[str]) -> list[list[Row]]:
    """Return the rows of the endpoints to which a stored event would go now."""
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
    return match(targets, event, value, allowance)


def _outcome(event: Event, taken: list[Row]) -> tuple[str, str, str, str]:
    """Return a replayed event's id, its endpoints as PostgreSQL's array, its status and its failure's reason."""
    endpoints = "{" + ",".join([row.endpoint_id for row in taken] or event.endpoints) + "}"
    if taken:
        return event.uid, endpoints, Status.SUCCESS, ""
    return event.uid, endpoints, Status.FAILURE, event.failure_reason or NO_MATCH
