"""Send the deliveries of one endpoint again, any number of them, in the background.

Contract: docs/contract/svix.md#recovery.
"""

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from activity.operations import Verb
from core.stretches import next_stretch
from core.ulid import beyond_now, first_ulid_at
from core.wake import wake_workers
from deliveries.exceptions import EndpointNotActive
from deliveries.operations import GIVEN_UP, sent_again
from endpoints.models import Endpoint
from events.models import DeliveryAttempt, EventDelivery, answered_with, of_present_owner
from jobs.models import Job
from jobs.operations import Piece, create_job
from outbound.states import Status
from replay.missing import MISSING_JOB

#: The kinds of the jobs, beside MISSING_JOB.
RECOVERY_JOB = "recovery"
RESEND_JOB = "bulk_resend"
#: Deliveries in a piece: one transaction.
PIECE = 1_000
#: The deliveries of the endpoint that a piece looks at, however few of them are chosen: they bound its time.
LOOKED_AT_IN_PIECE = 20_000


def create_recovery_job(
    endpoint: Endpoint,
    kind: str,
    *,
    since: datetime,
    until: datetime | None = None,
    parameters: dict[str, Any] | None = None,
) -> Job:
    """Store a job that sends to an endpoint what came in between two times.

    RECOVERY_JOB sends again what has failed or was discarded, RESEND_JOB also what has arrived, as far as `parameters`
    choose it (`chosen`), and MISSING_JOB what the endpoint was never sent. Raises InvalidInput where the endpoint is
    not active, or has an open job of the kind.
    """
    if endpoint.status != Endpoint.Status.ACTIVE:
        raise EndpointNotActive(status=endpoint.status)
    beyond = beyond_now()
    return create_job(
        endpoint.project_id,
        kind,
        (parameters or {})
        | {
            "endpoint_id": endpoint.uid,
            "owner_id": endpoint.owner_id,
            "first_uid": first_ulid_at(since),
            "beyond_uid": min(first_ulid_at(until), beyond) if until else beyond,
        },
        verb=Verb.EVENTS_REPLAYED if kind == MISSING_JOB else Verb.DELIVERIES_RETRIED,
        # Each endpoint may have one of each kind at a time.
        customer=f"endpoint:{endpoint.uid}",
    )


def chosen(job: Job) -> "QuerySet[EventDelivery]":
    """Return the deliveries that a job sends again: those of a state in which no further attempt is made."""
    given = job.parameters
    rows = EventDelivery.objects.filter(
        of_present_owner(),
        project_id=job.project_id,
        endpoint=given["endpoint_id"],
        endpoint__owner_id=given["owner_id"],
        endpoint__deleted_at=None,
        test=EventDelivery.Test.NONE,
        event__expunged_at=None,
        pk__gte=given["first_uid"],
        pk__lt=given["beyond_uid"],
    )
    statuses = [str(status) for status in GIVEN_UP]
    if job.kind == RESEND_JOB:
        statuses = [status for status in (*statuses, str(Status.SUCCESS)) if status in given.get("statuses", [status])]
    rows = rows.filter(status__in=statuses)
    if types := given.get("event_types"):
        rows = rows.filter(event_type__in=types)
    for name in ("channels", "tags"):
        if labels := given.get(name):
            rows = rows.filter(**{f"event__{name}__contains": labels})
    if (code := given.get("code_class")) is not None:
        rows = rows.filter(Exists(DeliveryAttempt.objects.filter(answered_with(code), delivery=OuterRef("pk"))))
    return rows


def count_piece(job: Job) -> Piece:
    """Count the deliveries of the next piece that are chosen."""
    uids, reached = _find_piece(job, job.counted_to)
    return Piece(len(uids), reached)


def resend_piece(job: Job) -> Piece:
    """Put the deliveries of the next piece that are chosen back into the queue."""
    uids, reached = _find_piece(job, job.cursor)
    # A resend by hand may have taken some since they were read: their state is in the condition.
    settled = EventDelivery.objects.filter(pk__in=uids, status__in=[*GIVEN_UP, Status.SUCCESS])
    sent = settled.update(**sent_again()) if uids else 0
    if sent:
        wake_workers()
    return Piece(sent, reached)


def _find_piece(job: Job, after: str) -> tuple[list[str], str | None]:
    """Return the next PIECE chosen ids among LOOKED_AT_IN_PIECE deliveries of the endpoint, and the place reached."""
    given = job.parameters
    rows = EventDelivery.objects.filter(
        project_id=job.project_id,
        endpoint=given["endpoint_id"],
        pk__gte=given["first_uid"],
        pk__lt=given["beyond_uid"],
    )
    stretch, edge = next_stretch(rows, after=after, length=LOOKED_AT_IN_PIECE)
    uids = list(chosen(job).filter(stretch).order_by("pk").values_list("pk", flat=True)[:PIECE])
    return uids, uids[-1] if len(uids) == PIECE else edge
