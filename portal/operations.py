"""Change a customer's endpoints. The portal API and the pages call these functions, so the two cannot differ.

Each function checks the capability and then calls the operation on endpoints, within the customer's scope. An
endpoint outside the scope raises NotFound, like one that does not exist.
Contract: docs/contract/portal-sessions.md#portal-endpoints, docs/contract/portal-sessions.md#portal-scope.
"""

from typing import Any

from django.db import transaction
from django.db.models import F, Func, Value
from django.utils import timezone

from activity.operations import Verb, record
from endpoints import operations
from endpoints.exceptions import EndpointNotFound
from endpoints.models import Endpoint
from endpoints.secrets import Secret, is_live
from portal_links.access import Access
from portal_links.capabilities import DELETE_ENDPOINT, MANAGE_ENDPOINT, MANAGE_SUBSCRIPTIONS, ROTATE_SECRET, VIEW_SECRET
from portal_links.models import PortalLink
from projects.models import Project
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
    record(
        access.project.uid,
        Verb.SECRET_REVEALED,
        owner_id=endpoint.owner_id,
        endpoint_id=endpoint.uid,
        object_uid=endpoint.uid,
        object_name=endpoint.name,
    )
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


def subscribes_all(access: Access) -> bool:
    """Tell whether the pages subscribe a new endpoint to all events, as they have none to choose from.

    Subscriptions of an incoming project need a source, which the pages cannot name.
    """
    return access.project.type == Project.Type.OUTGOING and access.may(MANAGE_SUBSCRIPTIONS)


@transaction.atomic
def create_receiving_endpoint(access: Access, **sent: Any) -> Endpoint:
    """Create an endpoint of the customer, subscribed to all events where subscribes_all(). Raises DomainError."""
    endpoint = create_endpoint(access, **sent)
    if subscribes_all(access):
        create_subscription(access.project.uid, name=endpoint.name, endpoint_id=endpoint.uid)
    return endpoint


def update_endpoint(access: Access, endpoint_id: str, **sent: Any) -> Endpoint:
    """Update the fields of a customer's endpoint that are sent, but not its owner. Raises DomainError."""
    access.require(MANAGE_ENDPOINT)
    return operations.update_endpoint(
        access.project.uid, endpoint_id, scope=access.endpoints(), **sent | {"owner_id": ""}
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


def expire_secret(access: Access, endpoint_id: str, *, secret: str = "", expiration: int = 0) -> Endpoint:
    """Replace the secret of an endpoint of the customer. Raises DomainError."""
    access.require(ROTATE_SECRET)
    return operations.expire_secret(
        access.project.uid, endpoint_id, secret=secret, expiration=expiration, scope=access.endpoints()
    )
