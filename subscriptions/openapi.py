"""The operations on event types, subscriptions and filters in the OpenAPI document.

Contract: docs/contract/subscriptions.md, docs/contract/event-types.md.
"""

from types import NoneType
from typing import Any

from drf_spectacular.utils import extend_schema

from core.api.bodies import NoBody, WrongType
from core.api.documents import PageOf, example, nullable, ref, schema_of
from core.api.openapi import (
    NOTHING,
    PAGE_PARAMETERS,
    PROJECT_ID,
    REST_CURSOR,
    Operation,
    array,
    body,
    describe,
    page_example,
    path_parameter,
    query,
    takes_null,
)
from endpoints.documents import NestedEndpointDocument
from projects.exceptions import ProjectNotFound
from projects.models import OWNER_FILTER_BYTES, OWNER_SUBSCRIPTIONS
from subscriptions import exceptions as refusals
from subscriptions import serializers
from subscriptions.documents import (
    ConditionsDocument,
    DeliveryMode,
    EventTypeDocument,
    FilterConfigDocument,
    FilterDocument,
    FunctionDocument,
    SubscriptionDocument,
    TestedDocument,
)
from subscriptions.openapi_import import EXAMPLE_SPEC

EVENT_TYPES = "EventTypes"
SUBSCRIPTIONS = "Subscriptions"
FILTERS = "Filters"

# Request bodies

describe(serializers.ImportOpenAPISpec, "models.ImportOpenAPISpec", ("spec",))
describe(serializers.Conditions, "models.FS")
describe(serializers.RetryConfiguration, "models.RetryConfiguration", type=ref("datastore.StrategyProvider"))
_fields = {"delivery_mode": schema_of(DeliveryMode), "function": {"maxLength": 0}}
describe(serializers.CreateSubscription, "models.CreateSubscription", **_fields)
describe(serializers.FunctionRequest, "models.FunctionRequest", payload=serializers.ANY_OBJECT)
takes_null(
    *(serializers.UpdateEventType, serializers.UpdateSubscription, serializers.UpdateFilterRequest),
    *(serializers.TestFilter, serializers.TestFilterRequest),
)
#: The body is an array of objects.
LIST: dict[str, Any] = {"many": True, "min_length": 1, "max_length": serializers.MOST_FILTERS}
#: Hides a handler that is published under another method, or nowhere.
undocumented = extend_schema(exclude=True)

# Examples

EVENT_TYPE = example(EventTypeDocument)
EVENT_TYPE_BODY = {name: EVENT_TYPE[name] for name in ("name", "category", "description", "json_schema")}
UNDESCRIBED = example(EventTypeDocument, {"category": "", "description": "", "json_schema": None}, name="order.paid")
EVERY_TYPE = example(EventTypeDocument, UNDESCRIBED, uid="01JZ8QK3V7M2N4P6R8T0W2Y4A7", name="*")
SUBSCRIPTION = example(SubscriptionDocument)
_choice = example(FilterConfigDocument, filter=example(ConditionsDocument, is_flattened=False))
CREATED = example(SubscriptionDocument, endpoint_metadata=None, filter_config=_choice)
LARGE = {"body": example(ConditionsDocument)["body"]}
SUBSCRIPTION_BODY = {
    "name": SUBSCRIPTION["name"],
    "endpoint_id": example(NestedEndpointDocument)["uid"],
    "filter_config": {"event_types": [EVENT_TYPE["name"]], "filter": LARGE},
}
FUNCTION = {"payload": {"id": 1}, "function": "function transform(payload) { return payload }"}
FILTER = example(FilterDocument)
UNSENT = ("headers", "query", "path")
CREATED_FILTER = example(FilterDocument, {f"raw_{scope}": None for scope in UNSENT})
DISABLING = {"uid": FILTER["uid"], "enabled_at": None}
DISABLED_FILTER = example(FilterDocument, DISABLING)
FILTER_BODY = {"event_type": FILTER["event_type"], "body": FILTER["raw_body"]}

# Event types

EVENT_TYPE_ID = path_parameter("eventTypeId", "The id of the event type.")
UNREADABLE = (NoBody, WrongType(name="name"))
BAD_SCHEMA = refusals.JsonSchemaRefused(reason="type: 'text' is not valid under any of the given schemas")

