"""Send many deliveries again in the background. Contract: docs/contract/deliveries.md#batch-retry.

The API stores the filter of the deliveries; workers send them a piece at a time, on any machine.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import IntegrityError, connection, transaction
from django.db.models import Case, Exists, F, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Now
from django.utils import timezone

from activity.models import Activity
from activity.operations import Verb, record
from core.stretches import next_stretch
from core.turns import Turns, do_piece
from core.ulid import beyond_now
from core.wake import wake_workers
from deliveries.exceptions import RetryUnderWay
from deliveries.filters import DeliveryFilter
from deliveries.operations import GIVEN_UP, WAITING, sent_again
from events.models import BatchRetry, EventDelivery
from jobs.models import Job
from outbound.states import Status

turns = Turns()

#: Deliveries in one piece of the work, which is one transaction.
PIECE = 1000
#: The deliveries of the project that a piece looks at, however few of them are chosen: they bound its time.
LOOKED_AT_IN_PIECE = 20_000
#: The kind of the job (deliveries/retry_jobs.py).
RETRY_JOB = "batch_retry"
#: An open batch stops blocking new ones when no worker has advanced any batch for this long.
STALE_AFTER = timedelta(minutes=10)


def create_batch_retry(project_id: str, wanted: DeliveryFilter, *, customer: str = "") -> BatchRetry:
    """Store a batch retry of all present deliveries that are `wanted`, for the workers.

    `customer` is the caller in the portal, "" the company. Raises InvalidInput while another batch retry of the same
    caller is under way, or a job that is one.
    """
    now = timezone.now()
    wanted = of_present(wanted)
    batch = BatchRetry(
        project_id=project_id, customer=customer, parameters=wanted.parameters, created_at=now, updated_at=now
    )
    try:
        with transaction.atomic():
            require_alone(project_id, customer)
            batch.save(force_insert=True)
            chosen = wanted.endpoint_ids or []
            record(
                project_id,
                Verb.DELIVERIES_RETRIED,
                endpoint_id=chosen[0] if len(chosen) == 1 else "",
                object_uid=batch.uid,
                object_name=wanted.event_type,
                changes={"status": [None, wanted.statuses]} if wanted.statuses else None,
                # Its number is known when the batch ends.
                uid=batch.uid,
            )
            wake_workers()
    except IntegrityError:
        raise RetryUnderWay from None
    return batch


def of_present(wanted: DeliveryFilter) -> DeliveryFilter:
    """Return the filter, narrowed to the deliveries that exist now."""
    return replace(wanted, beyond_uid=min(wanted.beyond_uid, beyond_now()))


def require_alone(project_id: str, customer: str) -> None:
    """Keep other retries of the same caller away until the transaction ends. Raises RetryUnderWay where one is open.

    Open batches are ended first where no worker has advanced these, or any other batch, for STALE_AFTER.
    """
    now = timezone.now()
    with connection.cursor() as cursor:
        name = f"batch retry {project_id} {customer}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
    batches = BatchRetry.objects.filter(project_id=project_id, customer=customer, finished_at=None)
    worked_at = BatchRetry.objects.filter(updated_at__gte=now - STALE_AFTER, updated_at__gt=F("created_at"))
    batches.filter(~Exists(worked_at), updated_at__lt=now - STALE_AFTER).update(finished_at=now)
    jobs = Job.objects.for_project(project_id).open().filter(kind=RETRY_JOB, customer=customer, is_dry_run=False)
    if batches.exists() or jobs.exists():
        raise RetryUnderWay


def work_off() -> bool:
    """Do a piece of a batch that is not locked, by turns of projects. Return whether there may be more to do.

    Deliveries in a state of GIVEN_UP are scheduled with a fresh allowance of attempts; those that wait
    are due now; those that are being sent, or have succeeded, stay as they are. Place and deliveries are
    written in one transaction, so that a crash repeats nothing and leaves nothing out. A batch whose piece raises an
    error is finished.
    """
    return do_piece(
        waiting=_waiting(),
        take=_next,
        work=_work_at,
        put_back=_touch,
        give_up=lambda batch: _touch(batch, finished_at=timezone.now()),
    )


def _waiting() -> "QuerySet[BatchRetry]":
    return BatchRetry.objects.filter(finished_at=None)


def _next() -> BatchRetry | None:
    """Return the batch of the next project that has waited longest there, locked."""
    return turns.take(_waiting().order_by("updated_at", "pk").select_for_update(skip_locked=True))


def _work_at(batch: BatchRetry) -> None:
    wanted = DeliveryFilter(**batch.parameters)
    rows = chosen(batch.project_id, wanted).filter(status__in=[*GIVEN_UP, *WAITING])
    found = find_piece(batch.project_id, wanted, rows, after=batch.cursor)
    now = timezone.now()
    batch.cursor = found.reached or (found.uids[-1] if found.uids else batch.cursor)
    if found.uids:
        batch.total += len(found.uids)
        batch.retried += send_again(EventDelivery.objects.filter(pk__in=found.uids))
    elif found.reached is None:
        batch.finished_at = now
        Activity.objects.filter(pk=batch.pk).update(count=batch.retried)
    batch.updated_at = now
    batch.save(update_fields=["cursor", "total", "retried", "finished_at", "updated_at"])


class Found(NamedTuple):
    """The ids in a piece of the work, and the place that is reached with them; None at the end."""

    uids: list[str]
    reached: str | None


def find_piece(project_id: str, wanted: DeliveryFilter, rows: "QuerySet[EventDelivery]", *, after: str) -> Found:
    """Return the next PIECE of the deliveries `rows`, which are `wanted`, among LOOKED_AT_IN_PIECE after a place."""
    stretch, edge = stretch_of(project_id, wanted, after=after, length=LOOKED_AT_IN_PIECE)
    uids = list(rows.filter(stretch).order_by("pk").values_list("pk", flat=True)[:PIECE])
    return Found(uids, uids[-1] if len(uids) == PIECE else edge)


def chosen(project_id: str, wanted: DeliveryFilter) -> "QuerySet[EventDelivery]":
    """Return the deliveries that are `wanted`, test events apart."""
    return wanted.rows(project_id).filter(test=EventDelivery.Test.NONE)


def stretch_of(project_id: str, wanted: DeliveryFilter, *, after: str, length: int) -> tuple[Q, str | None]:
    """Return the next stretch of the project's deliveries in the filter's time, whether they are chosen or not."""
    rows = EventDelivery.objects.filter(project_id=project_id, pk__gte=wanted.first_uid, pk__lt=wanted.beyond_uid)
    return next_stretch(rows, after=after, length=length)


def _touch(batch: BatchRetry, **changes: datetime) -> None:
    """Put an open batch behind the others after its transaction has failed."""
    BatchRetry.objects.filter(pk=batch.pk, finished_at=None).update(updated_at=timezone.now(), **changes)


def to_send() -> Q:
    """Return the condition that a retry changes a delivery: it has been given up, or waits and is not due."""
    return Q(status__in=GIVEN_UP) | Q(status__in=WAITING, is_parked=False, due_at__gt=Now())


def send_again(rows: "QuerySet[EventDelivery]") -> int:
    """Queue the deliveries that are not due already. Return their number.

    A worker may have taken some since the piece was read: their state is in the condition.
    """
    given_up = Q(status__in=GIVEN_UP)
    changes = sent_again() | {
        "status": Case(When(given_up, then=Value(Status.SCHEDULED)), default=F("status")),
        "description": Case(When(given_up, then=Value("", TextField())), default=F("description")),
        "num_trials_before": Case(When(given_up, then=F("num_trials")), default=F("num_trials_before")),
    }
    moved = rows.filter(to_send()).update(**changes)
    if moved:
        wake_workers()
    return moved
