"""Send an endpoint the messages that it was never sent. Contract: docs/contract/svix.md#recovery."""

from collections.abc import Iterable

import orjson
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from core.stretches import next_stretch
from core.wake import wake_workers
from endpoints.models import Endpoint
from events.matching import Allowance, Row, has_conditions, matched, read_candidates
from events.models import Event, EventDelivery
from events.storage import add_deliveries
from jobs.models import Job
from jobs.operations import Piece
from outbound.states import Status
from replay.operations import REPLAY_CHUNK, REPLAY_STEPS, REPLAY_STEPS_TOGETHER

#: The kind of the job.
MISSING_JOB = "replay_missing"
#: The events of the project that a piece looks at, however few of them are chosen: they bound its time.
LOOKED_AT_IN_PIECE = 5_000

# An event that no endpoint had taken was a failure, and no longer is.
_TAKEN = f"""
UPDATE events_event SET status = '{Status.SUCCESS}', failure_reason = '', updated_at = %s,
  endpoints = CASE WHEN status = '{Status.FAILURE}' THEN ARRAY[%s]::varchar[]
    WHEN %s = ANY(endpoints) THEN endpoints ELSE array_append(endpoints, %s) END
WHERE uid = ANY(%s)
"""  # noqa: S608 - only this module's own text


def missing_of(endpoint: Endpoint) -> "QuerySet[Event]":
    """Return the fanouts to its owner, and the broadcasts, that an endpoint was never sent."""
    channel = Event.Channel
    rows = Event.objects.filter(project_id=endpoint.project_id, is_duplicate_event=False, expunged_at=None)
    of_owner = Q(channel=channel.FANOUT, owner_id=endpoint.owner_id) | Q(channel=channel.BROADCAST)
    sent = EventDelivery.objects.filter(event=OuterRef("pk"), endpoint=endpoint.uid, test=EventDelivery.Test.NONE)
    # Events from before the present owner had the endpoint were not for it.
    return rows.filter(of_owner, ~Exists(sent), pk__gte=endpoint.held_from)


def send_missing(endpoint: Endpoint, events: Iterable[Event]) -> int:
    """Store deliveries of events to an endpoint, one for each subscription that takes the event. Return their number.

    The caller's transaction holds the events' locks. A few statements for all of them.
    """
    events = list(events)
    if not events:
        return 0
    types = {event.event_type for event in events}
    candidates = read_candidates(endpoint.project_id, event_types=types, ids=[endpoint.uid])
    rows = candidates.endpoints.get(endpoint.uid, [])
    data = {}
    if has_conditions(rows):
        data = dict(Event.objects.filter(pk__in=[event.pk for event in events]).values_list("pk", "data"))
    allowance = Allowance(REPLAY_STEPS, REPLAY_STEPS_TOGETHER)
    taken: list[tuple[str, Row]] = [
        (event.uid, row)
        for event in events
        for row in matched([rows], event, orjson.loads(data[event.uid]) if data else None, allowance)
    ]
    now = timezone.now()
    add_deliveries(candidates.settings, taken, now)
    if taken:
        uid, uids = endpoint.uid, sorted({event_id for event_id, _ in taken})
        with connection.cursor() as cursor:
            cursor.execute(_TAKEN, [now, uid, uid, uid, uids])
        wake_workers()
    return len(taken)


def count_missing_piece(job: Job) -> Piece:
    """Count the messages among the next LOOKED_AT_IN_PIECE events that the endpoint was never sent."""
    endpoint = _endpoint(job)
    if endpoint is None:
        return Piece(0, None)
    rows, edge = _next_stretch(endpoint, job, job.counted_to)
    return Piece(rows.count(), edge)


def send_missing_piece(job: Job) -> Piece:
    """Send the next REPLAY_CHUNK messages that the endpoint's subscriptions take."""
    endpoint = _endpoint(job)
    if endpoint is None:
        return Piece(0, None)
    rows, edge = _next_stretch(endpoint, job, job.cursor)
    chunk = list(rows.order_by("pk").select_for_update(of=("self",), no_key=True).defer("data")[:REPLAY_CHUNK])
    sent = send_missing(endpoint, chunk)
    if len(chunk) < REPLAY_CHUNK:
        return Piece(sent, edge)
    return Piece(sent, chunk[-1].uid)


def _endpoint(job: Job) -> Endpoint | None:
    """Return the endpoint of a job, unless it is deleted or has another owner by now."""
    rows = Endpoint.objects.for_project(job.project_id).filter(pk=job.parameters["endpoint_id"])
    return rows.filter(owner_id=job.parameters["owner_id"]).first()


def _next_stretch(endpoint: Endpoint, job: Job, after: str) -> tuple["QuerySet[Event]", str | None]:
    """Return the events of the next piece that the endpoint was never sent, and the id of the piece's last event.

    It is None where the piece reaches the end.
    """
    bounds = Q(pk__gte=job.parameters["first_uid"], pk__lt=job.parameters["beyond_uid"])
    all_of_project = Event.objects.filter(bounds, project_id=job.project_id)
    stretch, edge = next_stretch(all_of_project, after=after, length=LOOKED_AT_IN_PIECE)
    return missing_of(endpoint).filter(bounds, stretch), edge
