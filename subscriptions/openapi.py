"""The operations on event types, subscriptions and filters in the OpenAPI document.

Contract: subscriptions-and-event-types A1 to A3, B1, B2, D1 and D2.
"""

from typing import Any

from drf_spectacular.utils import OpenApiRequest, extend_schema

from core.api.documents import Schema
from core.api.envelope import JSON
from core.api.openapi import (
    DELETED_AT,
    NOTHING,
    PAGE_PARAMETERS,
    PAGINATION_EXAMPLE,
    PROJECT_ID,
    TIME,
    TIME_OR_EMPTY_PATTERN,
    TIME_PATTERN,
    UID,
    array,
    body,
    define,
    describe,
    flag,
    integer,
    nullable,
    operation,
    page_of,
    path_parameter,
    query,
    record,
    ref,
    takes_null,
    text,
)
from core.api.values import ZERO_TIME
from endpoints.openapi import EXAMPLE as ENDPOINT_EXAMPLE
from endpoints.openapi import NESTED_ENDPOINT
from subscriptions import serializers
from subscriptions.models import Subscription
from subscriptions.operations import NO_FUNCTIONS

EVENT_TYPES = "EventTypes"
SUBSCRIPTIONS = "Subscriptions"
FILTERS = "Filters"

# Shapes of answers

ANY_OBJECT: Schema = {"type": "object", "additionalProperties": True, "nullable": True}
CONDITIONS = define("datastore.M", ANY_OBJECT)
DELIVERY_MODE = define("datastore.DeliveryMode", text(enum=[*Subscription.DeliveryMode.values, ""]))
EVENT_TYPE = define(
    "models.EventTypeResponse",
    record(
        {
            "uid": UID,
            "name": text(),
            "category": text(),
            "json_schema": ANY_OBJECT | {"description": "A JSON Schema, draft 7. It describes, and is not enforced."},
            "description": text(),
            "deprecated_at": nullable(text(), "Null: not deprecated."),
        }
    ),
)
STRATEGY = ref("datastore.StrategyProvider")
FILTER_CONFIG = define(
    "datastore.FilterConfiguration",
    record(
        {
            "event_types": array(text(), "Those that the subscription has filters for."),
            "filter": define(
                "datastore.FilterSchema",
                record(
                    {
                        "is_flattened": flag("False in the answer to a creation."),
                        "headers": CONDITIONS,
                        "body": CONDITIONS,
                        "query": CONDITIONS,
                        "path": CONDITIONS,
                    }
                ),
            ),
        }
    ),
)
SUBSCRIPTION_PROPERTIES: dict[str, Schema] = {
    "uid": UID,
    "name": text(),
    "type": define("datastore.SubscriptionType", text(enum=["api"])),
    "project_id": UID,
    "function": nullable(text(), "Empty in the answer to a creation, and null later."),
    "source_metadata": nullable(ref("datastore.Source"), "Always null: there are no sources."),
    "endpoint_metadata": nullable(
        NESTED_ENDPOINT,
        "What tells the endpoint from others; the rest has zero values. Null in the answer to a creation.",
    ),
    "device_metadata": nullable(ref("datastore.Device"), "Always null."),
    "filter_config": nullable(FILTER_CONFIG),
    "delivery_mode": DELIVERY_MODE,
    "created_at": TIME,
    "updated_at": TIME,
    "deleted_at": DELETED_AT,
}
SUBSCRIPTION = define(
    "models.SubscriptionResponse",
    record(
        SUBSCRIPTION_PROPERTIES
        | {
            "alert_config": nullable(
                define("datastore.AlertConfiguration", record({"count": integer(), "threshold": text()})),
                "Without effect; left out where it was never set.",
            ),
            "retry_config": nullable(
                define(
                    "datastore.RetryConfiguration",
                    record({"type": STRATEGY, "duration": integer("In seconds."), "retry_count": integer()}),
                ),
                "Without effect; left out where it was never set.",
            ),
            "rate_limit_config": nullable(
                ref("datastore.RateLimitConfiguration"),
                "Without effect; left out where it was never set.",
            ),
        }
    )
    | {"required": list(SUBSCRIPTION_PROPERTIES)},
)
FILTER = define(
    "models.FilterResponse",
    record(
        {
            "uid": UID,
            "subscription_id": UID,
            "event_type": text(),
            "enabled_at": nullable(text(), "Null: the filter is disabled."),
            **dict.fromkeys(("body", "headers", "query", "path"), CONDITIONS),
            **{f"raw_{name}": CONDITIONS for name in ("body", "headers", "query", "path")},
        },
        "The conditions with dotted keys, and (`raw_`) as they were sent.",
    ),
)
TESTED = define("models.TestFilterResponse", record({"is_match": flag("Whether the subscription takes the event.")}))
FUNCTION_TESTED = define(
    "models.FunctionResponse", record({"payload": {}, "log": array(text())}, "Never answered.", required=False)
)

