"""Send many deliveries again in the background. Contract: docs/contract/deliveries.md#batch-retry.

The API stores the filter of the deliveries; workers send them a piece at a time, on any machine.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Now
from django.utils import timezone

from activity.models import Activity
from activity.operations import Verb, record
from core.turns import Turns, do_piece
from core.ulid import first_ulid_at
from core.wake import wake_workers
from deliveries.exceptions import RetryUnderWay
from deliveries.filters import DeliveryFilter
from deliveries.operations import GIVEN_UP, WAITING, sent_again
from events.models import BatchRetry, EventDelivery
from outbound.states import Status

turns = Turns()

#: Deliveries in one piece of the work, which is one transaction.
PIECE = 1000
#: An open batch stops blocking new ones when no worker has advanced any batch for this long.
STALE_AFTER = timedelta(minutes=10)


def create_batch_retry(project_id: str, wanted: DeliveryFilter, *, customer: str = "") -> BatchRetry:
    """Store a batch retry of all present deliveries that are `wanted`, for the workers.

    `customer` is the caller in the portal, "" the company. Raises InvalidInput while another batch retry of the same
    caller is under way.
    """
    now = timezone.now()
    beyond_now = first_ulid_at(now + timedelta(milliseconds=1))
    wanted = replace(wanted, beyond_uid=min(wanted.beyond_uid, beyond_now))
    batch = BatchRetry(
        project_id=project_id, customer=customer, parameters=wanted.parameters, created_at=now, updated_at=now
    )
    try:
        with transaction.atomic():
            open_ones = BatchRetry.objects.filter(project_id=project_id, customer=customer, finished_at=None)
            worked_at = BatchRetry.objects.filter(updated_at__gte=now - STALE_AFTER, updated_at__gt=F("created_at"))
            open_ones.filter(~Exists(worked_at), updated_at__lt=now - STALE_AFTER).update(finished_at=now)
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
    rows = wanted.rows(batch.project_id).filter(pk__gt=batch.cursor, status__in=[*GIVEN_UP, *WAITING])
    rows = rows.filter(test=EventDelivery.Test.NONE)
    piece = list(rows.order_by("pk").values_list("pk", flat=True)[:PIECE])
    now = timezone.now()
    if piece:
        batch.cursor = piece[-1]
        batch.total += len(piece)
        batch.retried += _send_again(EventDelivery.objects.filter(pk__in=piece))
    else:
        batch.finished_at = now
        Activity.objects.filter(pk=batch.pk).update(count=batch.retried)
    batch.updated_at = now
    batch.save(update_fields=["cursor", "total", "retried", "finished_at", "updated_at"])


def _touch(batch: BatchRetry, **changes: datetime) -> None:
    """Put an open batch behind the others, after the transaction that failed."""
    BatchRetry.objects.filter(pk=batch.pk, finished_at=None).update(updated_at=timezone.now(), **changes)


def _send_again(rows: "QuerySet[EventDelivery]") -> int:
    """Put the deliveries into the queue that are not due there. Return how many.

    A worker may have taken some since the piece was read: their state is in the condition.
    """
    given_up = Q(status__in=GIVEN_UP)
    waiting = Q(status__in=WAITING, is_parked=False, due_at__gt=Now())
    changes = sent_again() | {
        "status": Case(When(given_up, then=Value(Status.SCHEDULED)), default=F("status")),
        "description": Case(When(given_up, then=Value("", TextField())), default=F("description")),
        "num_trials_before": Case(When(given_up, then=F("num_trials")), default=F("num_trials_before")),
    }
    moved = rows.filter(given_up | waiting).update(**changes)
    if moved:
        wake_workers()
    return moved
