"""Render the body of a meta event: compact JSON, which is stored, signed and sent as it is.

Contract: docs/contract/meta-events.md#body.
"""

from collections.abc import Mapping
from typing import Any

import orjson

ENDPOINT_CREATED = "endpoint.created"
ENDPOINT_UPDATED = "endpoint.updated"
ENDPOINT_DELETED = "endpoint.deleted"
DELIVERY_SUCCESS = "eventdelivery.success"
DELIVERY_FAILED = "eventdelivery.failed"


def meta_event_body(event_type: str, data: Mapping[str, Any]) -> bytes:
    """Return the body of a meta event. `data` may hold orjson fragments of compact JSON."""
    return orjson.dumps({"event_type": event_type, "data": data})
