"""Send a customer's deliveries again. Contract: docs/contract/portal-sessions.md#portal-deliveries.

As in operations.py, each function checks the capability and then calls the operation within the customer's scope.
"""

from collections.abc import Sequence

from core.tally import Tally
from deliveries import batch_retry
from deliveries import operations as deliveries
from deliveries.filters import DeliveryFilter
from events.models import BatchRetry, EventDelivery
from portal_links.access import Access
from portal_links.capabilities import CREATE_ATTEMPTS


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
    return batch_retry.create_batch_retry(access.project.uid, wanted, customer=access.customer)