# Request bodies

#: Normally a text or null. Generated clients know the object, and may send it.
OPTIONAL_TIME = define(
    "models.OptionalTime",
    {
        "anyOf": [{"type": "string", "pattern": TIME_PATTERN}, {"type": "object"}],
        "nullable": True,
        "properties": {
            "set": flag("False: as if it was not sent."),
            "time": nullable(text("RFC 3339. Empty or null: none.", pattern=TIME_OR_EMPTY_PATTERN)),
        },
        "description": "A time as a text of RFC 3339, or null for none. An object of `set` and `time` is taken too.",
    },
)
_scopes: dict[str, Schema] = dict.fromkeys(("headers", "body", "query", "path"), CONDITIONS)
_event_type: Schema = {"description": "The name of an event type of the project, or `*` for all."}

describe(serializers.CreateEventType, "models.CreateEventType", json_schema=ANY_OBJECT)
describe(serializers.UpdateEventType, "models.UpdateEventType", json_schema=ANY_OBJECT)
describe(
    serializers.ImportOpenAPISpec,
    "models.ImportOpenAPISpec",
    ("spec",),
    spec={"description": "The document's text, YAML or JSON."},
)
describe(serializers.Conditions, "models.FS", **_scopes)
describe(
    serializers.FilterConfiguration,
    "models.FilterConfiguration",
    event_types={"description": "Not sent or empty: all of them. Names that are no event types yet become some."},
)
describe(serializers.AlertConfiguration, "models.AlertConfiguration")
describe(serializers.RetryConfiguration, "models.RetryConfiguration", type=STRATEGY)
_subscription: dict[str, Schema] = {
    "delivery_mode": DELIVERY_MODE,
    "function": {"description": "Leave it empty: there are no functions.", "maxLength": 0},
    "app_id": {"description": "Ignored."},
}
describe(serializers.CreateSubscription, "models.CreateSubscription", **_subscription)
describe(serializers.UpdateSubscription, "models.UpdateSubscription")
describe(serializers.FilterSchema, "models.FilterSchema")
describe(serializers.TestFilter, "models.TestFilter")
describe(serializers.FunctionRequest, "models.FunctionRequest", payload=ANY_OBJECT)
describe(
    serializers.CreateFilterRequest,
    "models.CreateFilterRequest",
    **_scopes,
    event_type=_event_type,
    enabled_at=OPTIONAL_TIME,
)
describe(
    serializers.UpdateFilterRequest,
    "models.UpdateFilterRequest",
    **_scopes,
    event_type=_event_type,
    enabled_at=OPTIONAL_TIME,
)
describe(
    serializers.BulkUpdateFilterRequest,
    "models.BulkUpdateFilterRequest",
    **dict.fromkeys(("headers", "body", "query", "path"), ANY_OBJECT),
    event_type=_event_type,
    enabled_at=OPTIONAL_TIME,
)
describe(
    serializers.TestFilterRequestScopes,
    "models.TestFilterRequestScopes",
    **dict.fromkeys(("header", "headers", "query", "path"), CONDITIONS),
)
describe(serializers.TestFilterRequest, "models.TestFilterRequest")
takes_null(
    serializers.UpdateEventType,
    serializers.UpdateSubscription,
    serializers.TestFilter,
    serializers.UpdateFilterRequest,
    serializers.TestFilterRequest,
)


def array_body(serializer: Any, examples: dict[str, Any]) -> dict[str, OpenApiRequest]:
    """The request body that is an array of what `serializer` reads, with examples of one object in it."""
    items = serializer(many=True, min_length=1, max_length=serializers.MOST_FILTERS)
    return {JSON: OpenApiRequest(items, examples=body(serializer, examples)[JSON].examples)}


# Examples

