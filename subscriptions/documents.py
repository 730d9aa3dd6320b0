"""Define event types, subscriptions and filters as the API shows them.

Contract: docs/contract/subscriptions.md#object, docs/contract/subscriptions.md#filter-object,
docs/contract/event-types.md#object.
"""

import json
from collections.abc import Collection
from typing import Annotated, Any, NotRequired, TypedDict

import orjson

from core.api.documents import (
    Component,
    DeletedAt,
    Example,
    Keywords,
    Time,
    Uid,
    component,
    example,
    nullable,
    ref,
)
from core.api.values import wire_time
from endpoints.documents import IDENTIFIED_ENDPOINT, NestedEndpointDocument, endpoint_metadata
from projects.models import EventType
from subscriptions import filters
from subscriptions.models import Filter, Subscription

#: The conditions on one scope of an event, or null.
Conditions = Annotated[dict[str, Any] | None, Keywords(additionalProperties=True), Component("datastore.M")]
DeliveryMode = Annotated[
    str, Keywords(enum=[*Subscription.DeliveryMode.values, ""]), Component("datastore.DeliveryMode")
]
RetryType = Annotated[object, Keywords(**ref("datastore.StrategyProvider"))]
_EXAMPLE_TYPE = "order.created"
_EXAMPLE_ID = "01JZ8QR2C4F6H8K0N2Q4S6V8X0"
_CREATED = "2026-07-03T09:40:00.5Z"
_WITHOUT_EFFECT = "Without effect; absent where it was never set."


@component("models.EventTypeResponse")
class EventTypeDocument(TypedDict):
    """An event type."""

    uid: Annotated[Uid, Example("01JZ8QS1N3P5Q7R9S1T3V5W7X9")]
    name: Annotated[
        str, "The name, such as `invoice.paid`, which no other event type of the project has.", Example(_EXAMPLE_TYPE)
    ]
    category: Annotated[str, "A group of event types, for people.", Example("orders")]
    json_schema: Annotated[
        dict[str, Any] | None,
        "A JSON Schema, draft 7. It describes, and is not enforced.",
        Keywords(additionalProperties=True),
        Example({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}),
    ]
    description: Annotated[str, "When such an event is sent, for people.", Example("An order was placed")]
    deprecated_at: Annotated[str | None, "Null: not deprecated."]


@component("datastore.FilterSchema")
class ConditionsDocument(TypedDict):
    """The conditions of a subscription."""

    is_flattened: Annotated[bool, "False in the answer to a creation.", Example(True)]
    headers: Annotated[Conditions, "Conditions on the event's custom headers.", Example({})]
    body: Annotated[Conditions, "Conditions on the event's data.", Example({"amount": {"$gte": 100}})]
    query: Annotated[Conditions, "Conditions on the query, which no event has.", Example({})]
    path: Annotated[Conditions, "Conditions on the path, which no event has.", Example({})]


@component("datastore.FilterConfiguration")
class FilterConfigDocument(TypedDict):
    """The events that a subscription takes."""

    event_types: Annotated[list[str], "Those that the subscription has filters for.", Example([_EXAMPLE_TYPE])]
    filter: ConditionsDocument


@component("datastore.AlertConfiguration")
class AlertDocument(TypedDict):
    """The alerts on failures, which are stored without effect."""

    count: Annotated[int, "Stored, without effect."]
    threshold: Annotated[str, "Stored, without effect."]


@component("datastore.RetryConfiguration")
class RetryDocument(TypedDict):
    """The retries of deliveries, which are stored without effect."""

    type: Annotated[RetryType, "Stored, without effect."]
    duration: Annotated[int, "In seconds."]
    retry_count: Annotated[int, "Stored, without effect."]


@component("models.SubscriptionResponse")
class SubscriptionDocument(TypedDict):
    """A subscription."""

    uid: Annotated[Uid, Example(_EXAMPLE_ID)]
    name: Annotated[str, "The name of the subscription.", Example("orders to acme")]
    type: Annotated[
        str, "Always `api`.", Keywords(enum=["api"]), Component("datastore.SubscriptionType"), Example("api")
    ]
    project_id: Uid
    function: Annotated[str | None, "Always null: there are no functions."]
    source_metadata: Annotated[
        object, "Always null: there are no sources.", Keywords(**nullable(ref("datastore.Source")))
    ]
    endpoint_metadata: Annotated[
        NestedEndpointDocument | None,
        "The members that identify the endpoint; the rest has zero values. Null in the answer to a creation.",
        Example(IDENTIFIED_ENDPOINT),
    ]
    device_metadata: Annotated[object, "Always null.", Keywords(**nullable(ref("datastore.Device")))]
    filter_config: Annotated[FilterConfigDocument | None, Example(example(FilterConfigDocument))]
    delivery_mode: Annotated[
        DeliveryMode, "At least once, or at most once.", Example(Subscription.DeliveryMode.AT_LEAST_ONCE.value)
    ]
    created_at: Annotated[Time, Example(_CREATED)]
    updated_at: Annotated[Time, Example(_CREATED)]
    deleted_at: DeletedAt
    alert_config: NotRequired[Annotated[AlertDocument | None, _WITHOUT_EFFECT]]
    retry_config: NotRequired[Annotated[RetryDocument | None, _WITHOUT_EFFECT]]
    rate_limit_config: NotRequired[
        Annotated[object, _WITHOUT_EFFECT, Keywords(**nullable(ref("datastore.RateLimitConfiguration")))]
    ]


