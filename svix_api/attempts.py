"""Svix's attempts: by message, by endpoint, and what becomes of a message at an endpoint.

Contract: docs/contract/svix.md#attempts.
"""

from http import HTTPStatus
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from rest_framework.request import Request

from applications.prefixes import ATTEMPT, ENDPOINT, MESSAGE
from core.api.documents import Schema, example
from core.api.openapi import Operation, Refusal, path_parameter, query
from core.exceptions import InvalidInput
from deliveries.exceptions import EndpointNotActive
from deliveries.operations import GIVEN_UP, WAITING, force_resend, resend_delivery, send_now
from endpoints.models import Endpoint
from events.models import DeliveryAttempt, Event, EventDelivery
from outbound.states import Status
from subscriptions.models import Subscription
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
from svix_api.base import WRONG_FIELDS, SvixView
from svix_api.messages import CHANGES, MESSAGE_ID, OF_APPLICATION
from svix_api.paging import ITERATOR, LIMIT, PageDocument, page_example, read_page
from svix_api.parameters import (
    OF_MESSAGES,
    WITH_CONTENT,
    number,
    of_messages,
    shows_content,
    within_time,
)
from svix_api.places import (
    AttemptNotFound,
    EndpointUnseen,
    MessageNotFound,
    attempt_of,
    attempts_of,
    deliveries_of,
    endpoint_of,
    message_of,
)

TAG = "Attempts (Svix)"


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
ENDPOINT_ID = path_parameter("endpointID", "The id of the endpoint.")
ATTEMPT_ID = path_parameter("deliveryAttemptID", "The id of the attempt.")
_NUMBERS: Schema = {"type": "integer", "enum": sorted(set(NUMBERS.values()))}
STATUS = query("status", _NUMBERS, "0 success, 1 pending, 2 fail, 3 sending, 4 canceled.")
EXPANDED = query(
    "expanded_statuses",
    {"type": "boolean", "default": False},
    "Whether a message that was canceled has the status 4; else it has 0, as in Svix.",
)
OF_ATTEMPTS: list[Any] = [
    *(LIMIT, ITERATOR, *OF_MESSAGES, STATUS),
    query("status_code_class", {"type": "integer", "enum": CODE_CLASSES}, "The hundreds of the answer; 0: none."),
    WITH_CONTENT,
]