EVENT_TYPE_EXAMPLE: dict[str, Any] = {
    "uid": "01JZ8QS1N3P5Q7R9S1T3V5W7X9",
    "name": "order.created",
    "category": "orders",
    "json_schema": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    "description": "An order was placed",
    "deprecated_at": None,
}
EVERY_TYPE_EXAMPLE = EVENT_TYPE_EXAMPLE | {
    "uid": "01JZ8QK3V7M2N4P6R8T0W2Y4A7",
    "name": "*",
    "category": "",
    "json_schema": None,
    "description": "",
}
CONDITIONS_EXAMPLE = {"amount": {"$gte": 100}}
CREATED_EXAMPLE: dict[str, Any] = {
    "uid": "01JZ8QR2C4F6H8K0N2Q4S6V8X0",
    "name": "orders to acme",
    "type": "api",
    "project_id": "01JZ8QK3V7M2N4P6R8T0W2Y4A6",
    "function": "",
    "source_metadata": None,
    "endpoint_metadata": None,
    "device_metadata": None,
    "filter_config": {
        "event_types": ["order.created"],
        "filter": {"is_flattened": False, "headers": {}, "body": CONDITIONS_EXAMPLE, "query": {}, "path": {}},
    },
    "delivery_mode": "at_least_once",
    "created_at": "2026-07-03T09:40:00.5Z",
    "updated_at": "2026-07-03T09:40:00.5Z",
    "deleted_at": None,
}
EXAMPLE: dict[str, Any] = CREATED_EXAMPLE | {
    "function": None,
    "endpoint_metadata": ENDPOINT_EXAMPLE
    | {
        "secrets": [],
        "advanced_signatures": False,
        "authentication": None,
        "content_type": "",
        "failure_rate": None,
        "created_at": ZERO_TIME,
        "updated_at": ZERO_TIME,
    },
    "filter_config": {
        "event_types": ["order.created"],
        "filter": CREATED_EXAMPLE["filter_config"]["filter"] | {"is_flattened": True},
    },
}
FILTER_EXAMPLE: dict[str, Any] = {
    "uid": "01JZ8QT5E7G9J1M3P5R7T9W1Y3",
    "subscription_id": "01JZ8QR2C4F6H8K0N2Q4S6V8X0",
    "event_type": "order.created",
    "enabled_at": "2026-07-03T09:41:00Z",
    "headers": {},
    "body": {"customer.tier": "gold"},
    "query": {},
    "path": {},
    "raw_headers": {},
    "raw_body": {"customer": {"tier": "gold"}},
    "raw_query": {},
    "raw_path": {},
}
CREATED_FILTER_EXAMPLE = FILTER_EXAMPLE | dict.fromkeys(
    ("headers", "query", "path", "raw_headers", "raw_query", "raw_path")
)
FILTER_BODY = {"event_type": "order.created", "body": {"customer": {"tier": "gold"}}}
SUBSCRIPTION_BODY = {
    "name": "orders to acme",
    "endpoint_id": "01JZ8QM5X9C1D3F5G7H9J1K3M5",
    "filter_config": {"event_types": ["order.created"], "filter": {"body": CONDITIONS_EXAMPLE}},
}
FILTER_TEST_BODY = {"request": {"body": {"amount": 150}}, "schema": {"body": CONDITIONS_EXAMPLE}}
FUNCTION_BODY = {"payload": {"id": 1}, "function": "function transform(payload) { return payload }"}
EVENT_TEST_BODY = {"payload": {"customer": {"tier": "gold"}}}
SPEC = """openapi: 3.1.0
info: {title: Orders, version: "1"}
webhooks:
  order.created:
    post:
      description: An order was placed
      requestBody:
        content:
          application/json:
            schema: {type: object, properties: {id: {type: string}}, required: [id]}
"""

# Event types

EVENT_TYPE_ID = path_parameter("eventTypeId", "The id of the event type.")
UNREADABLE = {
    "No body": "body must not be empty",
    "Of a wrong type": 'body contains incorrect JSON type for field "name"',
}
NO_EVENT_TYPE = {"No such event type": "event type not found"}
BAD_SCHEMA = {"Not a JSON Schema": "invalid JSON schema: type: 'text' is not valid under any of the given schemas"}