@component("models.FilterResponse", "The conditions with dotted keys, and (`raw_`) as they were sent.")
class FilterDocument(TypedDict):
    """A filter."""

    uid: Annotated[Uid, Example("01JZ8QT5E7G9J1M3P5R7T9W1Y3")]
    subscription_id: Annotated[Uid, "The subscription whose filter it is.", Example(_EXAMPLE_ID)]
    event_type: Annotated[
        str,
        "The event type to whose events the conditions apply; `*`: those without an enabled filter of their own.",
        Example(_EXAMPLE_TYPE),
    ]
    enabled_at: Annotated[str | None, "Null: the filter is disabled.", Example("2026-07-03T09:41:00Z")]
    body: Annotated[Conditions, "Conditions on the event's data.", Example({"customer.tier": "gold"})]
    headers: Annotated[Conditions, "Conditions on the event's custom headers.", Example({})]
    query: Annotated[Conditions, "Conditions on the query, which no event has.", Example({})]
    path: Annotated[Conditions, "Conditions on the path, which no event has.", Example({})]
    raw_body: Annotated[Conditions, "`body` as it was sent.", Example({"customer": {"tier": "gold"}})]
    raw_headers: Annotated[Conditions, "`headers` as it was sent.", Example({})]
    raw_query: Annotated[Conditions, "`query` as it was sent.", Example({})]
    raw_path: Annotated[Conditions, "`path` as it was sent.", Example({})]


@component("models.TestFilterResponse")
class TestedDocument(TypedDict):
    """The result of a trial of filters on an event."""

    is_match: Annotated[bool, "Whether the subscription takes the event.", Example(True)]


@component("models.FunctionResponse", "Never part of an answer.")
class FunctionDocument(TypedDict, total=False):
    """The result of a trial of a function, where there were functions."""

    payload: Annotated[Any, "The changed payload."]
    log: Annotated[list[str], "The lines that the function has logged."]


def event_type_document(event_type: EventType) -> EventTypeDocument:
    """Return the document of an event type."""
    return {
        "uid": event_type.uid,
        "name": event_type.name,
        "category": event_type.category,
        "json_schema": _wire_json(event_type.json_schema),
        "description": event_type.description,
        "deprecated_at": wire_time(event_type.deprecated_at) if event_type.deprecated_at else None,
    }


def subscription_document(subscription: Subscription, *, is_new: bool = False) -> SubscriptionDocument:
    """Return the document of a subscription. The answer to its creation (`is_new`) shows no endpoint yet."""
    conditions = _wire_json(subscription.filter)
    document: SubscriptionDocument = {
        "uid": subscription.uid,
        "name": subscription.name,
        "type": "api",
        "project_id": subscription.project_id,
        "function": None,
        "source_metadata": None,
        "endpoint_metadata": None if is_new else endpoint_metadata(subscription.endpoint),
        "device_metadata": None,
        "filter_config": {
            "event_types": subscription.event_types,
            "filter": {
                "is_flattened": not is_new,
                "headers": conditions.get("headers", {}),
                "body": conditions.get("body", {}),
                "query": conditions.get("query", {}),
                "path": conditions.get("path", {}),
            },
        },
        "delivery_mode": subscription.delivery_mode,
        "created_at": wire_time(subscription.created_at),
        "updated_at": wire_time(subscription.updated_at),
        "deleted_at": None,
    }
    if subscription.alert_config is not None:
        document["alert_config"] = subscription.alert_config
    if subscription.retry_config is not None:
        document["retry_config"] = subscription.retry_config
    if subscription.rate_limit_config is not None:
        document["rate_limit_config"] = subscription.rate_limit_config
    return document


def filter_document(row: Filter, *, sent: Collection[str] = filters.SCOPES) -> FilterDocument:
    """Return the document of a filter. In the answer to its creation, `raw_` scopes that are not in `sent` are null."""
    raw = {scope: row.conditions.get(scope, {}) if scope in sent else None for scope in filters.SCOPES}
    flat = _wire_json({scope: filters.flatten(given or {}) for scope, given in raw.items()})
    raw = _wire_json(raw)
    return {
        "uid": row.uid,
        "subscription_id": row.subscription_id,
        "event_type": row.event_type,
        "enabled_at": wire_time(row.enabled_at) if row.enabled_at else None,
        "body": flat["body"],
        "headers": flat["headers"],
        "query": flat["query"],
        "path": flat["path"],
        "raw_body": raw["body"],
        "raw_headers": raw["headers"],
        "raw_query": raw["query"],
        "raw_path": raw["path"],
    }


def _wire_json(value: Any) -> Any:
    """Return stored JSON as an answer has it: PostgreSQL writes 1e300 as a whole number longer than 64 bits."""
    return value if not value else orjson.loads(json.dumps(value))
