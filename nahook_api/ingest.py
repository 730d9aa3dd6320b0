"""Send by Nahook's calls: to one endpoint, or by event type. Contract: docs/contract/nahook.md#ingest."""

import json
from http import HTTPStatus
from typing import Annotated, Any, NotRequired, TypedDict, cast
from uuid import uuid4

import msgspec
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from core.api.bodies import NotJSON
from core.api.documents import Example, component, example
from core.api.fields import INCORRECT_TYPE, Items, Text
from core.api.openapi import Outcome, Tag, body, describe, path_parameter
from core.exceptions import DomainError
from core.json_text import without_half_pairs
from endpoints.exceptions import EndpointNotFound
from events.operations import content, create_broadcast_event, create_fanout_event
from events.sending import send_to_endpoint
from events.serializers import raw_value
from nahook_api.base import (
    ErrorMembers,
    FieldRefused,
    InstanceKey,
    KeyMissing,
    KeyNotValid,
    NahookView,
    SendingKey,
    Strict,
    error_members,
)
from nahook_api.event_types import NAME_PATTERN, WRONG_NAME, check_name
from nahook_api.ids import DELIVERY, ENDPOINT, EVENT_TYPE, EXAMPLE_UID, prefixed, uid_in
from portal_links.serializers import Metadata
from projects.exceptions import ReadOnlyKey

TAG = Tag("Sending (Nahook)", envelope=False)
#: The event type of what is sent to one endpoint, which Nahook's call does not name.
SENT_TYPE = "nahook.send"
#: The header that carries the metadata of an event, as JSON.
METADATA_HEADER = "X-Webhook-Metadata"
MAX_ITEMS = 20
_raw_items = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])

# Answers


@component("nahook.SendResult")
class SentDocument(TypedDict):
    """The outcome of sending to an endpoint."""

    deliveryId: Annotated[str, "The id of the delivery.", Example(prefixed(DELIVERY, EXAMPLE_UID))]
    idempotencyKey: Annotated[str, "The key that was sent, or one that was made.", Example("order-123-paid")]
    status: Annotated[str, "Always `accepted`.", Example("accepted")]


@component("nahook.TriggerResult")
class TriggeredDocument(TypedDict):
    """The outcome of sending to all that listen to a type."""

    eventTypeId: Annotated[
        str,
        "The id of the event type; empty where the workspace has no such type.",
        Example(prefixed(EVENT_TYPE, EXAMPLE_UID)),
    ]
    deliveryIds: Annotated[list[str], "The ids of the deliveries.", Example([prefixed(DELIVERY, EXAMPLE_UID)])]
    status: Annotated[str, "Always `accepted`.", Example("accepted")]


@component("nahook.BatchResultItem")
class ItemDocument(TypedDict):
    """The outcome of one item of a batch: that of the single call, or an error."""

    index: Annotated[int, "The place of the item in the request, from 0 on."]
    deliveryId: NotRequired[Annotated[str, "The id of the delivery."]]
    idempotencyKey: NotRequired[Annotated[str, "The key that was sent, or one that was made."]]
    eventTypeId: NotRequired[Annotated[str, "The id of the event type; empty where no event type has the name."]]
    deliveryIds: NotRequired[Annotated[list[str], "The ids of the deliveries."]]
    status: NotRequired[Annotated[str, "`accepted`, where there is no error."]]
    error: NotRequired[Annotated[ErrorMembers, "Why this item is refused."]]


@component("nahook.BatchResult")
class BatchDocument(TypedDict):
    """The outcomes of a batch."""

    items: Annotated[list[ItemDocument], "One for each item, in the order of the request."]


# Bodies


class Payload(serializers.DictField):
    """A JSON object, whose text is kept byte for byte."""

    default_error_messages = {INCORRECT_TYPE: "must be an object", "required": "must be an object"}

    def to_internal_value(self, data: Any) -> Any:
        """Return the object as it is."""
        if not isinstance(data, dict):
            self.fail(INCORRECT_TYPE)
        return data


PAYLOAD = "The payload, an object that is kept byte for byte."
KEY = "Of several calls with one key for one endpoint, one is delivered. Generated where it is not sent."
METADATA = f"Texts by name, which receivers get as JSON in the header {METADATA_HEADER}."


class Send(Strict):
    """The body that sends to an endpoint."""

    payload = Payload(help_text=PAYLOAD)
    idempotencyKey = Text(required=False, allow_blank=False, help_text=KEY)  # noqa: N815 - the wire's name


class Trigger(Strict):
    """The body that sends to all that listen to a type."""

    payload = Payload(help_text=PAYLOAD)
    metadata = Metadata(required=False, help_text=METADATA)


class SendItem(Send):
    """An item of a batch that sends to endpoints."""

    endpointId = Text(allow_blank=False, help_text="The id of the endpoint.")  # noqa: N815


