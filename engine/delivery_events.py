"""Render the bodies of `eventdelivery.success` and `eventdelivery.failed`, as parts of the API's documents.

Contract: docs/contract/meta-events.md#body. The members are the same at each attempt.
"""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from deliveries.documents import attempt_document, delivery_document
from events.models import DeliveryAttempt, EventDelivery
from meta_events.bodies import meta_event_body

#: The members of a delivery that a meta event has, in their order.
DELIVERY_MEMBERS = (
    *("uid", "project_id", "event_id", "endpoint_id", "device_id", "subscription_id", "headers", "url_query_params"),
    *("idempotency_key", "event_type", "endpoint_metadata", "event_metadata", "source_metadata", "device_metadata"),
    *("status", "metadata", "cli_metadata", "description", "acknowledged_at", "created_at", "updated_at", "deleted_at"),
)
#: The members of its parts. The API shows more, which are empty there.
PARTS = {
    "endpoint_metadata": (*("uid", "project_id", "owner_id", "name", "url", "status", "support_email", "deleted_at"),),
    "event_metadata": ("uid", "event_type", "created_at"),
    "source_metadata": ("uid", "name"),
    "device_metadata": ("uid", "status", "host_name"),
    "metadata": (
        *("data", "raw", "strategy", "next_send_time", "num_trials", "interval_seconds", "retry_limit"),
        "max_retry_seconds",
    ),
}
ATTEMPT_MEMBERS = (
    *("uid", "msg_id", "url", "method", "endpoint_id", "api_version", "project_id", "ip_address"),
    *("request_http_header", "response_http_header", "http_status", "response_data", "error", "status"),
    *("requested_at", "responded_at", "created_at", "updated_at", "deleted_at"),
)
#: The values of members that the API leaves out where they are empty.
_EMPTY_ATTEMPT = {
    "ip_address": "",
    "request_http_header": {},
    "response_http_header": {},
    "http_status": "",
    "response_data": "",
    "error": "",
    "status": False,
}


def delivery_event_body(event_type: str, row: Mapping[str, Any]) -> bytes:
    """Return the body for a delivery, which is a row of engine/meta_emission.py with its event's payload."""
    # The documents read attributes only, so plain objects can stand in for model instances.
    own: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {"event": {}, "endpoint": {}, "attempt": {}}
    for column, value in row.items():
        part, _, name = column.rpartition(".")
        (parts[part] if part else own)[name] = value
    event, endpoint, attempt = (SimpleNamespace(**part) for part in parts.values())
    delivery = SimpleNamespace(**own, event=event, endpoint=endpoint)
    document = {"description": "", **delivery_document(cast(EventDelivery, delivery), is_masked=False)}
    data = _part(document, DELIVERY_MEMBERS)
    data |= {name: _part(data[name], members) for name, members in PARTS.items()}
    tried = _EMPTY_ATTEMPT | attempt_document(cast(DeliveryAttempt, attempt), is_masked=False)
    return meta_event_body(event_type, data | {"attempt": _part(tried, ATTEMPT_MEMBERS)})


def _part(document: Mapping[str, Any], members: tuple[str, ...]) -> dict[str, Any]:
    return {name: document[name] for name in members}