list_event_types = operation(
    "GetEventTypes",
    "Retrieves a project's event types",
    tag=EVENT_TYPES,
    description="All of the project's event types, newest first, the deprecated ones too. `*` stands for all.",
    parameters=[PROJECT_ID],
    message="Event types fetched successfully",
    data=array(EVENT_TYPE),
    examples={"Two event types": [EVENT_TYPE_EXAMPLE, EVERY_TYPE_EXAMPLE]},
)
create_event_type = operation(
    "CreateEventType",
    "Create an event type",
    tag=EVENT_TYPES,
    description="Creates an event type. Events of other types are accepted too.",
    parameters=[PROJECT_ID],
    request=body(
        serializers.CreateEventType,
        {
            "In full": {name: EVENT_TYPE_EXAMPLE[name] for name in ("name", "category", "description", "json_schema")},
            "By its name": {"name": "order.paid"},
        },
    ),
    status=201,
    message="Event type created successfully",
    data=EVENT_TYPE,
    examples={"Created": EVENT_TYPE_EXAMPLE, "By its name": EVERY_TYPE_EXAMPLE | {"name": "order.paid"}},
    refused={
        400: {
            **UNREADABLE,
            "No name": "name:please provide a name for this event type",
            "Name taken": "an event type with this name already exists",
            **BAD_SCHEMA,
        }
    },
)
update_event_type = operation(
    "UpdateEventType",
    "Updates an event type",
    tag=EVENT_TYPES,
    description="Changes what is sent and not empty. The name stays.",
    parameters=[PROJECT_ID, EVENT_TYPE_ID],
    request=body(serializers.UpdateEventType, {"Another description": {"description": "An order was placed"}}),
    status=202,
    message="Event type created successfully",
    data=EVENT_TYPE,
    examples={"Updated": EVENT_TYPE_EXAMPLE},
    refused={400: {**UNREADABLE, **NO_EVENT_TYPE, **BAD_SCHEMA}},
)
deprecate_event_type = operation(
    "DeprecateEventType",
    "Deprecates an event type",
    tag=EVENT_TYPES,
    description="Marks the event type. Its events are accepted and delivered as before.",
    parameters=[PROJECT_ID, EVENT_TYPE_ID],
    message="Event type deprecated successfully",
    data=EVENT_TYPE,
    examples={"Deprecated": EVENT_TYPE_EXAMPLE | {"deprecated_at": "2026-07-04T08:00:00.5Z"}},
    refused={400: NO_EVENT_TYPE},
)
import_event_types = operation(
    "ImportOpenApiSpec",
    "Import event types from OpenAPI spec",
    tag=EVENT_TYPES,
    description="Creates or updates the event types that an OpenAPI document describes, all or none.",
    parameters=[PROJECT_ID],
    request=body(serializers.ImportOpenAPISpec, {"A webhook": {"spec": SPEC}}),
    message="Event types imported successfully",
    data=array(EVENT_TYPE),
    examples={"One event type": [EVENT_TYPE_EXAMPLE | {"category": ""}]},
    refused={
        400: {
            "Without webhooks": "no webhooks found in OpenAPI spec",
            "Not an OpenAPI document": "error loading OpenAPI spec: the document is not an object",
        }
    },
)

# Subscriptions

SUBSCRIPTION_ID = path_parameter("subscriptionID", "The id of the subscription.")
ONE = [PROJECT_ID, SUBSCRIPTION_ID]
_page = {parameter.name: parameter for parameter in PAGE_PARAMETERS}
LIST_PARAMETERS = [
    _page["direction"],
    query("endpointId", array({"type": "string"}), "Only those on one of these endpoints."),
    query("name", {"type": "string"}, "Only those with this text in their name, in upper or lower case."),
    *(_page[name] for name in ("next_page_cursor", "perPage", "prev_page_cursor", "sort")),
]
REFUSED_SUBSCRIPTION = {
    "A second one": "a subscription for this endpoint already exists",
    "A function": NO_FUNCTIONS,
    "Neither of the modes": "invalid delivery mode value, must be either 'at_least_once' or 'at_most_once'",
}
NO_SUBSCRIPTION = {404: {"Project": "project not found", "Subscription": "failed to find subscription"}}

