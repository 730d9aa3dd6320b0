"""What a customer can do in the portal. The portal API and the pages call these, so they cannot differ.

Each function checks the capability and then calls the operation on endpoints, within the customer's
scope: an endpoint outside it raises NotFound, as one does that is not there.
Contract: portal-links sections 5.1 and 5.2, rules 22, 28, 33 and 35.
"""

from typing import Any

from django.db import transaction
from django.db.models import F, Func, Value
from django.utils import timezone

from core.exceptions import NotFound
from endpoints import operations
from endpoints.documents import EndpointDocument, endpoint_documents
from endpoints.models import Endpoint
from endpoints.secrets import Secret, is_live
from portal_links.access import Access
from portal_links.capabilities import DELETE_ENDPOINT, MANAGE_ENDPOINT, ROTATE_SECRET, VIEW_SECRET
from portal_links.models import PortalLink


def endpoint_document(access: Access, endpoint_id: str) -> EndpointDocument:
    """One endpoint of the customer, its secrets masked without the capability to see them. Raises NotFound."""
    if not access.endpoints().filter(pk=endpoint_id).exists():
        raise NotFound("endpoint not found")
    found = endpoint_documents(access.project.uid, ids=[endpoint_id], reveal=access.may(VIEW_SECRET))
    if not found:
        raise NotFound("endpoint not found")
    return found[0]


def find_endpoint(access: Access, endpoint_id: str) -> Endpoint:
    """One endpoint of the customer, secrets and all: the caller chooses what to show. Raises NotFound."""
    endpoint = access.endpoints().filter(pk=endpoint_id).first()
    if endpoint is None:
        raise NotFound("endpoint not found")
    return endpoint


def reveal_secrets(access: Access, endpoint_id: str) -> list[Secret]:
    """The secrets that an endpoint's deliveries are signed with now, the current one first. Raises DomainError."""
    access.require(VIEW_SECRET)
    now = timezone.now()
    return [secret for secret in reversed(find_endpoint(access, endpoint_id).secrets) if is_live(secret, now)]


@transaction.atomic
def create_endpoint(access: Access, **sent: Any) -> Endpoint:
    """Create an endpoint of the customer, whatever `owner_id` is sent, with the session's metadata.

    A link without an owner opens a list of endpoints: the new one joins it. Raises DomainError.
    """
    access.require(MANAGE_ENDPOINT)
    endpoint = operations.create_endpoint(
        access.project.uid, metadata=access.metadata, **sent | {"owner_id": access.owner_id}
    )
    if access.link is not None and not access.link.owner_id:
        joined = Func(F("endpoints"), Value(endpoint.uid), function="array_append")
        PortalLink.objects.filter(pk=access.link.pk).update(endpoints=joined, updated_at=timezone.now())
    return endpoint


def update_endpoint(access: Access, endpoint_id: str, **sent: Any) -> Endpoint:
    """Change an endpoint of the customer; its owner stays who it is. Raises DomainError."""
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
    """Pause an active endpoint of the customer, and only that. Raises DomainError."""
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
