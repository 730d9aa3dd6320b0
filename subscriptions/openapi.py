"""Declare the operations on event types, subscriptions and filters.

Contract: docs/contract/subscriptions.md, docs/contract/event-types.md.
"""

from types import NoneType
from typing import Any

from drf_spectacular.utils import extend_schema

from core.api.bodies import NoBody, WrongType
from core.api.documents import PageOf, example, nullable
from core.api.openapi import CURSORS, NOTHING, PAGE, REST_CURSOR, TEXTS, Outcome, Tag, body, name_in_path, query
from endpoints.documents import NestedEndpointDocument
from jobs.documents import JobDocument
from jobs.exceptions import JobUnderWay
from jobs.openapi import dry_run
from projects.models import OWNER_FILTER_BYTES, OWNER_SUBSCRIPTIONS
from subscriptions import exceptions as refusals
from subscriptions import serializers
from subscriptions.documents import (
    ConditionsDocument,
    EventTypeDocument,
    FilterConfigDocument,
    FilterDocument,
    FunctionDocument,
    SubscriptionDocument,
    TestedDocument,
)
from subscriptions.exceptions import Doing
from subscriptions.import_jobs import IMPORT_JOB
from subscriptions.openapi_import import EXAMPLE_SPEC, NOT_AN_OBJECT

EVENT_TYPES = Tag("EventTypes")
SUBSCRIPTIONS = Tag("Subscriptions")
FILTERS = Tag("Filters")

# Request bodies

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

name_in_path(eventTypeId="The id of the event type.")
UNREADABLE = (NoBody, WrongType(name="name"))
BAD_SCHEMA = refusals.JsonSchemaRefused(reason="type: 'text' is not valid under any of the given schemas")

list_event_types = EVENT_TYPES.operation(
    "GetEventTypes",
    "Retrieves a project's event types",
    description="All of the project's event types, newest first, the deprecated ones too. `*` stands for all.",
    parameters=[REST_CURSOR],
    success=Outcome(
        "Event types fetched successfully", list[EventTypeDocument], {"Two event types": [EVENT_TYPE, EVERY_TYPE]}
    ),
)
create_event_type = EVENT_TYPES.operation(
    "CreateEventType",
    "Create an event type",
    description="Creates an event type. Events of other types are accepted too.",
    request=body(serializers.CreateEventType, {"In full": EVENT_TYPE_BODY, "By its name": {"name": "order.paid"}}),
    success=Outcome(
        "Event type created successfully",
        EventTypeDocument,
        {"Created": EVENT_TYPE, "By its name": UNDESCRIBED},
        status=201,
    ),
    refused=[*UNREADABLE, refusals.EventTypeNameBlank, refusals.EventTypeNameTaken, BAD_SCHEMA],
)
update_event_type = EVENT_TYPES.operation(
    "UpdateEventType",
    "Updates an event type",
    description="Updates the fields that are sent and not empty. The name stays.",
    request=body(serializers.UpdateEventType, {"Another description": {"description": "An order was placed"}}),
    # In the original's words.
    success=Outcome("Event type created successfully", EventTypeDocument, "Updated", status=202),
    refused=[*UNREADABLE, refusals.EventTypeNotFound, BAD_SCHEMA],
)
deprecate_event_type = EVENT_TYPES.operation(
    "DeprecateEventType",
    "Deprecates an event type",
    description="Deprecates the event type. Its events are accepted and delivered as before. A body is ignored.",
    success=Outcome(
        "Event type deprecated successfully",
        EventTypeDocument,
        {"Deprecated": example(EventTypeDocument, deprecated_at="2026-07-04T08:00:00.5Z")},
    ),
    refused=[refusals.EventTypeNotFound],
)
import_event_types = EVENT_TYPES.operation(
    "ImportOpenApiSpec",
    "Import event types from OpenAPI spec",
    description="Creates or updates the event types that an OpenAPI document describes, all or none.",
    request=body(serializers.ImportOpenAPISpec, {"A webhook": {"spec": EXAMPLE_SPEC}}),
    success=Outcome(
        "Event types imported successfully",
        list[EventTypeDocument],
        {"One event type": [example(EventTypeDocument, category="")]},
    ),
    refused=[refusals.NoWebhooks, refusals.SpecRefused(reason=NOT_AN_OBJECT)],
)
create_import_job = EVENT_TYPES.operation(
    "CreateImportJob",
    "Import any number of event types",
    description="Creates or updates the event types that an OpenAPI document describes, in the background. "
    "Not part of Convoy's API.",
    parameters=[dry_run("count, and import none")],
    request=body(serializers.ImportOpenAPISpec, {"A webhook": {"spec": EXAMPLE_SPEC}}),
    success=Outcome(
        "Import job accepted",
        JobDocument,
        {"Accepted": example(JobDocument, kind=IMPORT_JOB, status="pending", total=None, done=0)},
        status=202,
    ),
    refused=[refusals.NoWebhooks, JobUnderWay],
)