class TriggerItem(Trigger):
    """An item of a batch that sends to all that listen to types."""

    eventType = Text(allow_blank=False, help_text="The name of the event type.")  # noqa: N815


def _items(item: type[Strict]) -> Items:
    said = f"1 to {MAX_ITEMS} of them; each has an outcome of its own."
    return Items(child=item(), allow_empty=False, max_length=MAX_ITEMS, help_text=said)


class SendBatch(Strict):
    """The body of a batch that sends to endpoints."""

    items = _items(SendItem)


class TriggerBatch(Strict):
    """The body of a batch that sends to all that listen to types."""

    items = _items(TriggerItem)


_SAID = {"metadata": Metadata.described()}
describe(Send, "nahook.Send")
describe(SendItem, "nahook.SendItem")
describe(Trigger, "nahook.Trigger", **_SAID)
describe(TriggerItem, "nahook.TriggerItem")
describe(SendBatch, "nahook.SendBatch", items={"minItems": 1})
describe(TriggerBatch, "nahook.TriggerBatch", items={"minItems": 1})

# Operations

ORDER = {"orderId": "123", "status": "paid"}
TARGET = path_parameter("endpointID", "The id of the endpoint, with or without `ep_`.")
TYPE = path_parameter("eventType", f"The name of the event type, which matches `{NAME_PATTERN}`.")
ALWAYS: list[Any] = [KeyMissing, KeyNotValid, ReadOnlyKey, InstanceKey]
send = TAG.operation(
    "SendNahookPayload",
    "Send to an endpoint (Nahook)",
    description="Sends a payload to one endpoint, whatever event types it listens to.",
    parameters=[TARGET],
    request=body(Send, {"With a key": {"payload": ORDER, "idempotencyKey": "order-123-paid"}}),
    success=Outcome("Accepted.", SentDocument, "Accepted", status=HTTPStatus.ACCEPTED),
    refused=[*ALWAYS, FieldRefused(name="payload", failure="must be an object"), EndpointNotFound],
)
trigger = TAG.operation(
    "TriggerNahookEvent",
    "Send to all that listen to an event type (Nahook)",
    description="Sends a payload to every endpoint of the workspace that listens to the event type. A key that is "
    "bound to an owner sends to that owner's endpoints.",
    parameters=[TYPE],
    request=body(Trigger, {"With metadata": {"payload": ORDER, "metadata": {"region": "us-east-1"}}}),
    success=Outcome(
        "Accepted.",
        TriggeredDocument,
        {"Accepted": example(TriggeredDocument), "Nobody listens": example(TriggeredDocument, deliveryIds=[])},
        status=HTTPStatus.ACCEPTED,
    ),
    refused=[*ALWAYS, FieldRefused(name="eventType", failure=WRONG_NAME)],
)
NOT_FOUND: ItemDocument = {"index": 1, "error": {"code": "not_found", "message": EndpointNotFound.message}}
WRONG_TYPE: ItemDocument = {"index": 1, "error": {"code": "validation_error", "message": f"eventType: {WRONG_NAME}"}}
SENT = example(ItemDocument, dict(example(SentDocument)))
TRIGGERED = example(ItemDocument, dict(example(TriggeredDocument)))
SOME_SENT = Outcome(
    "Some items are refused.", BatchDocument, {"Some": {"items": [SENT, NOT_FOUND]}}, HTTPStatus.MULTI_STATUS
)
SOME_TRIGGERED = Outcome(
    "Some items are refused.", BatchDocument, {"Some": {"items": [TRIGGERED, WRONG_TYPE]}}, HTTPStatus.MULTI_STATUS
)
WRONG_ITEMS = FieldRefused(name="items", failure=f"Ensure this field has no more than {MAX_ITEMS} elements.")
send_batch = TAG.operation(
    "SendNahookBatch",
    "Send to many endpoints (Nahook)",
    description="Each item is carried out as the single call; a body that is malformed is refused as a whole.",
    request=body(SendBatch, {"One": {"items": [{"endpointId": prefixed(ENDPOINT, EXAMPLE_UID), "payload": ORDER}]}}),
    success=Outcome("All items are accepted.", BatchDocument, {"All": {"items": [SENT]}}, status=HTTPStatus.ACCEPTED),
    outcomes=[SOME_SENT],
    refused=[*ALWAYS, WRONG_ITEMS],
)
trigger_batch = send_batch.twin(
    "TriggerNahookBatch",
    "Send events of many types (Nahook)",
    request=body(TriggerBatch, {"One": {"items": [{"eventType": "order.paid", "payload": ORDER}]}}),
    success=send_batch.success._replace(examples={"All": {"items": [TRIGGERED]}}),
    outcomes=[SOME_TRIGGERED],
)


