"""Store jobs, and do their work in the background. Contract: docs/contract/jobs.md#processing.

An app that has large work registers a kind in KINDS. A worker counts the chosen rows first, then works on them, both a
piece at a time. The place and the rows of a piece are written in one transaction: a crash repeats nothing and leaves
nothing out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from activity.models import Activity
from activity.operations import Verb, record
from core.constraints import broken_constraint
from core.exceptions import InvalidInput
from core.turns import do_piece
from core.wake import wake_workers
from jobs.exceptions import JobNotFound, JobOver, JobUnderWay
from jobs.models import OPEN_JOB, Job, JobQuerySet

#: The pause of a worker that has found no work.
IDLE_SECONDS = 1.0

Status = Job.Status


class Piece(NamedTuple):
    """The outcome of a piece of work: the rows that were done, or counted, and the new place; None at the end."""

    done: int
    cursor: str | None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work. Both functions do a piece from the job's place on, within the caller's transaction."""

    count: Callable[[Job], Piece]
    work: Callable[[Job], Piece]


#: The kinds that this server can work on, by Job.kind.
KINDS: dict[str, Kind] = {}


def create_job(
    project_id: str,
    kind: str,
    parameters: Mapping[str, Any],
    *,
    verb: Verb | None,
    content: str | None = None,
    customer: str = "",
    is_dry_run: bool = False,
) -> Job:
    """Store a job for the workers, which work on rows or on `content`. A dry run counts.

    Its creation is recorded as activity with `verb`, unless that is None or the job is a dry run.

    Raises InvalidInput while another one of the same caller and kind is open; a dry run does not count as one.
    """
    now = timezone.now()
    job = Job(
        project_id=project_id,
        kind=kind,
        customer=customer,
        parameters=dict(parameters),
        content=content,
        is_dry_run=is_dry_run,
        created_at=now,
        updated_at=now,
    )
    try:
        with transaction.atomic():
            job.save(force_insert=True)
            if verb is not None and not is_dry_run:
                # The number of its rows is known when the job ends.
                record(project_id, verb, object_uid=job.uid, uid=job.uid)
            wake_workers()
    except IntegrityError as error:
        if broken_constraint(error) != OPEN_JOB:
            raise
        raise JobUnderWay from None
    return job


def find_job(rows: JobQuerySet, job_id: str) -> Job:
    """Return one of the jobs `rows`. Raises NotFound."""
    job = rows.filter(pk=job_id).first()
    if job is None:
        raise JobNotFound
    return job


def pause_job(rows: JobQuerySet, job_id: str) -> Job:
    """Pause one of the jobs `rows`, once its present piece is done. Raises NotFound, InvalidInput."""
    return _turn(rows, job_id, status=Status.PAUSED)


def resume_job(rows: JobQuerySet, job_id: str) -> Job:
    """Continue one of the jobs `rows` where it was paused. Raises NotFound, InvalidInput."""
    return _turn(rows, job_id, status=Status.PENDING)


def cancel_job(rows: JobQuerySet, job_id: str) -> Job:
    """End one of the jobs `rows`; what it has done stays done. Raises NotFound, InvalidInput."""
    return _turn(rows, job_id, status=Status.CANCELED, finished_at=timezone.now(), content=None)


def work_off() -> float:
    """Do a piece of the open job whose project was served longest ago. Return the seconds until the next call.

    A job whose piece raises an error has failed; where that is InvalidInput, with its text as the reason.
    """
    found = do_piece(
        waiting=_waiting(),
        take=_next,
        work=_work_at,
        put_back=_touch,
        give_up=lambda job: _touch(job, status=Status.FAILED, finished_at=timezone.now(), content=None),
    )
    return 0 if found else IDLE_SECONDS


def _waiting() -> JobQuerySet:
    return Job.objects.open().filter(
        status__in=[Status.PENDING, Status.RUNNING], kind__in=KINDS.keys(), project__deleted_at=None
    )


def _next() -> Job | None:
    """Lock the job whose turn it is: of the project that was served longest ago, the job served longest ago."""
    of_project = Job.objects.filter(project_id=OuterRef("project_id")).order_by(F("worked_at").desc(nulls_last=True))
    rows: QuerySet[Job] = (
        _waiting()
        .annotate(served_at=Subquery(of_project.values("worked_at")[:1]))
        .order_by(F("served_at").asc(nulls_first=True), F("worked_at").asc(nulls_first=True), "pk")
    )
    return rows.select_for_update(skip_locked=True, of=("self",), no_key=True).first()


def _work_at(job: Job) -> None:
    kind, now = KINDS[job.kind], timezone.now()
    had_content = job.content is not None
    try:
        with transaction.atomic():
            is_over = _piece(job, kind)
        job.status = Status.FINISHED if is_over else Status.RUNNING
    except InvalidInput as refusal:
        job.status, job.reason, is_over = Status.FAILED, str(refusal), True
    job.finished_at = now if is_over else None
    job.updated_at = job.worked_at = now
    if is_over:
        job.content = None
    job.save(
        update_fields=[
            *("status", "reason", "total", "is_counted", "counted_to", "cursor", "done", "skipped"),
            *("updated_at", "worked_at", "finished_at"),
            # The content is large, and is written only once it has been read and at the end.
            *(["content"] if had_content and (is_over or not job.cursor) else []),
        ]
    )
    if is_over:
        _record_count(job)


def _piece(job: Job, kind: Kind) -> bool:
    """Do a piece, and note it in the job. Return whether the job is over."""
    if not job.is_counted:
        piece = kind.count(job)
        job.total += piece.done
        job.counted_to = piece.cursor or job.counted_to
        job.is_counted = piece.cursor is None
        return job.is_counted and job.is_dry_run
    piece = kind.work(job)
    job.done += piece.done
    job.skipped += piece.skipped
    job.cursor = piece.cursor or job.cursor
    return piece.cursor is None


def _turn(rows: JobQuerySet, job_id: str, **changes: Any) -> Job:
    with transaction.atomic():
        # A worker that is at it holds the row until its piece is done.
        job = rows.filter(pk=job_id).select_for_update(no_key=True).first()
        if job is None:
            raise JobNotFound
        if job.finished_at is not None:
            raise JobOver
        for name, value in {**changes, "updated_at": timezone.now()}.items():
            setattr(job, name, value)
        job.save(update_fields=[*changes, "updated_at"])
        if job.finished_at is not None:
            _record_count(job)
        wake_workers()
    return job


def _record_count(job: Job) -> None:
    """Complete the record of activity that the job's creation has made."""
    Activity.objects.filter(pk=job.pk).update(count=job.done)


def _touch(job: Job, **changes: str | datetime | None) -> None:
    """Put an open job behind the others after its transaction has failed."""
    now = timezone.now()
    Job.objects.open().filter(pk=job.pk).update(updated_at=now, worked_at=now, **changes)
