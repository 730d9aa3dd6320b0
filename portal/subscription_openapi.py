"""The portal API's event types, subscriptions and filters in the OpenAPI document. Contract: portal-links 5.1."""

from core.api.openapi import NOTHING as STUB
from core.api.openapi import PAGINATION_EXAMPLE, array, body, flag, nullable, operation, page_of, path_parameter
from portal.openapi import TAG
from subscriptions import serializers
from subscriptions.openapi import (
    CREATED_EXAMPLE,
    CREATED_FILTER_EXAMPLE,
    EVENT_TEST_BODY,
    EVENT_TYPE,
    EVENT_TYPE_EXAMPLE,
    EVERY_TYPE_EXAMPLE,
    EXAMPLE,
    FILTER,
    FILTER_BODY,
    FILTER_EXAMPLE,
    FILTER_ID,
    FILTER_TEST_BODY,
    LIST_PARAMETERS,
    SUBSCRIPTION,
    SUBSCRIPTION_BODY,
    SUBSCRIPTION_ID,
    TESTED,
    array_body,
)

NOTHING = nullable(STUB)
UNSEEN_ENDPOINT = {401: {"An endpoint that is not the customer's": "unauthorized"}}
UNSEEN = {404: {"No such subscription, or not the customer's": "failed to find subscription"}}
NO_SUBSCRIPTION = {404: {"No such subscription, or not the customer's": "subscription not found"}}
NO_FILTER = {404: {**NO_SUBSCRIPTION[404], "No such filter": "filter not found"}}
REFUSED = {400: {"An event type that the project has not": "event type order.lost does not exist"}}
NO_BODY = {400: {"No body": "body must not be empty"}}
NO_EVENT_TYPE = {404: {**NO_SUBSCRIPTION[404], "No such event type": "event type does not exist"}}