# Views


class IngestView(NahookView):
    """The base of the operations that send: the key's project is the workspace."""

    authentication_classes = [SendingKey]
    http_method_names = ["post"]

    @property
    def workspace(self) -> str:
        """Return the id of the key's project. Raises InvalidInput, Forbidden."""
        if not self.caller.manages:
            raise ReadOnlyKey
        if self.caller.key_project_id is None:
            raise InstanceKey
        return self.caller.key_project_id

    def send(self, endpoint_id: str, sent: dict[str, Any], raw: bytes) -> SentDocument:
        """Send to an endpoint. Raises DomainError."""
        key = sent.get("idempotencyKey") or str(uuid4())
        event = content(event_type=SENT_TYPE, raw=raw, value=sent["payload"], idempotency_key=key)
        posted = send_to_endpoint(
            self.workspace,
            event,
            endpoint_id=uid_in(ENDPOINT, endpoint_id),
            owner_id=self.caller.owner_id,
            proof=self.proof(),
        )
        [delivery_id] = posted.delivery_ids
        return {"deliveryId": prefixed(DELIVERY, delivery_id), "idempotencyKey": key, "status": "accepted"}

    def trigger(self, event_type: str, sent: dict[str, Any], raw: bytes) -> TriggeredDocument:
        """Send to all that listen to an event type. Raises DomainError."""
        workspace = self.workspace
        check_name(event_type)
        metadata = sent.get("metadata")
        event = content(
            event_type=event_type,
            raw=raw,
            value=sent["payload"],
            custom_headers={METADATA_HEADER: json.dumps(metadata)} if metadata else None,
            idempotency_key=str(uuid4()),
        )
        if self.caller.owner_id:
            posted = create_fanout_event(workspace, event, owner_id=self.caller.owner_id)
        else:
            posted = create_broadcast_event(workspace, event)
        return {
            "eventTypeId": prefixed(EVENT_TYPE, posted.event_type_id) if posted.event_type_id else "",
            "deliveryIds": [prefixed(DELIVERY, uid) for uid in posted.delivery_ids],
            "status": "accepted",
        }


class SendToEndpoint(IngestView):
    """Payloads for one endpoint."""

    proves = ("POST",)

    @send
    def post(self, request: Request, endpointID: str) -> SentDocument:  # noqa: N803
        """Send one."""
        text = without_half_pairs(request.body)
        sent = self.body(request, Send, text=text)
        return self.send(endpointID, sent, raw_value(text, "payload"))


class TriggerEvent(IngestView):
    """Payloads for all that listen to an event type."""

    @trigger
    def post(self, request: Request, eventType: str) -> TriggeredDocument:  # noqa: N803
        """Send one."""
        text = without_half_pairs(request.body)
        sent = self.body(request, Trigger, text=text)
        return self.trigger(eventType, sent, raw_value(text, "payload"))


class BatchView(IngestView):
    """The base of the batches."""

    def outcomes(self, request: Request, shape: type[Strict], target: str) -> tuple[BatchDocument, bool]:
        """Carry out each item, which its member `target` directs; return the outcomes, and whether all are good."""
        # A key that may send nothing is refused as a whole.
        _ = self.workspace
        text = without_half_pairs(request.body)
        items = self.body(request, shape, text=text)["items"]
        found: list[ItemDocument] = []
        for index, (item, raw) in enumerate(zip(items, _raw_payloads(text), strict=True)):
            try:
                made: dict[str, Any] = dict(
                    (self.send if target == "endpointId" else self.trigger)(item[target], item, raw)
                )
            except DomainError as error:
                made = {"error": error_members(error.message, error.status)}
            found.append(cast(ItemDocument, {"index": index} | made))
        return {"items": found}, not any("error" in item for item in found)


class SendMany(BatchView):
    """A batch of payloads for endpoints."""

    @send_batch
    def post(self, request: Request) -> BatchDocument | HttpResponse:
        """Send each."""
        document, is_whole = self.outcomes(request, SendBatch, "endpointId")
        return document if is_whole else send_batch.answer(document, SOME_SENT)


class TriggerMany(BatchView):
    """A batch of payloads for all that listen to event types."""

    @trigger_batch
    def post(self, request: Request) -> BatchDocument | HttpResponse:
        """Send each."""
        document, is_whole = self.outcomes(request, TriggerBatch, "eventType")
        return document if is_whole else trigger_batch.answer(document, SOME_TRIGGERED)


def _raw_payloads(text: bytes) -> list[bytes]:
    """Return the texts of the payloads of a valid batch. Raises InvalidInput where one is nested too deeply."""
    try:
        return [bytes(item["payload"]) for item in _raw_items.decode(raw_value(text, "items"))]
    except (ValueError, RecursionError):
        raise NotJSON(where="") from None
