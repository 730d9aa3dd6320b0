"""Event deliveries and delivery attempts as the API shows them. Contract: deliveries sections 2 and 11."""

from typing import Any

import orjson
from django.conf import settings
from django.db.models import QuerySet

from core.api.values import ZERO_TIME, wire_time
from endpoints.documents import endpoint_metadata
from events.documents import NO_SOURCE
from events.models import DeliveryAttempt, Event, EventDelivery
from outbound.headers import mask_headers

Document = dict[str, Any]

NO_DEVICE: Document = {
    "uid": "",
    "project_id": "",
    "endpoint_id": "",
    "host_name": "",
    "status": "",
    "last_seen_at": ZERO_TIME,
    "created_at": ZERO_TIME,
    "updated_at": ZERO_TIME,
    "deleted_at": None,
}
_ENDPOINT_FIELDS = ("uid", "name", "project_id", "support_email", "url", "owner_id", "status", "deleted_at")
_EVENT_FIELDS = ("uid", "event_type", "created_at", "data", "headers", "idempotency_key")
_OWN_FIELDS = (
    *("uid", "project_id", "event_id", "endpoint_id", "subscription_id", "event_type", "delivery_mode", "status"),
    *("description", "strategy", "interval_seconds", "retry_limit", "num_trials", "next_send_time"),
    *("latency_seconds", "created_at", "updated_at"),
)


def with_parts(rows: "QuerySet[EventDelivery]") -> "QuerySet[EventDelivery]":
    """`rows` with what `delivery_document` shows of them, of their events and of their endpoints: one statement."""
    parts = [f"endpoint__{name}" for name in _ENDPOINT_FIELDS] + [f"event__{name}" for name in _EVENT_FIELDS]
    return rows.select_related("endpoint", "event").only(*_OWN_FIELDS, *parts)


def delivery_document(delivery: EventDelivery, *, is_masked: bool) -> Document:
    """The EventDelivery object for a row of `with_parts`.

    Its headers are the event's custom ones: an endpoint's credentials are resolved when it is sent and
    stored nowhere else (D14). `is_masked` hides the values of most, as a portal's caller may see them.
    """
    event = delivery.event
    shown = {
        "uid": delivery.uid,
        "project_id": delivery.project_id,
        "event_id": delivery.event_id,
        "endpoint_id": delivery.endpoint_id,
        "subscription_id": delivery.subscription_id,
        "device_id": "",
        "headers": mask_headers(event.headers) if is_masked else event.headers,
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
        "metadata": {
            "data": orjson.Fragment(event.data),
            "raw": event.data,
            "strategy": delivery.strategy,
            "interval_seconds": delivery.interval_seconds,
            "retry_limit": delivery.retry_limit,
            "num_trials": delivery.num_trials,
            "next_send_time": wire_time(delivery.next_send_time),
            "max_retry_seconds": 0,
        },
        "cli_metadata": None,
        "acknowledged_at": wire_time(delivery.created_at),
        "created_at": wire_time(delivery.created_at),
        "updated_at": wire_time(delivery.updated_at),
        "deleted_at": None,
    }
    if delivery.description:
        shown["description"] = delivery.description
    return shown


def attempt_document(attempt: DeliveryAttempt, *, is_masked: bool) -> Document:
    """The DeliveryAttempt object. What there is nothing of is absent, and `status` where it has failed."""
    headers = {
        "request_http_header": attempt.request_http_header,
        "response_http_header": attempt.response_http_header,
    }
    optional = {
        "ip_address": attempt.ip_address,
        **{name: mask_headers(value) if is_masked else value for name, value in headers.items()},
        "http_status": attempt.http_status,
        "response_data": attempt.response_data,
        "error": attempt.error,
        "status": attempt.status,
    }
    return {
        "uid": attempt.uid,
        "msg_id": attempt.delivery_id,
        "url": attempt.url,
        "method": "POST",
        "endpoint_id": attempt.endpoint_id,
        "project_id": attempt.project_id,
        "api_version": settings.VERSION,
        **{name: value for name, value in optional.items() if value},
        "requested_at": wire_time(attempt.requested_at),
        "responded_at": attempt.responded_at and wire_time(attempt.responded_at),
        "created_at": wire_time(attempt.created_at),
        "updated_at": wire_time(attempt.created_at),
        "deleted_at": None,
    }


def _event_metadata(event: Event) -> Document:
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
