"""Send a customer's deliveries again. Contract: docs/contract/portal-sessions.md#portal-deliveries.

As in operations.py, each function checks the capability and then calls the operation within the customer's scope.
"""

from collections.abc import Sequence
from dataclasses import replace

from core.exceptions import InvalidInput
from core.tally import Tally
from deliveries import batch_retry, retry_jobs
from deliveries import operations as deliveries
from deliveries.exceptions import EndpointNotActive
from deliveries.filters import DeliveryFilter
from events.models import BatchRetry, EventDelivery
from jobs.models import Job
from outbound.states import Status
from portal_links.access import Access
from portal_links.capabilities import CREATE_ATTEMPTS


class AskFirst(InvalidInput):
    """The delivery has succeeded, and the customer has not confirmed that it is sent again."""

    message = "the delivery has succeeded"


def retry_delivery(access: Access, delivery_id: str, *, again: bool) -> None:
    """Send a delivery of the customer's at once where it waits, or again where it is given up. Raises DomainError.

    One that has succeeded is sent `again` only; else AskFirst is raised.
    """
    access.require(CREATE_ATTEMPTS)
    project_id, scope = access.project.uid, access.endpoints()
    status = deliveries.find_delivery(project_id, delivery_id, scope=scope).status
    if status == Status.SUCCESS:
        if not again:
            raise AskFirst
        if not deliveries.force_resend(project_id, [delivery_id], scope=scope).successful:
            raise EndpointNotActive(status="not active")
    elif status in deliveries.GIVEN_UP:
        deliveries.resend_delivery(project_id, delivery_id, scope=scope)
    else:
        deliveries.send_now(project_id, delivery_id, scope=scope)


def resend_delivery(access: Access, delivery_id: str) -> EventDelivery:
    """Send a failed or discarded delivery again. Raises DomainError."""
    access.require(CREATE_ATTEMPTS)
    return deliveries.resend_delivery(access.project.uid, delivery_id, scope=access.endpoints())


def force_resend(access: Access, delivery_ids: Sequence[str]) -> Tally:
    """Send succeeded deliveries again if all of them are the customer's, and none otherwise. Raises DomainError."""
    access.require(CREATE_ATTEMPTS)
    return deliveries.force_resend(access.project.uid, delivery_ids, scope=access.endpoints())


def create_batch_retry(access: Access, wanted: DeliveryFilter) -> BatchRetry | None:
    """Store a batch retry of the deliveries that are `wanted`; return None where none of its endpoints is left.

    The caller has narrowed `wanted` to the customer's endpoints. Raises DomainError.
    """
    access.require(CREATE_ATTEMPTS)
    if not wanted.endpoint_ids:
        return None
    return batch_retry.create_batch_retry(
        access.project.uid, replace(wanted, of_present_owner=True), customer=access.customer
    )


def create_retry_job(access: Access, wanted: DeliveryFilter, *, is_dry_run: bool = False) -> Job:
    """Store a job that sends the deliveries again that are `wanted`; it finds none where no endpoint is left.

    The caller has narrowed `wanted` to the customer's endpoints. Raises DomainError.
    """
    access.require(CREATE_ATTEMPTS)
    wanted = replace(wanted, endpoint_ids=wanted.endpoint_ids or [], of_present_owner=True)
    return retry_jobs.create_retry_job(access.project.uid, wanted, customer=access.customer, is_dry_run=is_dry_run)
