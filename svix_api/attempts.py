"""Svix's attempts: by message, by endpoint, and the state of a message at an endpoint.

Contract: docs/contract/svix.md#attempts.
"""

from http import HTTPStatus
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from rest_framework.request import Request

from applications.prefixes import ATTEMPT, ENDPOINT, MESSAGE
from core.api.documents import Schema, example
from core.api.openapi import Outcome, Refusal, Tag, path_parameter, query
from core.api.parameters import is_true
from core.exceptions import InvalidInput
from core.prefixed_ids import prefixed
from deliveries.exceptions import EndpointNotActive
from deliveries.operations import GIVEN_UP, WAITING, force_resend, resend_delivery, send_now
from endpoints.exceptions import EndpointNotFound
from endpoints.models import Endpoint
from events.expunging import expunge_answers
from events.models import DeliveryAttempt, Event, EventDelivery, answered_with
from outbound.states import Status
from portal_links.capabilities import CREATE_ATTEMPTS
from svix_api.applications import APPLICATION_ID
from svix_api.attempt_documents import (
    CODE_CLASSES,
    FAIL,
    NUMBERS,
    SUCCESS,
    AttemptDocument,
    EmptyDocument,
    EndpointMessageDocument,
    MessageEndpointDocument,
    attempt_document,
    endpoint_message_document,
    message_endpoint_document,
)
from svix_api.base import WRONG_FIELDS
from svix_api.endpoint_shapes import endpoint_bytes, endpoint_documents
from svix_api.endpoints import ENDPOINT_ID
from svix_api.messages import CHANGES, MESSAGE_ID, OF_APPLICATION
from svix_api.paging import ITERATOR, LIMIT, PageDocument, page_example, read_page, with_data
from svix_api.parameters import (
    OF_MESSAGES,
    WITH_CONTENT,
    number,
    of_messages,
    within_time,
)
from svix_api.places import AttemptNotFound, MessageNotFound, MessageView

TAG = Tag("Attempts (Svix)", envelope=False)


class NeverSent(InvalidInput):
    """The message did not go to the endpoint."""

    message = "the message was not sent to this endpoint: replay-missing sends what it has missed"


class Expunged(InvalidInput):
    """The payload is gone."""

    message = "the payload of this message has been deleted"


class UnderWay(InvalidInput):
    """It is being sent."""

    message = "the message is being sent to this endpoint"


EXAMPLE = example(AttemptDocument, status=0, responseStatusCode=200, triggerType=0)
OF_ENDPOINT = example(EndpointMessageDocument, status=0)
AT_ENDPOINT = example(MessageEndpointDocument, status=0)
ATTEMPT_ID = path_parameter("deliveryAttemptID", "The id of the attempt.")
_NUMBERS: Schema = {"type": "integer", "enum": sorted(set(NUMBERS.values()))}
STATUS = query("status", "0 success, 1 pending, 2 fail, 3 sending, 4 canceled.", _NUMBERS)
EXPANDED = query(
    "expanded_statuses",
    "Whether a message that was canceled has the status 4; else it has 0, as in Svix.",
    {"type": "boolean", "default": False},
)
OF_ATTEMPTS: list[Any] = [
    *(LIMIT, ITERATOR, *OF_MESSAGES, STATUS),
    query(
        "status_code_class",
        "The class of the answer's status (200, 400 and so on); 0: no answer.",
        {"type": "integer", "enum": CODE_CLASSES},
    ),
    WITH_CONTENT,
]

