"""Replay any number of events in the background. Contract: docs/contract/events.md#replay-jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.db import connection
from django.db.models import Q

from activity.operations import Verb
from core.stretches import next_stretch
from core.ulid import beyond_now
from events.models import Event
from events.reads import EventFilter, still_held
from jobs.exceptions import JobUnderWay
from jobs.models import Job
from jobs.operations import Piece, create_job
from replay.exceptions import ReplayUnderWay
from replay.operations import REPLAY_CHUNK, REPLAY_JOB, originals, replay_rows

#: The events of the project that a piece looks at, however few of them are chosen: they bound its time.
COUNTED_IN_PIECE = 20_000
LOOKED_AT_IN_PIECE = 5_000


def create_replay_job(project_id: str, wanted: EventFilter, *, customer: str = "", is_dry_run: bool = False) -> Job:
    """Store a job that replays all present events that are `wanted`, each once; a dry run counts them.

    `customer` is the caller in the portal, "" the company. Raises InvalidInput while another one of the same caller is
    open.
    """
    wanted = replace(wanted, beyond_uid=min(wanted.beyond_uid, beyond_now()))
    try:
        return create_job(
            project_id,
            REPLAY_JOB,
            wanted.parameters,
            verb=Verb.EVENTS_REPLAYED,
            customer=customer,
            is_dry_run=is_dry_run,
        )
    except JobUnderWay:
        raise ReplayUnderWay from None


def count_piece(job: Job) -> Piece:
    """Count the chosen ones of the next COUNTED_IN_PIECE events."""
    wanted = EventFilter(**job.parameters)
    stretch, edge = _next_stretch(job, wanted, job.counted_to, COUNTED_IN_PIECE)
    with _in_order_of_ids():
        return Piece(originals(wanted.rows(job.project_id)).filter(stretch).count(), edge)


def replay_piece(job: Job) -> Piece:
    """Replay the next REPLAY_CHUNK chosen events among the next LOOKED_AT_IN_PIECE events."""
    wanted = EventFilter(**job.parameters)
    stretch, edge = _next_stretch(job, wanted, job.cursor, LOOKED_AT_IN_PIECE)
    rows = originals(wanted.rows(job.project_id)).filter(stretch)
    with _in_order_of_ids():
        chunk = list(rows.order_by("pk").values_list("pk", flat=True)[:REPLAY_CHUNK])
    if not chunk:
        return Piece(0, edge)
    own = Event.objects.filter(project_id=job.project_id, pk__in=chunk)
    done = replay_rows(job.project_id, own, still_held(wanted.scope)).events
    # Where the first ones have many deliveries, the others are the next piece's.
    reached = done[-1].uid if done else chunk[-1]
    passed = sum(uid <= reached for uid in chunk)
    is_last = reached == chunk[-1] and len(chunk) < REPLAY_CHUNK
    return Piece(len(done), edge if is_last else reached, skipped=passed - len(done))


@contextmanager
def _in_order_of_ids() -> Iterator[None]:
    """Make the statements of a block read a range of ids, in a transaction that is rolled back when one fails.

    PostgreSQL would read all events of the chosen endpoints from their index, for each piece.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('enable_bitmapscan', 'off', true)")
        yield
        cursor.execute("SELECT set_config('enable_bitmapscan', 'on', true)")


def _next_stretch(job: Job, wanted: EventFilter, after: str, length: int) -> tuple[Q, str | None]:
    """Return the next stretch of the project's events in the filter's time, whether they are chosen or not."""
    rows = Event.objects.filter(project_id=job.project_id, pk__gte=wanted.first_uid, pk__lt=wanted.beyond_uid)
    return next_stretch(rows, after=after, length=length)