list_event_types = Operation(
    "GetEventTypes",
    "Retrieves a project's event types",
    tag=EVENT_TYPES,
    description="All of the project's event types, newest first, the deprecated ones too. `*` stands for all.",
    parameters=[PROJECT_ID, REST_CURSOR],
    message="Event types fetched successfully",
    data=list[EventTypeDocument],
    examples={"Two event types": [EVENT_TYPE, EVERY_TYPE]},
)
create_event_type = Operation(
    "CreateEventType",
    "Create an event type",
    tag=EVENT_TYPES,
    description="Creates an event type. Events of other types are accepted too.",
    parameters=[PROJECT_ID],
    request=body(serializers.CreateEventType, {"In full": EVENT_TYPE_BODY, "By its name": {"name": "order.paid"}}),
    status=201,
    message="Event type created successfully",
    data=EventTypeDocument,
    examples={"Created": EVENT_TYPE, "By its name": UNDESCRIBED},
    refused=[*UNREADABLE, refusals.EventTypeNameBlank, refusals.EventTypeNameTaken, BAD_SCHEMA],
)
update_event_type = Operation(
    "UpdateEventType",
    "Updates an event type",
    tag=EVENT_TYPES,
    description="Updates the fields that are sent and not empty. The name stays.",
    parameters=[PROJECT_ID, EVENT_TYPE_ID],
    request=body(serializers.UpdateEventType, {"Another description": {"description": "An order was placed"}}),
    status=202,
    # In the original's words.
    message="Event type created successfully",
    data=EventTypeDocument,
    examples={"Updated": EVENT_TYPE},
    refused=[*UNREADABLE, refusals.EventTypeNotFound, BAD_SCHEMA],
)
deprecate_event_type = Operation(
    "DeprecateEventType",
    "Deprecates an event type",
    tag=EVENT_TYPES,
    description="Deprecates the event type. Its events are accepted and delivered as before. A body is ignored.",
    parameters=[PROJECT_ID, EVENT_TYPE_ID],
    message="Event type deprecated successfully",
    data=EventTypeDocument,
    examples={"Deprecated": example(EventTypeDocument, deprecated_at="2026-07-04T08:00:00.5Z")},
    refused=[refusals.EventTypeNotFound],
)
import_event_types = Operation(
    "ImportOpenApiSpec",
    "Import event types from OpenAPI spec",
    tag=EVENT_TYPES,
    description="Creates or updates the event types that an OpenAPI document describes, all or none.",
    parameters=[PROJECT_ID],
    request=body(serializers.ImportOpenAPISpec, {"A webhook": {"spec": EXAMPLE_SPEC}}),
    message="Event types imported successfully",
    data=list[EventTypeDocument],
    examples={"One event type": [example(EventTypeDocument, category="")]},
    refused=[refusals.NoWebhooks, refusals.SpecRefused(reason="it is not an object")],
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
UNKNOWN = (ProjectNotFound, refusals.SubscriptionNotFound)


def bad_conditions(doing: str, found: refusals.FilterRefused | None = None) -> refusals.ConditionsRefused:
    """Return an example of the refusal of conditions: `found`, or an unknown operator."""
    found = found or refusals.UnknownOperator(name="$near")
    return refusals.ConditionsRefused(doing=doing, reason=found.message)


TOO_MANY = refusals.TooManySubscriptions(most=OWNER_SUBSCRIPTIONS)
TOO_MANY_BYTES = refusals.TooManyFilterBytes(most=OWNER_FILTER_BYTES)
REFUSED_SUBSCRIPTION = (
    *(*UNREADABLE, refusals.EndpointTaken, refusals.FunctionRefused, refusals.DeliveryModeUnknown),
    *(TOO_MANY_BYTES, TOO_MANY),
)
REFUSED_CREATION = (*(*REFUSED_SUBSCRIPTION, refusals.SubscriptionNameBlank, bad_conditions("create subscription")),)
REFUSED_UPDATE = (*REFUSED_SUBSCRIPTION, bad_conditions("update subscription"))

list_subscriptions = Operation(
    "GetSubscriptions",
    "List all subscriptions",
    tag=SUBSCRIPTIONS,
    description="A page of the project's subscriptions, newest first.",
    parameters=[PROJECT_ID, *LIST_PARAMETERS],
    message="Subscriptions fetched successfully",
    data=PageOf[SubscriptionDocument],
    examples={"One subscription": page_example(SUBSCRIPTION)},
)
create_subscription = Operation(
    "CreateSubscription",
    "Create a subscription",
    tag=SUBSCRIPTIONS,
    description="Creates a subscription with one filter for each of its event types. An endpoint has one "
    "subscription, unless the project's `multiple_endpoint_subscriptions` is set.",
    parameters=[PROJECT_ID],
    request=body(serializers.CreateSubscription, {"Large orders": SUBSCRIPTION_BODY}),
    status=201,
    message="Subscription created successfully",
    data=SubscriptionDocument,
    examples={"Created": CREATED},
    refused=[*REFUSED_CREATION, refusals.SubscribedEndpointNotFound],
)
get_subscription = Operation(
    "GetSubscription",
    "Retrieve a subscription",
    tag=SUBSCRIPTIONS,
    description="The subscription with its endpoint.",
    parameters=ONE,
    message="Subscription fetched successfully",
    data=SubscriptionDocument,
    examples={"Subscription": SUBSCRIPTION},
    refused=UNKNOWN,
)
update_subscription = Operation(
    "UpdateSubscription",
    "Update a subscription",
    tag=SUBSCRIPTIONS,
    description="Updates the fields that are sent and not empty. With a `filter_config`, its conditions replace "
    "those of the subscription and, where they differ, of all its filters.",
    parameters=ONE,
    request=body(serializers.UpdateSubscription, {"Another name": {"name": SUBSCRIPTION["name"]}}),
    status=202,
    message="Subscription updated successfully",
    data=SubscriptionDocument,
    examples={"Renamed": SUBSCRIPTION},
    refused=[*REFUSED_UPDATE, refusals.NewEndpointNotFound],
    not_found=refusals.SubscriptionToChangeNotFound,
)
delete_subscription = Operation(
    "DeleteSubscription",
    "Delete subscription",
    tag=SUBSCRIPTIONS,
    description="Deletes the subscription. Its endpoint may have another one at once.",
    parameters=ONE,
    message="Subscription deleted successfully",
    data=NoneType,
    examples={"Deleted": None},
    refused=UNKNOWN,
)
toggle_subscription_status = Operation(
    "ToggleSubscriptionStatus",
    "Toggle subscription status",
    tag=SUBSCRIPTIONS,
    description="Does nothing: it is there for old clients. A body is ignored.",
    parameters=ONE,
    status=202,
    message="Subscription status updated successfully",
    data=dict[str, Any],
    schema=nullable(NOTHING),
    examples={"Done": {}},
    refused=UNKNOWN,
)
test_subscription_filter = Operation(
    "TestSubscriptionFilter",
    "Validate subscription filter",
    tag=SUBSCRIPTIONS,
    description="Whether a request meets conditions. Nothing is stored.",
    parameters=[PROJECT_ID],
    request=body(serializers.TestFilter, {"A large order": {"request": {"body": {"amount": 150}}, "schema": LARGE}}),
    message="Filter validated successfully",
    data=bool,
    schema={"description": "Whether it does."},
    examples={"A match": True},
    refused=[bad_conditions("validate subscription filter", refusals.LogicWithoutList())],
)
test_subscription_function = Operation(
    "TestSubscriptionFunction",
    "Test a subscription function",
    tag=SUBSCRIPTIONS,
    description="Always refused: there are no functions.",
    parameters=[PROJECT_ID],
    request=body(serializers.FunctionRequest, {"A function": FUNCTION}),
    message="Transformer function run successfully",
    data=FunctionDocument,
    examples={"Never answered": {"payload": {"id": 1}, "log": []}},
    refused=[refusals.FunctionRefused],
)

# Filters

FILTER_ID = path_parameter("filterID", "The id of the filter.")
ONE_FILTER = [*ONE, FILTER_ID]
UNKNOWN_SUBSCRIPTION = (ProjectNotFound, refusals.FilteredSubscriptionNotFound)
UNKNOWN_FILTER = (*UNKNOWN_SUBSCRIPTION, refusals.FilterNotFound)
REFUSED_FILTER = (*UNREADABLE, refusals.FilterExists, refusals.FilteredTypeUnknown, TOO_MANY_BYTES)
_listed = (refusals.TypeListedTwice, refusals.ListedFilterExists, refusals.ListedTypeUnknown)
REFUSED_LIST = (
    NoBody,
    *(refused(name=EVENT_TYPE["name"]) for refused in _listed),
    *UNKNOWN_SUBSCRIPTION,
    TOO_MANY_BYTES,
)

list_filters = Operation(
    "GetFilters",
    "List all filters",
    tag=FILTERS,
    description="All filters of the subscription, newest first.",
    parameters=[*ONE, REST_CURSOR],
    message="Filters retrieved successfully",
    data=list[FilterDocument],
    examples={"One filter": [FILTER]},
    refused=UNKNOWN_SUBSCRIPTION,
)
create_filter = Operation(
    "CreateFilter",
    "Create a new filter",
    tag=FILTERS,
    description="Adds a filter for an event type of the project. An `enabled_at` of null makes it a disabled one.",
    parameters=ONE,
    request=body(serializers.CreateFilterRequest, {"Gold customers": FILTER_BODY}),
    status=201,
    message="Filter created successfully",
    data=FilterDocument,
    examples={"Created": CREATED_FILTER},
    refused=[*REFUSED_FILTER, bad_conditions("create filter"), *UNKNOWN_SUBSCRIPTION],
)
bulk_create_filters = Operation(
    "BulkCreateFilters",
    "Create multiple subscription filters",
    tag=FILTERS,
    description="Adds several filters, all or none, as one is added.",
    parameters=ONE,
    request=body(serializers.CreateFilterRequest(**LIST), {"One filter": FILTER_BODY}),
    status=201,
    message="Filters created successfully",
    data=list[FilterDocument],
    examples={"Created": [CREATED_FILTER]},
    refused=[*REFUSED_LIST, bad_conditions("create filters"), refusals.FiltersTooLarge],
)
bulk_update_filters = Operation(
    "BulkUpdateFilters",
    "Update multiple subscription filters",
    tag=FILTERS,
    description="Updates the fields that are sent of several filters, all or none. POST does the same.",
    parameters=ONE,
    request=body(serializers.BulkUpdateFilterRequest(**LIST), {"Disable one": DISABLING}),
    message="Filters updated successfully",
    data=list[FilterDocument],
    examples={"Disabled": [DISABLED_FILTER]},
    refused=[
        *REFUSED_LIST,
        bad_conditions("update filters"),
        refusals.FiltersTooLarge,
        refusals.ListedFilterNotFound(uid=FILTER["uid"]),
    ],
)
get_filter = Operation(
    "GetFilter",
    "Get a filter",
    tag=FILTERS,
    description="The filter.",
    parameters=ONE_FILTER,
    message="Filter retrieved successfully",
    data=FilterDocument,
    examples={"Filter": FILTER},
    refused=UNKNOWN_FILTER,
)
update_filter = Operation(
    "UpdateFilter",
    "Update a filter",
    tag=FILTERS,
    description="Updates the fields that are sent. An empty object clears a scope; an `enabled_at` of null "
    "disables the filter.",
    parameters=ONE_FILTER,
    request=body(serializers.UpdateFilterRequest, {"Gold customers": {"body": FILTER["raw_body"]}}),
    message="Filter updated successfully",
    data=FilterDocument,
    examples={"Updated": FILTER},
    refused=[*REFUSED_FILTER, bad_conditions("update filter"), *UNKNOWN_FILTER],
)
delete_filter = Operation(
    "DeleteFilter",
    "Delete a filter",
    tag=FILTERS,
    description="Deletes the filter, and its event type from the subscription.",
    parameters=ONE_FILTER,
    message="Filter deleted successfully",
    data=NoneType,
    examples={"Deleted": None},
    refused=UNKNOWN_FILTER,
)
test_filter = Operation(
    "TestFilter",
    "Test a filter",
    tag=FILTERS,
    description="Whether the subscription would take an event of this type. Nothing is sent.",
    parameters=[*ONE, path_parameter("eventType", "The type of the event.")],
    request=body(serializers.TestFilterRequest, {"A payload": {"payload": FILTER["raw_body"]}}),
    message="Filter test completed",
    data=TestedDocument,
    examples={"A match": example(TestedDocument)},
    refused=[NoBody, *UNKNOWN_SUBSCRIPTION],
)
