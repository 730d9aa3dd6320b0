"""Define event deliveries and delivery attempts as the API shows them.

Contract: docs/contract/deliveries.md#object, docs/contract/deliveries.md#attempts.
"""

from typing import Annotated, Any, NotRequired, TypedDict, cast

from django.conf import settings
from django.db.models import QuerySet

from core.api.documents import Component, DeletedAt, Example, Time, Uid, component, example
from core.api.values import ZERO_TIME, wire_time
from endpoints.documents import IDENTIFIED_ENDPOINT, NestedEndpointDocument, endpoint_metadata
from events.documents import NO_SOURCE, EventBase, EventStatus, NoTime, SourceDocument
from events.models import DeliveryAttempt, Event, EventDelivery
from outbound.documents import DeliveryStatus, HttpHeader, HttpHeaders, SendingDocument, sending_document
from outbound.headers import mask_headers
from outbound.states import Status
from subscriptions.documents import DeliveryMode
from subscriptions.models import Subscription

_ENDPOINT_FIELDS = ("uid", "name", "project_id", "support_email", "url", "owner_id", "status", "deleted_at")
_EVENT_FIELDS = ("uid", "event_type", "created_at", "data", "headers", "idempotency_key")
_OWN_FIELDS = (
    *("uid", "project_id", "event_id", "endpoint_id", "subscription_id", "event_type", "delivery_mode", "status"),
    *("description", "strategy", "interval_seconds", "retry_limit", "num_trials", "next_send_time"),
    *("latency_seconds", "created_at", "updated_at"),
)

_ENDPOINT = example(NestedEndpointDocument)
_UID = "01K4T0ZA7Q3X9W5V1T7R3P9N5M"
_EVENT_UID = "01K4T0Z8M6Q2V7R9B3C5D1E8FG"
_CREATED = "2026-02-03T09:15:02.14Z"
_ANSWERED = "2026-02-03T09:15:05.2Z"


@component("datastore.Device", "There are no devices: every member is empty.")
class DeviceDocument(TypedDict):
    """A device, which this server does not have."""

    uid: Annotated[str, "Empty."]
    project_id: Annotated[str, "Empty."]
    endpoint_id: Annotated[str, "Empty."]
    host_name: Annotated[str, "Empty."]
    status: Annotated[str, "Empty.", Component("datastore.DeviceStatus")]
    last_seen_at: Annotated[NoTime, "Never set."]
    created_at: Annotated[NoTime, "Never set."]
    updated_at: Annotated[NoTime, "Never set."]
    deleted_at: DeletedAt


@component("datastore.CLIMetadata")
class CLIMetadataDocument(TypedDict):
    """The data of the original's command line tool, which is always empty."""

    event_type: Annotated[str, "Empty."]
    source_id: Annotated[str, "Empty."]


@component("datastore.Event", "`uid`, `event_type` and `created_at` of the event; the rest is empty.")
class NestedEventDocument(EventBase):
    """An event inside of a delivery."""

    project_id: Annotated[str, "Empty."]
    endpoints: Annotated[list[str] | None, "Null."]
    headers: HttpHeaders
    source_metadata: Annotated[SourceDocument, Example(NO_SOURCE)]
    idempotency_key: Annotated[str, "Empty."]
    is_duplicate_event: Annotated[bool, "Always false."]
    data: Annotated[dict[str, Any] | None, "Null."]
    status: EventStatus
    acknowledged_at: Annotated[str | None, "Null."]
    updated_at: Annotated[NoTime, "Never set."]


