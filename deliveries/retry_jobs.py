"""Send any number of deliveries again, with progress. Contract: docs/contract/deliveries.md#retry-jobs."""

from django.db import transaction

from activity.operations import Verb
from deliveries.batch_retry import (
    RETRY_JOB,
    chosen,
    find_piece,
    of_present,
    require_alone,
    send_again,
    stretch_of,
    to_send,
)
from deliveries.exceptions import RetryUnderWay
from deliveries.filters import DeliveryFilter
from events.models import EventDelivery
from jobs.exceptions import JobUnderWay
from jobs.models import Job
from jobs.operations import Piece, create_job

#: The deliveries of the project that a piece looks at while the job counts.
COUNTED_IN_PIECE = 50_000


def create_retry_job(project_id: str, wanted: DeliveryFilter, *, customer: str = "", is_dry_run: bool = False) -> Job:
    """Store a job that sends all present deliveries again that are `wanted`, each once; a dry run counts them.

    `customer` is the caller in the portal, "" the company. Raises InvalidInput while another one of the same caller is
    open, or a batch retry is under way; beside a dry run, neither counts.
    """
    try:
        with transaction.atomic():
            if not is_dry_run:
                require_alone(project_id, customer)
            return create_job(
                project_id,
                RETRY_JOB,
                of_present(wanted).parameters,
                verb=Verb.DELIVERIES_RETRIED,
                customer=customer,
                is_dry_run=is_dry_run,
            )
    except JobUnderWay:
        raise RetryUnderWay from None


def count_piece(job: Job) -> Piece:
    """Count the chosen ones of the next COUNTED_IN_PIECE deliveries."""
    wanted = DeliveryFilter(**job.parameters)
    stretch, edge = stretch_of(job.project_id, wanted, after=job.counted_to, length=COUNTED_IN_PIECE)
    return Piece(chosen(job.project_id, wanted).filter(to_send(), stretch).count(), edge)


def retry_piece(job: Job) -> Piece:
    """Put the next piece of the chosen deliveries into the queue."""
    wanted = DeliveryFilter(**job.parameters)
    rows = chosen(job.project_id, wanted).filter(to_send())
    found = find_piece(job.project_id, wanted, rows, after=job.cursor)
    sent = send_again(EventDelivery.objects.filter(pk__in=found.uids)) if found.uids else 0
    return Piece(sent, found.reached, skipped=len(found.uids) - sent)