# Subscriptions

name_in_path(subscriptionID="The id of the subscription.")
LIST_PARAMETERS = [
    PAGE["direction"],
    query("endpointId", "Only those on one of these endpoints.", TEXTS),
    query("name", "Only those with this text in their name, in upper or lower case."),
    *CURSORS,
    PAGE["sort"],
]


def bad_conditions(doing: Doing, found: refusals.FilterRefused | None = None) -> refusals.ConditionsRefused:
    """Return an example of the refusal of conditions: `found`, or an unknown operator."""
    found = found or refusals.UnknownOperator(name="$near")
    return refusals.ConditionsRefused(doing=doing, reason=found.message)


TOO_MANY = refusals.TooManySubscriptions(most=OWNER_SUBSCRIPTIONS)
TOO_MANY_BYTES = refusals.TooManyFilterBytes(most=OWNER_FILTER_BYTES)
REFUSED_SUBSCRIPTION = (
    *(*UNREADABLE, refusals.EndpointTaken, refusals.FunctionRefused, refusals.DeliveryModeUnknown),
    *(TOO_MANY_BYTES, TOO_MANY),
)
REFUSED_CREATION = (*REFUSED_SUBSCRIPTION, refusals.SubscriptionNameBlank, bad_conditions(Doing.CREATE_SUBSCRIPTION))
REFUSED_UPDATE = (*REFUSED_SUBSCRIPTION, bad_conditions(Doing.UPDATE_SUBSCRIPTION))

list_subscriptions = SUBSCRIPTIONS.operation(
    "GetSubscriptions",
    "List all subscriptions",
    description="A page of the project's subscriptions, newest first.",
    parameters=LIST_PARAMETERS,
    success=Outcome("Subscriptions fetched successfully", PageOf[SubscriptionDocument], "One subscription"),
)
create_subscription = SUBSCRIPTIONS.operation(
    "CreateSubscription",
    "Create a subscription",
    description="Creates a subscription with one filter for each of its event types. An endpoint has one "
    "subscription, unless the project's `multiple_endpoint_subscriptions` is set.",
    request=body(serializers.CreateSubscription, {"Large orders": SUBSCRIPTION_BODY}),
    success=Outcome("Subscription created successfully", SubscriptionDocument, {"Created": CREATED}, status=201),
    refused=[*REFUSED_CREATION, refusals.SubscribedEndpointNotFound],
)
get_subscription = SUBSCRIPTIONS.operation(
    "GetSubscription",
    "Retrieve a subscription",
    description="The subscription with its endpoint.",
    success=Outcome("Subscription fetched successfully", SubscriptionDocument, "Subscription"),
    refused=[refusals.SubscriptionNotFound],
)
update_subscription = SUBSCRIPTIONS.operation(
    "UpdateSubscription",
    "Update a subscription",
    description="Updates the fields that are sent and not empty. With a `filter_config`, its conditions replace "
    "those of the subscription and, where they differ, of all its filters.",
    request=body(serializers.UpdateSubscription, {"Another name": {"name": SUBSCRIPTION["name"]}}),
    success=Outcome("Subscription updated successfully", SubscriptionDocument, "Renamed", status=202),
    refused=[*REFUSED_UPDATE, refusals.NewEndpointNotFound],
    not_found=refusals.SubscriptionToChangeNotFound,
)
delete_subscription = SUBSCRIPTIONS.operation(
    "DeleteSubscription",
    "Delete subscription",
    description="Deletes the subscription. Its endpoint may have another one at once.",
    success=Outcome("Subscription deleted successfully", NoneType, "Deleted"),
    refused=[refusals.SubscriptionNotFound],
)
toggle_subscription_status = SUBSCRIPTIONS.operation(
    "ToggleSubscriptionStatus",
    "Toggle subscription status",
    description="Does nothing. It exists for old clients. A body is ignored.",
    success=Outcome(
        "Subscription status updated successfully", dict[str, Any], {"Done": {}}, status=202, schema=nullable(NOTHING)
    ),
    refused=[refusals.SubscriptionNotFound],
)
test_subscription_filter = SUBSCRIPTIONS.operation(
    "TestSubscriptionFilter",
    "Validate subscription filter",
    description="Whether a request meets conditions. Nothing is stored.",
    request=body(serializers.TestFilter, {"A large order": {"request": {"body": {"amount": 150}}, "schema": LARGE}}),
    success=Outcome(
        "Filter validated successfully", bool, {"A match": True}, schema={"description": "Whether it does."}
    ),
    refused=[bad_conditions(Doing.TRY_CONDITIONS, refusals.LogicWithoutList())],
)
test_subscription_function = SUBSCRIPTIONS.operation(
    "TestSubscriptionFunction",
    "Test a subscription function",
    description="Always refused: there are no functions.",
    request=body(serializers.FunctionRequest, {"A function": FUNCTION}),
    success=Outcome(
        "Transformer function run successfully", FunctionDocument, {"Never answered": {"payload": {"id": 1}, "log": []}}
    ),
    refused=[refusals.FunctionRefused],
)