list_subscriptions = operation(
    "GetSubscriptions",
    "List all subscriptions",
    tag=SUBSCRIPTIONS,
    description="A page of the project's subscriptions, newest first.",
    parameters=[PROJECT_ID, *LIST_PARAMETERS],
    message="Subscriptions fetched successfully",
    data=page_of(SUBSCRIPTION),
    examples={"One subscription": {"content": [EXAMPLE], "pagination": PAGINATION_EXAMPLE}},
)
create_subscription = operation(
    "CreateSubscription",
    "Create a subscription",
    tag=SUBSCRIPTIONS,
    description="Creates a subscription with one filter for each of its event types. An endpoint has one "
    "subscription, unless the project's `multiple_endpoint_subscriptions` is set.",
    parameters=[PROJECT_ID],
    request=body(serializers.CreateSubscription, {"Large orders": SUBSCRIPTION_BODY}),
    status=201,
    message="Subscription created successfully",
    data=SUBSCRIPTION,
    examples={"Created": CREATED_EXAMPLE},
    refused={
        400: {
            **UNREADABLE,
            "No name": "name:please provide a valid subscription name",
            "No such endpoint": "failed to find endpoint by id",
            **REFUSED_SUBSCRIPTION,
            "A bad filter": "failed to create subscription: unknown operator $near",
        }
    },
)
get_subscription = operation(
    "GetSubscription",
    "Retrieve a subscription",
    tag=SUBSCRIPTIONS,
    description="The subscription with its endpoint.",
    parameters=ONE,
    message="Subscription fetched successfully",
    data=SUBSCRIPTION,
    examples={"Subscription": EXAMPLE},
    refused=NO_SUBSCRIPTION,
)
update_subscription = operation(
    "UpdateSubscription",
    "Update a subscription",
    tag=SUBSCRIPTIONS,
    description="Changes what is sent and not empty. With a `filter_config`, its conditions replace those of the "
    "subscription and, where they are others than before, of all its filters.",
    parameters=ONE,
    request=body(serializers.UpdateSubscription, {"Another name": {"name": "orders to acme"}}),
    status=202,
    message="Subscription updated successfully",
    data=SUBSCRIPTION,
    examples={"Renamed": EXAMPLE},
    refused={
        400: {
            **UNREADABLE,
            "No such subscription": "failed to find subscription",
            "No such endpoint": "failed to find endpoint by id: the endpoint may not belong to project",
            **REFUSED_SUBSCRIPTION,
            "A bad filter": "failed to update subscription: unknown operator $near",
        }
    },
)
delete_subscription = operation(
    "DeleteSubscription",
    "Delete subscription",
    tag=SUBSCRIPTIONS,
    description="Deletes the subscription. Its endpoint may have another one at once.",
    parameters=ONE,
    message="Subscription deleted successfully",
    data=nullable(NOTHING),
    examples={"Deleted": None},
    refused=NO_SUBSCRIPTION,
)
toggle_subscription_status = operation(
    "ToggleSubscriptionStatus",
    "Toggle subscription status",
    tag=SUBSCRIPTIONS,
    description="Does nothing: it is there for old clients. A body is ignored.",
    parameters=ONE,
    status=202,
    message="Subscription status updated successfully",
    data=nullable(NOTHING),
    examples={"Done": {}},
    refused=NO_SUBSCRIPTION,
)
test_subscription_filter = operation(
    "TestSubscriptionFilter",
    "Validate subscription filter",
    tag=SUBSCRIPTIONS,
    description="Whether a request meets conditions. Nothing is stored.",
    parameters=[PROJECT_ID],
    request=body(serializers.TestFilter, {"A large order": FILTER_TEST_BODY}),
    message="Filter validated successfully",
    data=flag(),
    examples={"A match": True},
    refused={
        400: {"A bad filter": "failed to validate subscription filter: the value of $or and $and must be an array"}
    },
)
test_subscription_function = operation(
    "TestSubscriptionFunction",
    "Test a subscription function",
    tag=SUBSCRIPTIONS,
    description="Always refused: there are no functions.",
    parameters=[PROJECT_ID],
    request=body(serializers.FunctionRequest, {"A function": FUNCTION_BODY}),
    message="Transformer function run successfully",
    data=FUNCTION_TESTED,
    examples={"Never answered": {"payload": {"id": 1}, "log": []}},
    refused={400: {"Always": NO_FUNCTIONS}},
)

# Filters

FILTER_ID = path_parameter("filterID", "The id of the filter.")
ONE_FILTER = [*ONE, FILTER_ID]
_missing = {"Project": "project not found", "Subscription": "subscription not found"}
NO_SUCH_SUBSCRIPTION = {404: _missing}
NO_FILTER = {404: {**_missing, "Filter": "filter not found"}}
REFUSED_FILTER = {**UNREADABLE, "A second one": "filter with this event type already exists"}