list_by_message = TAG.operation(
    "v1.message-attempt.list-by-msg",
    "List attempts of a message (Svix)",
    description="A page of the attempts to send a message, newest first.",
    parameters=[
        *(APPLICATION_ID, MESSAGE_ID, *OF_ATTEMPTS),
        query("endpoint_id", "Only those to this endpoint."),
    ],
    success=Outcome("The page.", PageDocument[AttemptDocument], {"One attempt": page_example(EXAMPLE, prefix=ATTEMPT)}),
    outcomes=[WRONG_FIELDS],
    refused=[*OF_APPLICATION, MessageNotFound, EndpointNotFound],
)
list_by_endpoint = list_by_message.twin(
    "v1.message-attempt.list-by-endpoint",
    "List attempts to an endpoint (Svix)",
    description="A page of the attempts to an endpoint, by message, the newest first; those of one message likewise.",
    parameters=[
        *(APPLICATION_ID, ENDPOINT_ID, *OF_ATTEMPTS),
        query("with_msg", "Whether each has its message, without the payload.", {"type": "boolean", "default": False}),
    ],
    refused=[*OF_APPLICATION, EndpointNotFound],
)
list_messages = TAG.operation(
    "v1.message-attempt.list-attempted-messages",
    "List the messages of an endpoint (Svix)",
    description="A page of the messages to an endpoint, newest first, each with its state there.",
    parameters=[APPLICATION_ID, ENDPOINT_ID, LIMIT, ITERATOR, *OF_MESSAGES, STATUS, EXPANDED, WITH_CONTENT],
    success=Outcome(
        "The page.", PageDocument[EndpointMessageDocument], {"One message": page_example(OF_ENDPOINT, prefix=MESSAGE)}
    ),
    outcomes=[WRONG_FIELDS],
    refused=[*OF_APPLICATION, EndpointNotFound],
)
list_endpoints = TAG.operation(
    "v1.message-attempt.list-attempted-destinations",
    "List the endpoints of a message (Svix)",
    description="A page of the endpoints to which a message goes, each with its state there.",
    parameters=[APPLICATION_ID, MESSAGE_ID, LIMIT, ITERATOR],
    success=Outcome(
        "The page.", PageDocument[MessageEndpointDocument], {"One endpoint": page_example(AT_ENDPOINT, prefix=ENDPOINT)}
    ),
    outcomes=[WRONG_FIELDS],
    refused=[*OF_APPLICATION, MessageNotFound],
)
get = TAG.operation(
    "v1.message-attempt.get",
    "Get an attempt (Svix)",
    description="One attempt of a message.",
    parameters=[APPLICATION_ID, MESSAGE_ID, ATTEMPT_ID],
    success=Outcome("The attempt.", AttemptDocument, {"Attempt": EXAMPLE}),
    refused=[*OF_APPLICATION, MessageNotFound, AttemptNotFound],
)
expunge = TAG.operation(
    "v1.message-attempt.expunge-content",
    "Delete the answer to an attempt (Svix)",
    description="Deletes the stored body of the answer.",
    parameters=[APPLICATION_ID, MESSAGE_ID, ATTEMPT_ID],
    success=Outcome("Deleted.", type(None), status=HTTPStatus.NO_CONTENT),
    refused=[*CHANGES, MessageNotFound, AttemptNotFound],
)
NOT_SENT_AGAIN: list[Refusal] = [NeverSent, Expunged, UnderWay, EndpointNotActive(status=Endpoint.Status.PAUSED)]
resend = TAG.operation(
    "v1.message-attempt.resend",
    "Send a message again (Svix)",
    description="Sends a message to an endpoint again, at once and with all its attempts, also where it has arrived.",
    parameters=[APPLICATION_ID, MESSAGE_ID, ENDPOINT_ID],
    success=Outcome("It is under way.", EmptyDocument, {"Under way": {}}, status=HTTPStatus.ACCEPTED),
    refused=[*OF_APPLICATION, MessageNotFound, EndpointNotFound, *NOT_SENT_AGAIN],
)


class AttemptsOfMessage(MessageView):
    """The attempts of a message."""

    @list_by_message
    def get(self, request: Request, ownerID: str, eventID: str) -> PageDocument[AttemptDocument]:  # noqa: N803
        """Return a page."""
        place = self.place(ownerID)
        rows = place.attempts().filter(delivery__event=place.message(eventID))
        if text := request.query_params.get("endpoint_id", ""):
            rows = rows.filter(endpoint=self.endpoint(ownerID, text))
        return _page(request, rows, shown=self.shows_content(request))


class AttemptsOfEndpoint(MessageView):
    """The attempts to an endpoint."""

    @list_by_endpoint
    def get(self, request: Request, ownerID: str, endpointID: str) -> PageDocument[AttemptDocument]:  # noqa: N803
        """Return a page."""
        endpoint = self.endpoint(ownerID, endpointID)
        rows = DeliveryAttempt.objects.filter(
            delivery__endpoint=endpoint, delivery__gte=endpoint.held_from, delivery__project=endpoint.project_id
        )
        shows_message = is_true(request, "with_msg")
        shown = self.shows_content(request)
        return _page(request, rows, shown=shown, within="delivery_id", shows_message=shows_message)


class MessagesOfEndpoint(MessageView):
    """The messages of an endpoint."""

    @list_messages
    def get(
        self,
        request: Request,
        ownerID: str,  # noqa: N803
        endpointID: str,  # noqa: N803
    ) -> PageDocument[EndpointMessageDocument]:
        """Return a page."""
        endpoint = self.endpoint(ownerID, endpointID)
        rows = EventDelivery.objects.filter(endpoint=endpoint, pk__gte=endpoint.held_from)
        rows = of_messages(request, within_time(request, rows), "event__")
        expands = is_true(request, "expanded_statuses")
        status = number(request, "status", sorted(set(NUMBERS.values())))
        if status is not None:
            rows = rows.filter(status__in=[name for name, shown in NUMBERS.items() if shown == status])
        shown = self.shows_content(request)
        rows = rows.select_related("event")
        return read_page(
            request,
            rows if shown else rows.defer("event__data"),
            MESSAGE,
            lambda delivery: endpoint_message_document(delivery, shows_payload=shown, expands=expands),
            descending=True,
            large="event__data" if shown else "",
        )