# Filters

name_in_path(filterID="The id of the filter.", eventType="The type of the event.")
UNKNOWN_FILTER = (refusals.FilteredSubscriptionNotFound, refusals.FilterNotFound)
REFUSED_FILTER = (*UNREADABLE, refusals.FilterExists, refusals.FilteredTypeUnknown, TOO_MANY_BYTES)
_listed = (refusals.TypeListedTwice, refusals.ListedFilterExists, refusals.ListedTypeUnknown)
REFUSED_LIST = (
    NoBody,
    *(refused(name=EVENT_TYPE["name"]) for refused in _listed),
    refusals.FilteredSubscriptionNotFound,
    TOO_MANY_BYTES,
)

list_filters = FILTERS.operation(
    "GetFilters",
    "List all filters",
    description="All filters of the subscription, newest first.",
    parameters=[REST_CURSOR],
    success=Outcome("Filters retrieved successfully", list[FilterDocument], "One filter"),
    refused=[refusals.FilteredSubscriptionNotFound],
)
create_filter = FILTERS.operation(
    "CreateFilter",
    "Create a new filter",
    description="Adds a filter for an event type of the project. With an `enabled_at` of null it is disabled.",
    request=body(serializers.CreateFilterRequest, {"Gold customers": FILTER_BODY}),
    success=Outcome("Filter created successfully", FilterDocument, {"Created": CREATED_FILTER}, status=201),
    refused=[*REFUSED_FILTER, bad_conditions(Doing.CREATE_FILTER), refusals.FilteredSubscriptionNotFound],
)
bulk_create_filters = FILTERS.operation(
    "BulkCreateFilters",
    "Create multiple subscription filters",
    description="Adds several filters, all or none, as one is added.",
    request=body(serializers.CreateFilterRequest(**LIST), {"One filter": FILTER_BODY}),
    success=Outcome("Filters created successfully", list[FilterDocument], {"Created": [CREATED_FILTER]}, status=201),
    refused=[*REFUSED_LIST, bad_conditions(Doing.CREATE_FILTERS), refusals.FiltersTooLarge],
)
bulk_update_filters = FILTERS.operation(
    "BulkUpdateFilters",
    "Update multiple subscription filters",
    description="Updates the fields that are sent of several filters, all or none. POST does the same.",
    request=body(serializers.BulkUpdateFilterRequest(**LIST), {"Disable one": DISABLING}),
    success=Outcome("Filters updated successfully", list[FilterDocument], {"Disabled": [DISABLED_FILTER]}),
    refused=[
        *REFUSED_LIST,
        bad_conditions(Doing.UPDATE_FILTERS),
        refusals.FiltersTooLarge,
        refusals.ListedFilterNotFound(uid=FILTER["uid"]),
    ],
)
get_filter = FILTERS.operation(
    "GetFilter",
    "Get a filter",
    description="The filter.",
    success=Outcome("Filter retrieved successfully", FilterDocument, "Filter"),
    refused=UNKNOWN_FILTER,
)
update_filter = FILTERS.operation(
    "UpdateFilter",
    "Update a filter",
    description="Updates the fields that are sent. An empty object clears a scope; an `enabled_at` of null "
    "disables the filter.",
    request=body(serializers.UpdateFilterRequest, {"Gold customers": {"body": FILTER["raw_body"]}}),
    success=Outcome("Filter updated successfully", FilterDocument, "Updated"),
    refused=[*REFUSED_FILTER, bad_conditions(Doing.UPDATE_FILTER), *UNKNOWN_FILTER],
)
delete_filter = FILTERS.operation(
    "DeleteFilter",
    "Delete a filter",
    description="Deletes the filter, and its event type from the subscription.",
    success=Outcome("Filter deleted successfully", NoneType, "Deleted"),
    refused=UNKNOWN_FILTER,
)
test_filter = FILTERS.operation(
    "TestFilter",
    "Test a filter",
    description="Whether the subscription would take an event of this type. Nothing is sent.",
    request=body(serializers.TestFilterRequest, {"A payload": {"payload": FILTER["raw_body"]}}),
    success=Outcome("Filter test completed", TestedDocument, "A match"),
    refused=[NoBody, refusals.FilteredSubscriptionNotFound],
)
