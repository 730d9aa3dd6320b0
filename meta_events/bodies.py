"""The body of a meta event: compact JSON, which is what is stored, signed and sent.

Contract: meta-events-and-onboard section 2.3, defects X1 to X3.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from core.api.values import wire_time

ENDPOINT_CREATED = "endpoint.created"
ENDPOINT_UPDATED = "endpoint.updated"
ENDPOINT_DELETED = "endpoint.deleted"
DELIVERY_SUCCESS = "eventdelivery.success"
DELIVERY_FAILED = "eventdelivery.failed"

_NO_SOURCE = {"uid": "", "name": ""}
_NO_DEVICE = {"uid": "", "status": "", "host_name": ""}


def meta_event_body(event_type: str, data: Mapping[str, Any]) -> bytes:
    """The body of any meta event. `data` may hold orjson fragments, of compact JSON."""
    return orjson.dumps({"event_type": event_type, "data": data})


def delivery_event_body(event_type: str, *, delivery: dict[str, Any], attempt: dict[str, Any]) -> bytes:
    """The body of `eventdelivery.success` and `eventdelivery.failed`: the same members at each attempt (X2).

    `delivery` and `attempt` are as `delivery_data` and `attempt_data` make them.
    """
    return meta_event_body(event_type, delivery | {"attempt": attempt})


def delivery_data(row: dict[str, Any]) -> dict[str, Any]:
    """The delivery object for a row of engine/meta_emission.py: times are datetimes, `data` is the payload's text."""
    return {
        "uid": row["uid"],
        "project_id": row["project_id"],
        "event_id": row["event_id"],
        "endpoint_id": row["endpoint_id"],
        "device_id": "",
        "subscription_id": row["subscription_id"],
        "headers": row["headers"],
        "url_query_params": "",
        "idempotency_key": row["idempotency_key"],
        "event_type": row["event_type"],
        "endpoint_metadata": {
            "uid": row["endpoint_id"],
            "project_id": row["project_id"],
            "owner_id": row["endpoint_owner_id"],
            "name": row["endpoint_name"],
            "url": row["endpoint_url"],
            "status": row["endpoint_status"],
            "support_email": row["endpoint_support_email"],
            "deleted_at": row["endpoint_deleted_at"] and wire_time(row["endpoint_deleted_at"]),
        },
        "event_metadata": {
            "uid": row["event_id"],
            "event_type": row["event_type"],
            "created_at": wire_time(row["event_created_at"]),
        },
        "source_metadata": _NO_SOURCE,
        "device_metadata": _NO_DEVICE,
        "status": row["status"],
        "metadata": {
            "data": orjson.Fragment(row["data"]),
            "raw": row["data"],
            "strategy": row["strategy"],
            "next_send_time": wire_time(row["next_send_time"]),
            "num_trials": row["num_trials"],
            "interval_seconds": row["interval_seconds"],
            "retry_limit": row["retry_limit"],
            "max_retry_seconds": 0,
        },
        "cli_metadata": None,
        "description": row["description"],
        "acknowledged_at": wire_time(row["created_at"]),
        "created_at": wire_time(row["created_at"]),
        "updated_at": wire_time(row["updated_at"]),
        "deleted_at": None,
    }


def attempt_data(row: dict[str, Any], *, version: str) -> dict[str, Any]:
    """The attempt object for the same row, with every member at hand. `version` is the server's."""
    return {
        "uid": row["attempt_uid"],
        "msg_id": row["uid"],
        "url": row["attempt_url"],
        "method": "POST",
        "endpoint_id": row["endpoint_id"],
        "api_version": version,
        "project_id": row["project_id"],
        "ip_address": row["ip_address"],
        "request_http_header": row["request_http_header"],
        "response_http_header": row["response_http_header"],
        "http_status": row["http_status"],
        "response_data": row["response_data"],
        "error": row["error"],
        "status": row["attempt_status"],
        "requested_at": wire_time(row["requested_at"]),
        "responded_at": row["responded_at"] and wire_time(row["responded_at"]),
        "created_at": wire_time(row["attempt_created_at"]),
        "updated_at": wire_time(row["attempt_created_at"]),
        "deleted_at": None,
    }
