"""Find the messages, and their attempts, that the paths of an application name.

Contract: docs/contract/svix.md#messages. Messages to an earlier owner of an endpoint do not belong to the application.
"""

from typing import NamedTuple

from django.db.models import Q, QuerySet
from rest_framework.request import Request

from applications.prefixes import ATTEMPT, MESSAGE
from core.exceptions import NotFound
from core.prefixed_ids import uid_in
from endpoints.models import EndpointQuerySet
from events.models import DeliveryAttempt, Event, EventDelivery, of_present_owner
from events.reads import scope_ids
from portal_links.capabilities import VIEW_DELIVERIES, VIEW_PAYLOADS
from svix_api.endpoints import EndpointView


class MessageNotFound(NotFound):
    """No such message."""

    message = "message not found"


class AttemptNotFound(NotFound):
    """No such attempt."""

    message = "attempt not found"


class Place(NamedTuple):
    """An application, with those of its endpoints that the caller reaches."""

    project_id: str
    owner_id: str
    endpoints: EndpointQuerySet

    def messages(self) -> "QuerySet[Event]":
        """Return the messages: the fanouts to the owner, and other events that went to the endpoints.

        Neither test events nor duplicates, which are not sent. A statement reads the endpoints.
        """
        within = scope_ids(self.endpoints)
        rows = Event.objects.filter(project_id=self.project_id, is_duplicate_event=False)
        seen = Q(owner_id=self.owner_id)
        return rows.exclude(channel=Event.Channel.TEST).filter(seen | within.events(within) if within else seen)

    def message(self, text: str) -> Event:
        """Return the message, or the test event, that an id, with or without its prefix, or an `eventId` names.

        Raises NotFound.
        """
        uid = uid_in(MESSAGE, text)
        named = Q(owner_id=self.owner_id, external_id=text)
        rows = Event.objects.filter(project_id=self.project_id, is_duplicate_event=False)
        found = rows.filter(named | Q(pk=uid) if uid else named).first()
        if found is None or not (found.owner_id == self.owner_id or self._was_sent(found)):
            raise MessageNotFound
        return found

    def deliveries(self) -> "QuerySet[EventDelivery]":
        """Return the deliveries to the endpoints that were made since they are the owner's."""
        rows = EventDelivery.objects.filter(project_id=self.project_id)
        return rows.filter(of_present_owner(), endpoint__in=self.endpoints.order_by().values("pk"))

    def attempts(self) -> "QuerySet[DeliveryAttempt]":
        """Return the attempts of these."""
        rows = DeliveryAttempt.objects.filter(project_id=self.project_id)
        return rows.filter(delivery__in=self.deliveries().values("pk"))

    def attempt(self, message: Event, text: str) -> "QuerySet[DeliveryAttempt]":
        """Return the attempt of a message that an id, with or without its prefix, names, or nothing."""
        return self.attempts().filter(delivery__event=message, pk=uid_in(ATTEMPT, text))

    def _was_sent(self, event: Event) -> bool:
        """Return whether an event went to one of the endpoints when it was the owner's. One statement."""
        return self.endpoints.filter(pk__in=event.endpoints, held_from__lte=event.pk).exists()


class MessageView(EndpointView):
    """The base of the operations on the messages of an application and on their attempts."""

    http_method_names = ["get", "head", "options"]
    needs = {"GET": VIEW_DELIVERIES, "HEAD": VIEW_DELIVERIES}

    @property
    def shows_payload(self) -> bool:
        """Return whether the caller may see payloads and answers."""
        return self.may(VIEW_PAYLOADS)

    def place(self, app_id: str) -> Place:
        """Return an application that exists. Raises DomainError."""
        owner_id = self.known_owner(app_id)
        return Place(self.key_project, owner_id, self.scope(owner_id))

    def shows_content(self, request: Request) -> bool:
        """Return whether a request asks for payloads and answers, as it does by default, and may see them."""
        return self.shows_payload and bool(request.query_params.get("with_content", "true") != "false")
