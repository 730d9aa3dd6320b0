"""What a customer can do with events. Contract: portal-links sections 5.1 and 5.2, rules 22 to 24.

An event that goes to others too is shown without their endpoints, and is not sent again.
"""

from typing import Any

from django.db.models import QuerySet

from core.exceptions import NotFound
from events import operations
from events.documents import Document, event_documents
from events.models import Event
from events.operations import Content, Posted
from portal_links.access import Access
from portal_links.capabilities import CREATE_ATTEMPTS, MANAGE_SUBSCRIPTIONS


def create_event(access: Access, event: Content, *, endpoint_id: str = "", app_id: str = "") -> Posted:
    """Store an event for one endpoint of the customer, whose idempotency keys are the customer's own.

    Without the capability to subscribe it makes no subscription either. Raises DomainError.
    """
    access.require(CREATE_ATTEMPTS)
    target = endpoint_id or app_id
    if target and not access.endpoints().filter(pk=target).exists():
        raise NotFound("endpoint not found")
    return operations.create_event(
        access.project.uid,
        event,
        endpoint_id=endpoint_id,
        app_id=app_id,
        key_scope=access.customer,
        subscribes=access.may(MANAGE_SUBSCRIPTIONS),
    )


def shown_to(access: Access) -> dict[str, Any]:
    """What `event_documents` takes: the endpoints that the customer knows of, and that headers are masked.

    An API key sees everything.
    """
    return {} if access.by_key else {"within": operations.scope_ids(access.endpoints()), "mask": True}


def event_document(access: Access, event_id: str) -> Document:
    """An event of which at least one endpoint is the customer's. Raises NotFound."""
    shown = shown_to(access)
    rows = Event.objects.filter(project_id=access.project.uid, pk=event_id)
    if "within" in shown:
        rows = rows.filter(endpoints__overlap=shown["within"])
    found = event_documents(access.project.uid, [event_id], **shown) if rows.exists() else []
    if not found:
        raise NotFound("event not found")
    return found[0]


def replay_event(access: Access, event_id: str) -> None:
    """Replay an event all of whose endpoints are the customer's, to these. Raises DomainError."""
    access.require(CREATE_ATTEMPTS)
    operations.replay_event(access.project.uid, event_id, scope=access.endpoints())


def batch_replay(access: Access, rows: "QuerySet[Event]") -> tuple[int, int]:
    """Replay those of `rows` that are the customer's alone; (how many were, how many could not be).

    Raises Forbidden, and InvalidInput while another one of the customer's is under way.
    """
    access.require(CREATE_ATTEMPTS)
    return operations.batch_replay(access.project.uid, rows, scope=access.endpoints(), customer=access.customer)
