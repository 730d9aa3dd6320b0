"""Event types, subscriptions and filters as the API shows them. Contract: subscriptions-and-event-types A3, B2, D2."""

import json
from collections.abc import Collection
from typing import Any

import orjson

from core.api.values import wire_time
from endpoints.documents import endpoint_metadata
from projects.models import EventType
from subscriptions import filters
from subscriptions.models import Filter, Subscription

Document = dict[str, Any]


def event_type_document(event_type: EventType) -> Document:
    """An event type."""
    return {
        "uid": event_type.uid,
        "name": event_type.name,
        "category": event_type.category,
        "json_schema": _wire_json(event_type.json_schema),
        "description": event_type.description,
        "deprecated_at": event_type.deprecated_at and wire_time(event_type.deprecated_at),
    }


def subscription_document(subscription: Subscription, *, is_new: bool = False) -> Document:
    """A subscription with its endpoint; the answer to its creation (`is_new`) shows no endpoint yet."""
    conditions = _wire_json(subscription.filter)
    shown = {
        "uid": subscription.uid,
        "name": subscription.name,
        "type": "api",
        "project_id": subscription.project_id,
        "function": "" if is_new else None,
        "source_metadata": None,
        "endpoint_metadata": None if is_new else endpoint_metadata(subscription.endpoint),
        "device_metadata": None,
        "filter_config": {
            "event_types": subscription.event_types,
            "filter": {
                "is_flattened": not is_new,
                **{scope: conditions.get(scope, {}) for scope in ("headers", "body", "query", "path")},
            },
        },
        "delivery_mode": subscription.delivery_mode,
        "created_at": wire_time(subscription.created_at),
        "updated_at": wire_time(subscription.updated_at),
        "deleted_at": None,
    }
    for name in ("alert_config", "retry_config", "rate_limit_config"):
        if (stored := getattr(subscription, name)) is not None:
            shown[name] = stored
    return shown


def filter_document(row: Filter, *, sent: Collection[str] = filters.SCOPES) -> Document:
    """A filter. The answer to its creation shows null for the scopes that are not in `sent`."""
    raw = {scope: row.conditions.get(scope, {}) if scope in sent else None for scope in filters.SCOPES}
    flat = {scope: None if given is None else filters.flatten(given) for scope, given in raw.items()}
    return {
        "uid": row.uid,
        "subscription_id": row.subscription_id,
        "event_type": row.event_type,
        "enabled_at": row.enabled_at and wire_time(row.enabled_at),
        **_wire_json(flat),
        **_wire_json({f"raw_{scope}": given for scope, given in raw.items()}),
    }


def _wire_json(value: Any) -> Any:
    """Stored JSON for an answer: PostgreSQL writes 1e300 out as a whole number, which is longer than 64 bits."""
    return value if not value else orjson.loads(json.dumps(value))
