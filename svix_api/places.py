"""Find what the paths of an application name: its endpoints, its messages, and the attempts of these.

Contract: docs/contract/svix.md#messages. What an earlier owner of an endpoint was sent is not the application's.
"""

from django.db.models import Q, QuerySet

from applications.prefixes import ATTEMPT, ENDPOINT, MESSAGE
from core.exceptions import NotFound
from core.prefixed_ids import uid_in
from endpoints.models import Endpoint, EndpointQuerySet
from events.models import DeliveryAttempt, Event, EventDelivery, of_present_owner
from events.reads import scope_ids


class MessageNotFound(NotFound):
    """No such message."""

    message = "message not found"


class AttemptNotFound(NotFound):
    """No such attempt."""

    message = "attempt not found"


class EndpointUnseen(NotFound):
    """No such endpoint."""

    message = "endpoint not found"


def endpoints_of(project_id: str, owner_id: str) -> EndpointQuerySet:
    """Return the live endpoints of an application."""
    return Endpoint.objects.for_project(project_id).filter(owner_id=owner_id)


def endpoint_of(project_id: str, owner_id: str, text: str) -> Endpoint:
    """Return the endpoint that an id, with or without its prefix, names. Raises NotFound."""
    uid = uid_in(ENDPOINT, text)
    endpoint = endpoints_of(project_id, owner_id).filter(pk=uid).first() if uid else None
    if endpoint is None:
        raise EndpointUnseen
    return endpoint


def messages_of(project_id: str, owner_id: str) -> "QuerySet[Event]":
    """Return the messages of an application: the fanouts to its owner, and what else went to its endpoints.

    Neither test events nor duplicates, which are not sent. A statement reads the endpoints.
    """
    within = scope_ids(endpoints_of(project_id, owner_id))
    rows = Event.objects.filter(project_id=project_id, is_duplicate_event=False).exclude(channel=Event.Channel.TEST)
    return rows.filter(Q(owner_id=owner_id) | within.events(within) if within else Q(owner_id=owner_id))


def message_of(project_id: str, owner_id: str, text: str) -> Event:
    """Return the message, or the test event, that an id, with or without its prefix, or an `eventId` names.

    Without its payload. Raises NotFound.
    """
    uid = uid_in(MESSAGE, text)
    if "\0" in text:
        raise MessageNotFound
    rows = Event.objects.filter(project_id=project_id, is_duplicate_event=False).defer("data")
    named = Q(owner_id=owner_id, external_id=text)
    found = rows.filter(named | Q(pk=uid) if uid else named).first()
    if found is None or not (found.owner_id == owner_id or _was_sent(found, owner_id)):
        raise MessageNotFound
    return found


def deliveries_of(project_id: str, owner_id: str) -> "QuerySet[EventDelivery]":
    """Return the deliveries to the endpoints of an application that were made since they are its own."""
    rows = EventDelivery.objects.filter(project_id=project_id)
    return rows.filter(of_present_owner(), endpoint__in=endpoints_of(project_id, owner_id).order_by().values("pk"))


def attempts_of(project_id: str, owner_id: str) -> "QuerySet[DeliveryAttempt]":
    """Return the attempts of these."""
    rows = DeliveryAttempt.objects.filter(project_id=project_id)
    return rows.filter(delivery__in=deliveries_of(project_id, owner_id).values("pk"))


def attempt_of(project_id: str, owner_id: str, message: Event, text: str) -> DeliveryAttempt:
    """Return the attempt of a message that an id, with or without its prefix, names. Raises NotFound."""
    uid = uid_in(ATTEMPT, text)
    rows = DeliveryAttempt.objects.filter(project_id=project_id, delivery__event=message).select_related("delivery")
    attempt = rows.filter(pk=uid).first() if uid else None
    if attempt is None or not deliveries_of(project_id, owner_id).filter(pk=attempt.delivery_id).exists():
        raise AttemptNotFound
    return attempt


def _was_sent(event: Event, owner_id: str) -> bool:
    """Return whether an event went to an endpoint that was the owner's by then. One statement."""
    own = Endpoint.objects.filter(project_id=event.project_id, owner_id=owner_id, pk__in=event.endpoints)
    return own.filter(held_from__lte=event.pk, deleted_at=None).exists()
