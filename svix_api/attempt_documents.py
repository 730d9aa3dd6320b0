"""Svix's attempts, and the state of a message at an endpoint, as its API shows them.

Contract: docs/contract/svix.md#attempts, docs/contract/svix.md#statuses.
"""

from typing import Annotated, NotRequired, TypedDict

from applications.prefixes import ATTEMPT, ENDPOINT, MESSAGE
from core.api.documents import Example, Keywords, Time, component
from core.api.values import wire_time
from core.prefixed_ids import prefixed
from events.models import DeliveryAttempt, EventDelivery
from outbound.states import Status
from svix_api.endpoint_shapes import EndpointOut
from svix_api.message_documents import MessageDocument, message_document
from svix_api.paging import EXAMPLE_UID

SUCCESS, PENDING, FAIL, SENDING, CANCELED = range(5)
STATUS_TEXTS = ["success", "pending", "fail", "sending", "canceled"]
#: The statuses of deliveries, and Svix's numbers for them.
NUMBERS: dict[str, int] = {
    Status.SUCCESS: SUCCESS,
    Status.SCHEDULED: PENDING,
    Status.FAILURE: FAIL,
    Status.PROCESSING: SENDING,
    Status.RETRY: SENDING,
    Status.DISCARDED: CANCELED,
}
#: The classes of HTTP statuses by which lists are filtered; 0: no answer.
CODE_CLASSES = [0, 100, 200, 300, 400, 500]
SCHEDULED, MANUAL = 0, 1

MessageStatus = Annotated[int, "0 success, 1 pending, 2 fail, 3 sending, 4 canceled.", Keywords(enum=list(range(5)))]
StatusText = Annotated[str, "The status in words.", Keywords(enum=STATUS_TEXTS), Example("success")]


@component("svix.MessageAttemptOut")
class AttemptDocument(TypedDict):
    """An attempt to send a message to an endpoint, in Svix's shape."""

    id: Annotated[str, "The id of the attempt.", Example(prefixed(ATTEMPT, EXAMPLE_UID))]
    msgId: Annotated[str, "The id of the message.", Example(prefixed(MESSAGE, EXAMPLE_UID))]
    endpointId: Annotated[str, "The id of the endpoint.", Example(prefixed(ENDPOINT, EXAMPLE_UID))]
    url: Annotated[str, "The URL to which it was sent.", Example("https://hooks.example.com/in")]
    response: Annotated[str, "The beginning of the answer's body, or why there is none.", Example("ok")]
    responseStatusCode: Annotated[int, "0: there was no answer.", Example(200)]
    responseDurationMs: Annotated[int, "The milliseconds until the answer.", Example(38)]
    status: MessageStatus
    statusText: StatusText
    triggerType: Annotated[
        int,
        "0: a scheduled attempt; 1: an attempt since the message was last sent again by hand.",
        Keywords(enum=[0, 1]),
    ]
    timestamp: Annotated[Time, "When the request was sent.", Example("2026-11-28T09:15:42.081516Z")]
    msg: NotRequired[Annotated[MessageDocument | None, "With `with_msg=true`; without the payload."]]


@component("svix.EmptyResponse")
class EmptyDocument(TypedDict):
    """An object without members."""


class _State(TypedDict):
    """The state of a message at one endpoint."""

    status: MessageStatus
    statusText: StatusText
    nextAttempt: Annotated[str | None, "Null: there is none to come."]


@component("svix.EndpointMessageOut")
class EndpointMessageDocument(MessageDocument, _State):
    """A message with its state at one endpoint."""


@component("svix.MessageEndpointOut")
class MessageEndpointDocument(EndpointOut, _State):
    """An endpoint with the state of one message at it."""


def attempt_document(attempt: DeliveryAttempt, *, shows_content: bool, shows_message: bool = False) -> AttemptDocument:
    """Return an attempt, read with its delivery, as Svix's API shows it; with the message, that is read with it too.

    `attempt.number` is its place among those of its delivery.
    """
    delivery = attempt.delivery
    number: int = attempt.number  # type: ignore[attr-defined]
    status = SUCCESS if attempt.status else FAIL
    document: AttemptDocument = {
        "id": prefixed(ATTEMPT, attempt.uid),
        "msgId": prefixed(MESSAGE, delivery.event_id),
        "endpointId": prefixed(ENDPOINT, attempt.endpoint_id),
        "url": attempt.url,
        "response": (attempt.response_data or attempt.error) if shows_content else "",
        "responseStatusCode": attempt.status_code or 0,
        "responseDurationMs": attempt.milliseconds or 0,
        "status": status,
        "statusText": STATUS_TEXTS[status],
        "triggerType": MANUAL if number > delivery.num_trials_before > 0 else SCHEDULED,
        "timestamp": wire_time(attempt.created_at),
    }
    if shows_message:
        document["msg"] = message_document(delivery.event, shows_payload=False)
    return document


def endpoint_message_document(
    delivery: EventDelivery, *, shows_payload: bool, expands: bool
) -> EndpointMessageDocument:
    """Return the message of a delivery, read with its event, with its state at the endpoint."""
    return {**message_document(delivery.event, shows_payload=shows_payload), **state(delivery, expands=expands)}


def message_endpoint_document(delivery: EventDelivery, endpoint: EndpointOut) -> MessageEndpointDocument:
    """Return the endpoint of a delivery with the state of the message at it."""
    return {**endpoint, **state(delivery, expands=True)}


def state(delivery: EventDelivery, *, expands: bool) -> _State:
    """Return Svix's status of a delivery. Without `expands`, one that was canceled counts as a success, as in Svix."""
    number = NUMBERS[delivery.status]
    if number == CANCELED and not expands:
        number = SUCCESS
    waits = delivery.status in (Status.SCHEDULED, Status.RETRY)
    return {
        "status": number,
        "statusText": STATUS_TEXTS[number],
        "nextAttempt": wire_time(delivery.next_send_time) if waits else None,
    }