list_by_message = Operation(
    "v1.message-attempt.list-by-msg",
    "List attempts of a message (Svix)",
    tag=TAG,
    description="A page of the attempts to send a message, newest first.",
    parameters=[
        *(APPLICATION_ID, MESSAGE_ID, *OF_ATTEMPTS),
        query("endpoint_id", {"type": "string"}, "Only those to this endpoint."),
    ],
    message="The page.",
    data=PageDocument[AttemptDocument],
    examples={"One attempt": page_example(EXAMPLE, prefix=ATTEMPT)},
    outcomes=[WRONG_FIELDS],
    refused=[*OF_APPLICATION, MessageNotFound, EndpointUnseen],
    envelope=False,
)
list_by_endpoint = list_by_message.twin(
    "v1.message-attempt.list-by-endpoint",
    "List attempts to an endpoint (Svix)",
    description="A page of the attempts to an endpoint: those of the newest message first, and of it the newest first.",
    parameters=[
        *(APPLICATION_ID, ENDPOINT_ID, *OF_ATTEMPTS),
        query("with_msg", {"type": "boolean", "default": False}, "Whether each has its message, without the payload."),
    ],
    refused=[*OF_APPLICATION, EndpointUnseen],
)
list_messages = Operation(
    "v1.message-attempt.list-attempted-messages",
    "List the messages of an endpoint (Svix)",
    tag=TAG,
    description="A page of the messages to an endpoint, newest first, each with its state there.",
    parameters=[APPLICATION_ID, ENDPOINT_ID, LIMIT, ITERATOR, *OF_MESSAGES, STATUS, EXPANDED, WITH_CONTENT],
    message="The page.",
    data=PageDocument[EndpointMessageDocument],
    examples={"One message": page_example(OF_ENDPOINT, prefix=MESSAGE)},
    outcomes=[WRONG_FIELDS],
    refused=[*OF_APPLICATION, EndpointUnseen],
    envelope=False,
)
list_endpoints = Operation(
    "v1.message-attempt.list-attempted-destinations",
    "List the endpoints of a message (Svix)",
    tag=TAG,
    description="A page of the endpoints to which a message goes, each with its state there.",
    parameters=[APPLICATION_ID, MESSAGE_ID, LIMIT, ITERATOR],
    message="The page.",
    data=PageDocument[MessageEndpointDocument],
    examples={"One endpoint": page_example(AT_ENDPOINT, prefix=ENDPOINT)},
    outcomes=[WRONG_FIELDS],
    refused=[*OF_APPLICATION, MessageNotFound],
    envelope=False,
)
get = Operation(
    "v1.message-attempt.get",
    "Get an attempt (Svix)",
    tag=TAG,
    description="One attempt of a message.",
    parameters=[APPLICATION_ID, MESSAGE_ID, ATTEMPT_ID],
    message="The attempt.",
    data=AttemptDocument,
    examples={"Attempt": EXAMPLE},
    refused=[*OF_APPLICATION, MessageNotFound, AttemptNotFound],
    envelope=False,
)
expunge = Operation(
    "v1.message-attempt.expunge-content",
    "Delete the answer to an attempt (Svix)",
    tag=TAG,
    description="Deletes the body of the answer that is kept.",
    parameters=[APPLICATION_ID, MESSAGE_ID, ATTEMPT_ID],
    status=HTTPStatus.NO_CONTENT,
    message="Deleted.",
    data=type(None),
    examples={},
    refused=[*CHANGES, MessageNotFound, AttemptNotFound],
    envelope=False,
)
NOT_SENT_AGAIN: list[Refusal] = [NeverSent, Expunged, UnderWay, EndpointNotActive(status=Endpoint.Status.PAUSED)]
resend = Operation(
    "v1.message-attempt.resend",
    "Send a message again (Svix)",
    tag=TAG,
    description="Sends a message to an endpoint again, at once and with all its attempts, whatever became of it there.",
    parameters=[APPLICATION_ID, MESSAGE_ID, ENDPOINT_ID],
    status=HTTPStatus.ACCEPTED,
    message="It is under way.",
    data=EmptyDocument,
    examples={"Under way": {}},
    refused=[*CHANGES, MessageNotFound, EndpointUnseen, *NOT_SENT_AGAIN],
    envelope=False,
)


class AttemptsOfMessage(SvixView):
    """The attempts of a message."""

    http_method_names = ["get", "head"]

    @list_by_message
    def get(self, request: Request, ownerID: str, eventID: str) -> PageDocument[AttemptDocument]:  # noqa: N803
        """Return a page."""
        project_id, owner_id = self.application(ownerID)
        event = message_of(project_id, owner_id, eventID)
        rows = attempts_of(project_id, owner_id).filter(delivery__event=event)
        if text := request.query_params.get("endpoint_id", ""):
            rows = rows.filter(endpoint=endpoint_of(project_id, owner_id, text))
        return _page(request, rows)


class AttemptsOfEndpoint(SvixView):
    """The attempts to an endpoint."""

    http_method_names = ["get", "head"]

    @list_by_endpoint
    def get(self, request: Request, ownerID: str, endpointID: str) -> PageDocument[AttemptDocument]:  # noqa: N803
        """Return a page."""
        endpoint = endpoint_of(*self.application(ownerID), endpointID)
        rows = DeliveryAttempt.objects.filter(
            delivery__endpoint=endpoint, delivery__gte=endpoint.held_from, delivery__project=endpoint.project_id
        )
        return _page(request, rows, within="delivery_id", shows_message=request.query_params.get("with_msg") == "true")


class MessagesOfEndpoint(SvixView):
    """The messages of an endpoint."""

    http_method_names = ["get", "head"]

    @list_messages
    def get(
        self,
        request: Request,
        ownerID: str,  # noqa: N803
        endpointID: str,  # noqa: N803
    ) -> PageDocument[EndpointMessageDocument]:
        """Return a page."""
        endpoint = endpoint_of(*self.application(ownerID), endpointID)
        rows = EventDelivery.objects.filter(endpoint=endpoint, pk__gte=endpoint.held_from)
        rows = of_messages(request, within_time(request, rows), "event__")
        expands = request.query_params.get("expanded_statuses") == "true"
        status = number(request, "status", sorted(set(NUMBERS.values())))
        if status is not None:
            rows = rows.filter(status__in=[name for name, shown in NUMBERS.items() if shown == status])
        shown = shows_content(request)
        rows = rows.select_related("event")
        return read_page(
            request,
            rows if shown else rows.defer("event__data"),
            MESSAGE,
            lambda delivery: endpoint_message_document(delivery, shows_payload=shown, expands=expands),
            descending=True,
            large="event__data" if shown else "",
        )


