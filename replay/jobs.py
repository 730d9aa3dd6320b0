"""Replay any number of events in the background. Contract: docs/contract/events.md#replay-jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from activity.operations import Verb
from core.ulid import first_ulid_at
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
    beyond_now = first_ulid_at(timezone.now() + timedelta(milliseconds=1))
    wanted = replace(wanted, beyond_uid=min(wanted.beyond_uid, beyond_now))
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
    edge = _edge(job, wanted, job.counted_to, COUNTED_IN_PIECE)
    rows = originals(wanted.rows(job.project_id)).filter(pk__gt=job.counted_to)
    with _in_order_of_ids():
        return Piece((rows if edge is None else rows.filter(pk__lte=edge)).count(), edge)


def replay_piece(job: Job) -> Piece:
    """Replay the next REPLAY_CHUNK chosen events among the next LOOKED_AT_IN_PIECE events."""
    wanted = EventFilter(**job.parameters)
    edge = _edge(job, wanted, job.cursor, LOOKED_AT_IN_PIECE)
    rows = originals(wanted.rows(job.project_id)).filter(pk__gt=job.cursor)
    rows = rows if edge is None else rows.filter(pk__lte=edge)
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
    """Have the statements of a block read a range of ids, in a transaction that is given up when they fail.

    PostgreSQL would read all events of the chosen endpoints from their index, for each piece.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('enable_bitmapscan', 'off', true)")
        yield
        cursor.execute("SELECT set_config('enable_bitmapscan', 'on', true)")


def _edge(job: Job, wanted: EventFilter, after: str, most: int) -> str | None:
    """Return the id of the `most`-th event after the place `after`; None where there are fewer up to the end."""
    rows = Event.objects.filter(project_id=job.project_id, pk__gte=wanted.first_uid, pk__lt=wanted.beyond_uid)
    last = rows.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[most - 1 : most]
    return next(iter(last), None)