list_event_types = operation(
    "GetPortalEventTypes",
    "List the event types that a customer can choose from",
    tag=TAG,
    description="All event types of the project, newest first. `*` stands for all.",
    message="Event types fetched successfully",
    data=array(EVENT_TYPE),
    examples={"Two event types": [EVENT_TYPE_EXAMPLE, EVERY_TYPE_EXAMPLE]},
)
list_subscriptions = operation(
    "GetPortalSubscriptions",
    "List the customer's subscriptions",
    tag=TAG,
    description="A page of the subscriptions on the endpoints that the token opens, newest first.",
    parameters=LIST_PARAMETERS,
    message="Subscriptions fetched successfully",
    data=page_of(SUBSCRIPTION),
    examples={"One subscription": {"content": [EXAMPLE], "pagination": PAGINATION_EXAMPLE}},
    refused=UNSEEN_ENDPOINT,
)
create_subscription = operation(
    "CreatePortalSubscription",
    "Create a subscription of the customer's",
    tag=TAG,
    description="Creates a subscription on one of the customer's endpoints, to event types that the project has.",
    request=body(serializers.CreateSubscription, {"Large orders": SUBSCRIPTION_BODY}),
    status=201,
    message="Subscription created successfully",
    data=SUBSCRIPTION,
    examples={"Created": CREATED_EXAMPLE},
    refused=UNSEEN_ENDPOINT | REFUSED,
)
get_subscription = operation(
    "GetPortalSubscription",
    "Retrieve a subscription of the customer's",
    tag=TAG,
    description="The subscription with its endpoint.",
    parameters=[SUBSCRIPTION_ID],
    message="Subscription fetched successfully",
    data=SUBSCRIPTION,
    examples={"Subscription": EXAMPLE},
    refused=UNSEEN,
)
update_subscription = operation(
    "UpdatePortalSubscription",
    "Update a subscription of the customer's",
    tag=TAG,
    description="Changes what is sent and not empty.",
    parameters=[SUBSCRIPTION_ID],
    request=body(serializers.UpdateSubscription, {"Another name": {"name": "orders to acme"}}),
    status=202,
    message="Subscription updated successfully",
    data=SUBSCRIPTION,
    examples={"Renamed": EXAMPLE},
    refused=UNSEEN | UNSEEN_ENDPOINT | REFUSED,
)
delete_subscription = operation(
    "DeletePortalSubscription",
    "Delete a subscription of the customer's",
    tag=TAG,
    description="Deletes the subscription.",
    parameters=[SUBSCRIPTION_ID],
    message="Subscription deleted successfully",
    data=NOTHING,
    examples={"Deleted": None},
    refused=UNSEEN,
)
test_subscription_filter = operation(
    "TestPortalSubscriptionFilter",
    "Try conditions on a request",
    tag=TAG,
    description="Whether a request meets conditions. Nothing is stored.",
    request=body(serializers.TestFilter, {"A large order": FILTER_TEST_BODY}),
    message="Filter validated successfully",
    data=flag(),
    examples={"A match": True},
    refused={400: {"A bad filter": "failed to validate subscription filter: unknown operator $near"}},
)
list_filters = operation(
    "GetPortalFilters",
    "List the filters of a subscription of the customer's",
    tag=TAG,
    description="All filters of the subscription, newest first.",
    parameters=[SUBSCRIPTION_ID],
    message="Filters retrieved successfully",
    data=array(FILTER),
    examples={"One filter": [FILTER_EXAMPLE]},
    refused=NO_SUBSCRIPTION,
)
create_filter = operation(
    "CreatePortalFilter",
    "Create a filter of a subscription of the customer's",
    tag=TAG,
    description="Gives the subscription a filter for one more event type, which the project must have.",
    parameters=[SUBSCRIPTION_ID],
    request=body(serializers.CreateFilterRequest, {"Gold customers": FILTER_BODY}),
    status=201,
    message="Filter created successfully",
    data=FILTER,
    examples={"Created": CREATED_FILTER_EXAMPLE},
    refused=NO_EVENT_TYPE | {400: {"A second one": "filter with this event type already exists"}},
)
get_filter = operation(
    "GetPortalFilter",
    "Retrieve a filter of a subscription of the customer's",
    tag=TAG,
    description="The filter.",
    parameters=[SUBSCRIPTION_ID, FILTER_ID],
    message="Filter retrieved successfully",
    data=FILTER,
    examples={"Filter": FILTER_EXAMPLE},
    refused=NO_FILTER,
)
update_filter = operation(
    "UpdatePortalFilter",
    "Update a filter of a subscription of the customer's",
    tag=TAG,
    description="Changes what is sent.",
    parameters=[SUBSCRIPTION_ID, FILTER_ID],
    request=body(serializers.UpdateFilterRequest, {"Gold customers": {"body": {"customer": {"tier": "gold"}}}}),
    message="Filter updated successfully",
    data=FILTER,
    examples={"Updated": FILTER_EXAMPLE},
    refused=NO_FILTER | {400: {"A second one": "filter with this event type already exists"}},
)
delete_filter = operation(
    "DeletePortalFilter",
    "Delete a filter of a subscription of the customer's",
    tag=TAG,
    description="Deletes the filter, and its event type from the subscription.",
    parameters=[SUBSCRIPTION_ID, FILTER_ID],
    message="Filter deleted successfully",
    data=NOTHING,
    examples={"Deleted": None},
    refused=NO_FILTER,
)
bulk_create_filters = operation(
    "BulkCreatePortalFilters",
    "Create several filters of a subscription of the customer's",
    tag=TAG,
    description="The same as for one, for several, all or none.",
    parameters=[SUBSCRIPTION_ID],
    request=array_body(serializers.CreateFilterRequest, {"One filter": FILTER_BODY}),
    status=201,
    message="Filters created successfully",
    data=array(FILTER),
    examples={"Created": [CREATED_FILTER_EXAMPLE]},
    refused=NO_BODY | {404: {**NO_SUBSCRIPTION[404], "Event type": "event type order.lost does not exist"}},
)
bulk_update_filters = operation(
    "BulkUpdatePortalFilters",
    "Update several filters of a subscription of the customer's",
    tag=TAG,
    description="Changes what is sent of several filters, all or none. POST does the same.",
    parameters=[SUBSCRIPTION_ID],
    request=array_body(
        serializers.BulkUpdateFilterRequest, {"Disable one": {"uid": FILTER_EXAMPLE["uid"], "enabled_at": None}}
    ),
    message="Filters updated successfully",
    data=array(FILTER),
    examples={"Disabled": [FILTER_EXAMPLE | {"enabled_at": None}]},
    refused=NO_BODY | {404: {**NO_SUBSCRIPTION[404], "Filter": f"filter {FILTER_EXAMPLE['uid']} not found"}},
)
test_filter = operation(
    "TestPortalFilter",
    "Try the filters of a subscription of the customer's on an event",
    tag=TAG,
    description="Whether the subscription would take an event of this type. Nothing is sent.",
    parameters=[SUBSCRIPTION_ID, path_parameter("eventType", "The type of the event.")],
    request=body(serializers.TestFilterRequest, {"A payload": EVENT_TEST_BODY}),
    message="Filter test completed",
    data=TESTED,
    examples={"A match": {"is_match": True}},
    refused=NO_BODY | NO_SUBSCRIPTION,
)
