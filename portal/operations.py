"""Change a customer's endpoints. The portal API and the pages call these functions, so the two cannot differ.

Each function checks the capability and then calls the operation on endpoints, within the customer's scope. An
endpoint outside the scope raises NotFound, like one that does not exist.
Contract: docs/contract/portal-sessions.md#portal-endpoints, docs/contract/portal-sessions.md#portal-scope.
"""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, Func, Value
from django.utils import timezone

from activity.operations import Verb
from deliveries.filters import missed_filter
from endpoints import operations
from endpoints.exceptions import EndpointNotFound
from endpoints.models import Endpoint
from endpoints.secrets import Secret, is_live
from portal.deliveries import create_batch_retry
from portal_links.access import Access
from portal_links.capabilities import (
    CREATE_ATTEMPTS,
    DELETE_ENDPOINT,
    MANAGE_ENDPOINT,
    MANAGE_SUBSCRIPTIONS,
    ROTATE_SECRET,
    VIEW_SECRET,
)
from portal_links.models import PortalLink
from projects.models import Project
from subscriptions.choice import choose_event_types, set_conditions
from subscriptions.operations import create_subscription


def find_endpoint(access: Access, endpoint_id: str) -> Endpoint:
    """Return one endpoint of the customer with its secrets, which the caller may have to hide. Raises NotFound."""
    endpoint = access.endpoints().filter(pk=endpoint_id).first()
    if endpoint is None:
        raise EndpointNotFound
    return endpoint


def reveal_secrets(access: Access, endpoint_id: str) -> list[Secret]:
    """Return the secrets that sign an endpoint's deliveries now, the current one first. Raises DomainError."""
    access.require(VIEW_SECRET)
    now = timezone.now()
    endpoint = find_endpoint(access, endpoint_id)
    operations.record_change(Verb.SECRET_REVEALED, endpoint)
    return [secret for secret in reversed(endpoint.secrets) if is_live(secret, now)]


@transaction.atomic
def create_endpoint(access: Access, **sent: Any) -> Endpoint:
    """Create an endpoint of the customer with the session's metadata. An `owner_id` in `sent` is ignored.

    A link without an owner opens a list of endpoints; the new one is added to the list. Raises DomainError.
    """
    access.require(MANAGE_ENDPOINT)
    endpoint = operations.create_endpoint(
        access.project.uid, metadata=access.metadata, **sent | {"owner_id": access.owner_id}
    )
    if access.link is not None and not access.link.owner_id:
        joined = Func(F("endpoints"), Value(endpoint.uid), function="array_append")
        PortalLink.objects.filter(pk=access.link.pk).update(endpoints=joined, updated_at=timezone.now())
    return endpoint


def may_choose(access: Access) -> bool:
    """Return whether the customer can choose the events of an endpoint.

    Subscriptions of an incoming project need a source, and there are no sources here.
    """
    return access.project.type == Project.Type.OUTGOING and access.may(MANAGE_SUBSCRIPTIONS)


@transaction.atomic
def create_receiving_endpoint(access: Access, *, event_types: Sequence[str] = (), **sent: Any) -> Endpoint:
    """Create an endpoint of the customer and subscribe it to these event types, `*` for all; without any, not.

    Both or neither. Raises DomainError.
    """
    if event_types:
        access.require(MANAGE_SUBSCRIPTIONS)
    endpoint = create_endpoint(access, **sent)
    if event_types:
        create_subscription(
            access.project.uid,
            name=endpoint.name,
            endpoint_id=endpoint.uid,
            filter_config={"event_types": list(event_types)},
            registers=False,
        )
    return endpoint


def update_event_types(access: Access, endpoint_id: str, event_types: Sequence[str]) -> None:
    """Let an endpoint of the customer listen to these event types alone, `*` for all; conditions of those that stay
    are kept. Raises DomainError.
    """
    access.require(MANAGE_SUBSCRIPTIONS)
    find_endpoint(access, endpoint_id)
    choose_event_types(access.project.uid, endpoint_id, event_types, scope=access.endpoints())


def update_conditions(access: Access, endpoint_id: str, event_type: str, conditions: dict[str, Any]) -> None:
    """Set the conditions under which an endpoint of the customer takes events of a type. Raises DomainError."""
    access.require(MANAGE_SUBSCRIPTIONS)
    find_endpoint(access, endpoint_id)
    set_conditions(access.project.uid, endpoint_id, event_type, conditions, scope=access.endpoints())


def update_endpoint(access: Access, endpoint_id: str, **sent: Any) -> Endpoint:
    """Update the fields of a customer's endpoint that are sent, but not its owner. Raises DomainError."""
    access.require(MANAGE_ENDPOINT)
    return operations.update_endpoint(
        access.project.uid,
        endpoint_id,
        scope=access.endpoints(),
        reveal=access.may(VIEW_SECRET),
        **sent | {"owner_id": ""},
    )


def delete_endpoint(access: Access, endpoint_id: str) -> None:
    """Delete an endpoint of the customer. Raises DomainError."""
    access.require(DELETE_ENDPOINT)
    operations.delete_endpoint(access.project.uid, endpoint_id, scope=access.endpoints())


def toggle_pause(access: Access, endpoint_id: str) -> Endpoint:
    """Pause an active endpoint of the customer, or activate a paused one. Raises DomainError."""
    access.require(MANAGE_ENDPOINT)
    return operations.toggle_pause(access.project.uid, endpoint_id, scope=access.endpoints())


def pause_endpoint(access: Access, endpoint_id: str) -> Endpoint:
    """Pause an active endpoint of the customer. Raises DomainError, for a paused one too."""
    access.require(MANAGE_ENDPOINT)
    return operations.pause_endpoint(access.project.uid, endpoint_id, scope=access.endpoints())


def activate_endpoint(access: Access, endpoint_id: str) -> Endpoint:
    """Activate an endpoint of the customer that is not active. Raises DomainError."""
    access.require(MANAGE_ENDPOINT)
    return operations.activate_endpoint(access.project.uid, endpoint_id, scope=access.endpoints())


@transaction.atomic
def activate_and_send_missed(access: Access, endpoint_id: str) -> int:
    """Activate an endpoint of the customer, and send what it has missed since it was paused or disabled.

    Returns the number of deliveries that a worker will send. Raises DomainError, and changes nothing, also while
    another batch retry of the customer is under way.
    """
    access.require(CREATE_ATTEMPTS)
    missed = missed_filter(find_endpoint(access, endpoint_id))
    activate_endpoint(access, endpoint_id)
    number = missed.rows(access.project.uid).count()
    if number:
        create_batch_retry(access, missed)
    return number


def expire_secret(access: Access, endpoint_id: str, *, secret: str = "", expiration: float = 0) -> Endpoint:
    """Replace the secret of an endpoint of the customer. Raises DomainError."""
    access.require(ROTATE_SECRET)
    return operations.expire_secret(
        access.project.uid, endpoint_id, secret=secret, expiration=expiration, scope=access.endpoints()
    )