@component("models.EventDeliveryResponse")
class DeliveryDocument(TypedDict):
    """A delivery of an event to an endpoint."""

    uid: Annotated[Uid, Example(_UID)]
    project_id: Uid
    event_id: Annotated[Uid, "The id of the event that is delivered.", Example(_EVENT_UID)]
    endpoint_id: Annotated[Uid, Example(_ENDPOINT["uid"])]
    subscription_id: Annotated[
        Uid,
        "The id of the subscription that took the event; empty where none did.",
        Example("01K4T0B2C3D4E5F6G7H8J9KMNP"),
    ]
    device_id: Annotated[str, "Empty."]
    headers: Annotated[
        HttpHeaders | None,
        "The event's custom headers. In the portal most values are `***`.",
        Example({"X-Tenant": ["acme"]}),
    ]
    url_query_params: Annotated[str, "Empty."]
    idempotency_key: Annotated[str, "That of the event.", Example("inv-991")]
    latency: Annotated[str, "Empty."]
    latency_seconds: Annotated[float, "From creation to success, where the first attempt has succeeded.", Example(0.0)]
    event_type: Annotated[str, Example("invoice.paid")]
    delivery_mode: Annotated[
        DeliveryMode,
        "The subscription's: at least once, or at most once.",
        Example(Subscription.DeliveryMode.AT_LEAST_ONCE.value),
    ]
    endpoint_metadata: Annotated[
        NestedEndpointDocument | None,
        "The members that identify the endpoint; the rest is empty.",
        Example(IDENTIFIED_ENDPOINT),
    ]
    event_metadata: Annotated[
        NestedEventDocument | None,
        Example(example(NestedEventDocument, uid=_EVENT_UID, created_at="2026-02-03T09:15:02.12Z")),
    ]
    source_metadata: Annotated[SourceDocument | None, Example(NO_SOURCE)]
    device_metadata: Annotated[DeviceDocument | None, Example(example(DeviceDocument))]
    status: Annotated[DeliveryStatus, "The status of the delivery.", Example(Status.RETRY.value)]
    metadata: Annotated[
        SendingDocument | None,
        Example(
            example(
                SendingDocument,
                data={"invoice": 991, "amount": "12.50"},
                raw='{"invoice":991,"amount":"12.50"}',
                next_send_time="2026-02-03T09:16:45Z",
            )
        ),
    ]
    cli_metadata: Annotated[CLIMetadataDocument | None, "Always null."]
    description: NotRequired[Annotated[str, "Why no further attempt is made. Absent where there is no reason."]]
    acknowledged_at: Annotated[Time | None, "When the event was taken in for this endpoint.", Example(_CREATED)]
    created_at: Annotated[Time, Example(_CREATED)]
    updated_at: Annotated[Time, Example("2026-02-03T09:15:05Z")]
    deleted_at: DeletedAt


class _Outcome(TypedDict, total=False):
    """The members of an attempt that are absent where they are empty."""

    ip_address: Annotated[str, "Absent where there was no connection."]
    request_http_header: HttpHeader
    response_http_header: HttpHeader
    http_status: Annotated[str, "Such as `200 OK`. Absent where there was no answer."]
    response_data: Annotated[str, "The beginning of the answer's body."]
    error: Annotated[str, "The reason why there is no answer, or why it was not accepted."]
    status: Annotated[bool, "True, or absent: the attempt has failed."]


@component("datastore.DeliveryAttempt")
class AttemptDocument(_Outcome):
    """An attempt of a delivery."""

    uid: Annotated[Uid, Example("01K4T0ZC4D6F8G0H2J4K6M8N0P")]
    msg_id: Annotated[str, "The id of the event delivery.", Example(_UID)]
    url: Annotated[str, "The URL to which the request was sent.", Example(_ENDPOINT["url"])]
    method: Annotated[str, "POST.", Example("POST")]
    endpoint_id: Annotated[Uid, Example(_ENDPOINT["uid"])]
    project_id: Uid
    api_version: Annotated[str, "The version of this server.", Example("0.1.0")]
    requested_at: Annotated[Time | None, "When the request was sent.", Example("2026-02-03T09:15:05Z")]
    responded_at: Annotated[str | None, "Null: there was no answer."]
    created_at: Annotated[Time, Example(_ANSWERED)]
    updated_at: Annotated[Time, Example(_ANSWERED)]
    deleted_at: DeletedAt


#: Convoy's device object where there is none.
NO_DEVICE = example(DeviceDocument)


def with_parts(rows: "QuerySet[EventDelivery]") -> "QuerySet[EventDelivery]":
    """Return `rows` with the columns of `delivery_document`, of events and endpoints too: one statement."""
    parts = [f"endpoint__{name}" for name in _ENDPOINT_FIELDS] + [f"event__{name}" for name in _EVENT_FIELDS]
    return rows.select_related("endpoint", "event").only(*_OWN_FIELDS, *parts)