list_filters = operation(
    "GetFilters",
    "List all filters",
    tag=FILTERS,
    description="All filters of the subscription, newest first.",
    parameters=ONE,
    message="Filters retrieved successfully",
    data=array(FILTER),
    examples={"One filter": [FILTER_EXAMPLE]},
    refused=NO_SUCH_SUBSCRIPTION,
)
create_filter = operation(
    "CreateFilter",
    "Create a new filter",
    tag=FILTERS,
    description="Gives the subscription a filter for one more event type, which must exist. Without `enabled_at` it is "
    "enabled now, with null it is disabled.",
    parameters=ONE,
    request=body(serializers.CreateFilterRequest, {"Gold customers": FILTER_BODY}),
    status=201,
    message="Filter created successfully",
    data=FILTER,
    examples={"Created": CREATED_FILTER_EXAMPLE},
    refused={
        400: {**REFUSED_FILTER, "A bad filter": "failed to create filter: unknown operator $near"},
        404: {**_missing, "Event type": "event type does not exist"},
    },
)
bulk_create_filters = operation(
    "BulkCreateFilters",
    "Create multiple subscription filters",
    tag=FILTERS,
    description="The same for several filters, all or none.",
    parameters=ONE,
    request=array_body(serializers.CreateFilterRequest, {"One filter": FILTER_BODY}),
    status=201,
    message="Filters created successfully",
    data=array(FILTER),
    examples={"Created": [CREATED_FILTER_EXAMPLE]},
    refused={
        400: {
            "No body": "body must not be empty",
            "Twice": "duplicate event type order.created in request",
            "There already": "filter for event type order.created already exists",
            "A bad filter": "failed to create filters: unknown operator $near",
        },
        404: {**_missing, "Event type": "event type order.created does not exist"},
    },
)
bulk_update_filters = operation(
    "BulkUpdateFilters",
    "Update multiple subscription filters",
    tag=FILTERS,
    description="Changes what is sent of several filters, all or none. POST does the same.",
    parameters=ONE,
    request=array_body(
        serializers.BulkUpdateFilterRequest, {"Disable one": {"uid": FILTER_EXAMPLE["uid"], "enabled_at": None}}
    ),
    message="Filters updated successfully",
    data=array(FILTER),
    examples={"Disabled": [FILTER_EXAMPLE | {"enabled_at": None}]},
    refused={
        400: {
            "No body": "body must not be empty",
            "Twice": "duplicate event type order.created in request",
            "There already": "filter for event type order.created already exists",
            "A bad filter": "failed to update filters: unknown operator $near",
        },
        404: {
            **_missing,
            "Filter": f"filter {FILTER_EXAMPLE['uid']} not found",
            "Event type": "event type order.created does not exist",
        },
    },
)
#: What is published under another method.
undocumented = extend_schema(exclude=True)
get_filter = operation(
    "GetFilter",
    "Get a filter",
    tag=FILTERS,
    description="The filter.",
    parameters=ONE_FILTER,
    message="Filter retrieved successfully",
    data=FILTER,
    examples={"Filter": FILTER_EXAMPLE},
    refused=NO_FILTER,
)
update_filter = operation(
    "UpdateFilter",
    "Update a filter",
    tag=FILTERS,
    description="Changes what is sent: an empty object clears the conditions of a scope, and an `enabled_at` of null "
    "disables the filter.",
    parameters=ONE_FILTER,
    request=body(serializers.UpdateFilterRequest, {"Gold customers": {"body": {"customer": {"tier": "gold"}}}}),
    message="Filter updated successfully",
    data=FILTER,
    examples={"Updated": FILTER_EXAMPLE},
    refused={
        400: {**REFUSED_FILTER, "A bad filter": "failed to update filter: unknown operator $near"},
        404: {**_missing, "Filter": "filter not found", "Event type": "event type does not exist"},
    },
)
delete_filter = operation(
    "DeleteFilter",
    "Delete a filter",
    tag=FILTERS,
    description="Deletes the filter, and its event type from the subscription.",
    parameters=ONE_FILTER,
    message="Filter deleted successfully",
    data=nullable(NOTHING),
    examples={"Deleted": None},
    refused=NO_FILTER,
)
test_filter = operation(
    "TestFilter",
    "Test a filter",
    tag=FILTERS,
    description="Whether the subscription would take an event of this type. Nothing is sent.",
    parameters=[*ONE, path_parameter("eventType", "The type of the event.")],
    request=body(serializers.TestFilterRequest, {"A payload": EVENT_TEST_BODY}),
    message="Filter test completed",
    data=TESTED,
    examples={"A match": {"is_match": True}},
    refused={400: {"No body": "body must not be empty"}, 404: _missing},
)