class EndpointsOfMessage(SvixView):
    """The endpoints of a message."""

    http_method_names = ["get", "head"]

    @list_endpoints
    def get(
        self,
        request: Request,
        ownerID: str,  # noqa: N803
        eventID: str,  # noqa: N803
    ) -> PageDocument[MessageEndpointDocument]:
        """Return a page."""
        project_id, owner_id = self.application(ownerID)
        event = message_of(project_id, owner_id, eventID)
        rows = deliveries_of(project_id, owner_id).filter(event=event).select_related("endpoint")
        page: PageDocument[EventDelivery] = read_page(request, rows, ENDPOINT, lambda delivery: delivery)
        listening = _listening([delivery.endpoint_id for delivery in page["data"]])
        documents = [
            message_endpoint_document(delivery, listening.get(delivery.endpoint_id)) for delivery in page["data"]
        ]
        return {**page, "data": documents}


class AttemptDetail(SvixView):
    """One attempt."""

    http_method_names = ["get", "head"]

    @get
    def get(self, request: Request, ownerID: str, eventID: str, deliveryAttemptID: str) -> AttemptDocument:  # noqa: N803
        """Return it."""
        project_id, owner_id = self.application(ownerID)
        attempt = attempt_of(project_id, owner_id, message_of(project_id, owner_id, eventID), deliveryAttemptID)
        rows = DeliveryAttempt.objects.filter(pk=attempt.pk).select_related("delivery")
        return attempt_document(_numbered(rows).get(), shows_content=True)


class AttemptContent(SvixView):
    """The answer to an attempt."""

    http_method_names = ["delete"]

    @expunge
    def delete(self, request: Request, ownerID: str, eventID: str, deliveryAttemptID: str) -> None:  # noqa: N803
        """Delete its body."""
        project_id, owner_id = self.changed_application(ownerID)
        attempt = attempt_of(project_id, owner_id, message_of(project_id, owner_id, eventID), deliveryAttemptID)
        DeliveryAttempt.objects.filter(pk=attempt.pk).update(response_data="")


class Resend(SvixView):
    """A message at an endpoint."""

    http_method_names = ["post"]

    @resend
    def post(self, request: Request, ownerID: str, eventID: str, endpointID: str) -> EmptyDocument:  # noqa: N803
        """Send it again; a body is ignored."""
        project_id, owner_id = self.changed_application(ownerID)
        event = message_of(project_id, owner_id, eventID)
        endpoint = endpoint_of(project_id, owner_id, endpointID)
        resend_message(project_id, event, endpoint)
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
    request: Request, rows: "QuerySet[DeliveryAttempt]", *, within: str = "", shows_message: bool = False
) -> PageDocument[AttemptDocument]:
    """Return the page of attempts that a request's query chooses. Raises WrongFields."""
    rows = of_messages(request, within_time(request, rows), "delivery__event__")
    status = number(request, "status", sorted(set(NUMBERS.values())))
    if status is not None:
        # An attempt is over: it has succeeded or failed.
        rows = rows.filter(status=status == SUCCESS) if status in (SUCCESS, FAIL) else rows.none()
    code = number(request, "status_code_class", CODE_CLASSES)
    if code is not None:
        rows = rows.filter(http_status__startswith=str(code // 100)) if code else rows.filter(http_status="")
    shown = shows_content(request)
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


def _listening(endpoint_ids: list[str]) -> dict[str, tuple[list[str], list[str]]]:
    """Return the event types and the channels of the subscriptions of each endpoint. One statement."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    rows = Subscription.objects.filter(endpoint__in=endpoint_ids, deleted_at=None).order_by("pk")
    for uid, types, channels in rows.values_list("endpoint_id", "event_types", "channels"):
        known = found.setdefault(uid, ([], []))
        known[0].extend(types)
        known[1].extend(channels)
    return found
