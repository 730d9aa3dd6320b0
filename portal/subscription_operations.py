"""What a customer can do in the portal with subscriptions and filters.

Each function checks the capability and then calls the operation, within the customer's scope: a
subscription on an endpoint outside it raises NotFound, as one does that is not there. A customer
chooses among the project's event types and makes no new ones.
Contract: portal-links section 5.1, rules 22, 25, 26 and 29.
"""

from collections.abc import Sequence
from typing import Any

from core.exceptions import Unauthenticated
from portal_links.access import Access
from portal_links.capabilities import MANAGE_SUBSCRIPTIONS
from subscriptions import filter_operations, operations
from subscriptions.models import Filter, Subscription, SubscriptionQuerySet


def subscriptions(access: Access, endpoint_ids: Sequence[str] = ()) -> SubscriptionQuerySet:
    """The customer's subscriptions. Raises Unauthenticated where one of `endpoint_ids` is not the customer's."""
    _require_endpoints(access, endpoint_ids)
    return operations.visible(access.project.uid, access.endpoints())


def find_subscription(access: Access, subscription_id: str) -> Subscription:
    """One subscription of the customer. Raises NotFound."""
    return operations.find_subscription(access.project.uid, subscription_id, access.endpoints())


def create_subscription(access: Access, *, endpoint_id: str, **sent: Any) -> Subscription:
    """Create a subscription on an endpoint of the customer. Raises DomainError."""
    access.require(MANAGE_SUBSCRIPTIONS)
    _require_endpoints(access, [endpoint_id])
    return operations.create_subscription(
        access.project.uid, endpoint_id=endpoint_id, **sent, scope=access.endpoints(), registers=False
    )


def update_subscription(access: Access, subscription_id: str, *, endpoint_id: str = "", **sent: Any) -> Subscription:
    """Change a subscription of the customer. Raises DomainError."""
    access.require(MANAGE_SUBSCRIPTIONS)
    find_subscription(access, subscription_id)
    _require_endpoints(access, [endpoint_id] if endpoint_id else [])
    return operations.update_subscription(
        access.project.uid, subscription_id, endpoint_id=endpoint_id, **sent, scope=access.endpoints(), registers=False
    )


def delete_subscription(access: Access, subscription_id: str) -> None:
    """Delete a subscription of the customer. Raises DomainError."""
    access.require(MANAGE_SUBSCRIPTIONS)
    operations.delete_subscription(access.project.uid, subscription_id, scope=access.endpoints())


def list_filters(access: Access, subscription_id: str) -> list[Filter]:
    """The filters of a subscription of the customer. Raises NotFound."""
    return filter_operations.list_filters(access.project.uid, subscription_id, scope=access.endpoints())


def get_filter(access: Access, subscription_id: str, filter_id: str) -> Filter:
    """One of them. Raises NotFound."""
    return filter_operations.get_filter(access.project.uid, subscription_id, filter_id, scope=access.endpoints())


def create_filter(access: Access, subscription_id: str, **sent: Any) -> Filter:
    """Create a filter of a subscription of the customer. Raises DomainError."""
    access.require(MANAGE_SUBSCRIPTIONS)
    return filter_operations.create_filter(access.project.uid, subscription_id, scope=access.endpoints(), **sent)


def create_filters(access: Access, subscription_id: str, items: Sequence[dict[str, Any]]) -> list[Filter]:
    """Create several. Raises DomainError."""
    access.require(MANAGE_SUBSCRIPTIONS)
    return filter_operations.create_filters(access.project.uid, subscription_id, items, scope=access.endpoints())


def update_filter(access: Access, subscription_id: str, filter_id: str, **sent: Any) -> Filter:
    """Change a filter of a subscription of the customer. Raises DomainError."""
    access.require(MANAGE_SUBSCRIPTIONS)
    return filter_operations.update_filter(
        access.project.uid, subscription_id, filter_id, scope=access.endpoints(), **sent
    )


def update_filters(access: Access, subscription_id: str, items: Sequence[dict[str, Any]]) -> list[Filter]:
    """Change several. Raises DomainError."""
    access.require(MANAGE_SUBSCRIPTIONS)
    return filter_operations.update_filters(access.project.uid, subscription_id, items, scope=access.endpoints())


def delete_filter(access: Access, subscription_id: str, filter_id: str) -> None:
    """Delete a filter of a subscription of the customer. Raises DomainError."""
    access.require(MANAGE_SUBSCRIPTIONS)
    filter_operations.delete_filter(access.project.uid, subscription_id, filter_id, scope=access.endpoints())


def would_take(access: Access, subscription_id: str, event_type: str, **sent: Any) -> bool:
    """Whether a subscription of the customer would take an event. Raises NotFound."""
    return filter_operations.would_take(
        access.project.uid, subscription_id, event_type, scope=access.endpoints(), **sent
    )


def _require_endpoints(access: Access, endpoint_ids: Sequence[str]) -> None:
    """Refuse endpoints that are not the customer's in the words that the portal API has for these."""
    wanted = set(endpoint_ids)
    if wanted and access.endpoints().order_by().filter(pk__in=wanted).count() < len(wanted):
        raise Unauthenticated("unauthorized")