class EndpointsOfMessage(MessageView):
    """List the endpoints of a message."""

    @list_endpoints
    def get(
        self,
        request: Request,
        ownerID: str,  # noqa: N803
        eventID: str,  # noqa: N803
    ) -> PageDocument[MessageEndpointDocument]:
        """Return a page."""
        place = self.place(ownerID)
        rows = place.deliveries().filter(event=place.message(eventID)).select_related("endpoint")
        size = endpoint_bytes("endpoint__")
        page: PageDocument[EventDelivery] = read_page(request, rows, ENDPOINT, lambda delivery: delivery, size=size)
        found = page["data"]
        shown = endpoint_documents(list({row.endpoint_id: row.endpoint for row in found}.values()))
        documents = {document["id"]: document for document in shown}
        data = [message_endpoint_document(row, documents[prefixed(ENDPOINT, row.endpoint_id)]) for row in found]
        return with_data(page, data)


class AttemptDetail(MessageView):
    """One attempt."""

    @get
    def get(self, request: Request, ownerID: str, eventID: str, deliveryAttemptID: str) -> AttemptDocument:  # noqa: N803
        """Return it."""
        place = self.place(ownerID)
        rows = place.attempt(place.message(eventID), deliveryAttemptID)
        attempt = _numbered(rows.select_related("delivery")).first()
        if attempt is None:
            raise AttemptNotFound
        return attempt_document(attempt, shows_content=self.shows_payload)


class AttemptContent(MessageView):
    """The answer to an attempt."""

    http_method_names = ["delete"]

    @expunge
    def delete(self, request: Request, ownerID: str, eventID: str, deliveryAttemptID: str) -> None:  # noqa: N803
        """Delete its body."""
        self.check_whole_project()
        place = self.place(ownerID)
        rows = place.attempt(place.message(eventID), deliveryAttemptID)
        if not expunge_answers(place.project_id, rows, owner_id=place.owner_id) and not rows.exists():
            raise AttemptNotFound


class Resend(MessageView):
    """A message at an endpoint."""

    http_method_names = ["post", "options"]
    needs = {"POST": CREATE_ATTEMPTS}

    @resend
    def post(self, request: Request, ownerID: str, eventID: str, endpointID: str) -> EmptyDocument:  # noqa: N803
        """Send it again; a body is ignored."""
        place = self.place(ownerID)
        resend_message(place.project_id, place.message(eventID), self.endpoint(ownerID, endpointID))
        return {}


def resend_message(project_id: str, event: Event, endpoint: Endpoint) -> None:
    """Send the newest delivery of a message to an endpoint again. Raises InvalidInput."""
    if event.expunged_at is not None:
        raise Expunged
    rows = EventDelivery.objects.filter(project_id=project_id, event=event, endpoint=endpoint)
    delivery = rows.filter(pk__gte=endpoint.held_from).order_by("-pk").only("pk", "status").first()
    if delivery is None:
        raise NeverSent
    if endpoint.status != Endpoint.Status.ACTIVE:
        raise EndpointNotActive(status=endpoint.status)
    if delivery.status in WAITING:
        send_now(project_id, delivery.pk)
    elif delivery.status in GIVEN_UP:
        resend_delivery(project_id, delivery.pk)
    elif delivery.status == Status.SUCCESS:
        force_resend(project_id, [delivery.pk])
    else:
        raise UnderWay


def _page(
    request: Request, rows: "QuerySet[DeliveryAttempt]", *, shown: bool, within: str = "", shows_message: bool = False
) -> PageDocument[AttemptDocument]:
    """Return the page of attempts that a request's query chooses. Raises WrongFields."""
    rows = of_messages(request, within_time(request, rows), "delivery__event__")
    status = number(request, "status", sorted(set(NUMBERS.values())))
    if status is not None:
        # An attempt is over: it has succeeded or failed.
        rows = rows.filter(status=status == SUCCESS) if status in (SUCCESS, FAIL) else rows.none()
    code = number(request, "status_code_class", CODE_CLASSES)
    if code is not None:
        rows = rows.filter(answered_with(code))
    rows = _numbered(rows.select_related("delivery"))
    if shows_message:
        rows = rows.select_related("delivery__event").defer("delivery__event__data")
    return read_page(
        request,
        rows if shown else rows.defer("response_data"),
        ATTEMPT,
        lambda attempt: attempt_document(attempt, shows_content=shown, shows_message=shows_message),
        descending=True,
        large="response_data" if shown else "",
        within=within,
    )


def _numbered(rows: "QuerySet[DeliveryAttempt]") -> "QuerySet[DeliveryAttempt]":
    """Add `number`, the place of each attempt among those of its delivery."""
    before = DeliveryAttempt.objects.filter(delivery=OuterRef("delivery"), pk__lte=OuterRef("pk")).order_by()
    counted = before.values("delivery").annotate(number=Count("pk")).values("number")
    return rows.annotate(number=Subquery(counted))