def delivery_document(delivery: EventDelivery, *, is_masked: bool, shows_payload: bool = True) -> DeliveryDocument:
    """Return the EventDelivery object for a row of `with_parts`.

    Its headers are the event's custom ones: an endpoint's credentials are resolved when it is sent and
    stored nowhere else. `is_masked` hides the values of most, as a portal's caller may see them. Without
    `shows_payload` there are neither headers nor data.
    """
    event = delivery.event
    headers = event.headers if shows_payload else {}
    document: DeliveryDocument = {
        "uid": delivery.uid,
        "project_id": delivery.project_id,
        "event_id": delivery.event_id,
        "endpoint_id": delivery.endpoint_id,
        "subscription_id": delivery.subscription_id,
        "device_id": "",
        "headers": mask_headers(headers) if is_masked else headers,
        "url_query_params": "",
        "idempotency_key": event.idempotency_key,
        "latency": "",
        "latency_seconds": delivery.latency_seconds,
        "event_type": delivery.event_type,
        "delivery_mode": delivery.delivery_mode,
        "endpoint_metadata": endpoint_metadata(delivery.endpoint),
        "event_metadata": _event_metadata(event),
        "source_metadata": NO_SOURCE,
        "device_metadata": NO_DEVICE,
        "status": delivery.status,
        "metadata": sending_document(
            event.data if shows_payload else "null",
            raw=event.data if shows_payload else "",
            strategy=delivery.strategy,
            next_send_time=delivery.next_send_time,
            num_trials=delivery.num_trials,
            interval_seconds=delivery.interval_seconds,
            retry_limit=delivery.retry_limit,
        ),
        "cli_metadata": None,
        "acknowledged_at": wire_time(delivery.created_at),
        "created_at": wire_time(delivery.created_at),
        "updated_at": wire_time(delivery.updated_at),
        "deleted_at": None,
    }
    if delivery.description:
        document["description"] = delivery.description
    return document


def attempt_document(attempt: DeliveryAttempt, *, is_masked: bool, shows_payload: bool = True) -> AttemptDocument:
    """Return the DeliveryAttempt object. Empty members are absent, and `status` where the attempt has failed.

    Without `shows_payload` headers and bodies are empty.
    """
    sent, answered, body = attempt.request_http_header, attempt.response_http_header, attempt.response_data
    if not shows_payload:
        sent, answered, body = {}, {}, ""
    outcome: _Outcome = {
        "ip_address": attempt.ip_address,
        "request_http_header": mask_headers(sent) if is_masked else sent,
        "response_http_header": mask_headers(answered) if is_masked else answered,
        "http_status": attempt.http_status,
        "response_data": body,
        "error": attempt.error,
        "status": attempt.status,
    }
    present = cast(_Outcome, {name: value for name, value in outcome.items() if value})
    return {
        "uid": attempt.uid,
        "msg_id": attempt.delivery_id,
        "url": attempt.url,
        "method": "POST",
        "endpoint_id": attempt.endpoint_id,
        "project_id": attempt.project_id,
        "api_version": settings.VERSION,
        **present,
        "requested_at": wire_time(attempt.requested_at),
        "responded_at": wire_time(attempt.responded_at) if attempt.responded_at else None,
        "created_at": wire_time(attempt.created_at),
        "updated_at": wire_time(attempt.created_at),
        "deleted_at": None,
    }


def _event_metadata(event: Event) -> NestedEventDocument:
    return {
        "uid": event.uid,
        "event_type": event.event_type,
        "project_id": "",
        "endpoints": None,
        "headers": None,
        "source_metadata": NO_SOURCE,
        "url_query_params": "",
        "url_path": "",
        "idempotency_key": "",
        "is_duplicate_event": False,
        "data": None,
        "status": "",
        "acknowledged_at": None,
        "created_at": wire_time(event.created_at),
        "updated_at": ZERO_TIME,
        "deleted_at": None,
    }
