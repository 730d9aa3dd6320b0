"""Declare the portal API's operations on event types, subscriptions and filters.

Contract: docs/contract/portal-sessions.md#portal-subscriptions.
"""

from portal.exceptions import OutOfScope
from portal.openapi import OF_CUSTOMER
from subscriptions import openapi
from subscriptions.exceptions import EventTypeUnknown, SubscriptionNotFound

EVENT_TYPE_UNKNOWN = EventTypeUnknown(name="order.lost")

list_event_types = openapi.list_event_types.twin(
    "GetPortalEventTypes", "List the event types that a customer can choose from", **OF_CUSTOMER
)
list_subscriptions = openapi.list_subscriptions.twin(
    "GetPortalSubscriptions",
    "List the customer's subscriptions",
    description="A page of the subscriptions on the endpoints that the token opens, newest first.",
    refused=[OutOfScope],
    **OF_CUSTOMER,
)
create_subscription = openapi.create_subscription.twin(
    "CreatePortalSubscription",
    "Create a subscription",
    description="Creates a subscription on one of the customer's endpoints, to event types that the project has.",
    refused=[*openapi.REFUSED_CREATION, OutOfScope, EVENT_TYPE_UNKNOWN],
    **OF_CUSTOMER,
)
get_subscription = openapi.get_subscription.twin("GetPortalSubscription", "Retrieve a subscription", **OF_CUSTOMER)
update_subscription = openapi.update_subscription.twin(
    "UpdatePortalSubscription",
    "Update a subscription",
    refused=[*openapi.REFUSED_UPDATE, OutOfScope, EVENT_TYPE_UNKNOWN],
    not_found=SubscriptionNotFound,
    **OF_CUSTOMER,
)
delete_subscription = openapi.delete_subscription.twin(
    "DeletePortalSubscription", "Delete a subscription", **OF_CUSTOMER
)
test_subscription_filter = openapi.test_subscription_filter.twin(
    "TestPortalSubscriptionFilter", "Try conditions on a request", **OF_CUSTOMER
)
list_filters = openapi.list_filters.twin("GetPortalFilters", "List the filters of a subscription", **OF_CUSTOMER)
create_filter = openapi.create_filter.twin("CreatePortalFilter", "Create a filter of a subscription", **OF_CUSTOMER)
get_filter = openapi.get_filter.twin("GetPortalFilter", "Retrieve a filter of a subscription", **OF_CUSTOMER)
update_filter = openapi.update_filter.twin("UpdatePortalFilter", "Update a filter of a subscription", **OF_CUSTOMER)
delete_filter = openapi.delete_filter.twin("DeletePortalFilter", "Delete a filter of a subscription", **OF_CUSTOMER)
bulk_create_filters = openapi.bulk_create_filters.twin("BulkCreatePortalFilters", "Create many filters", **OF_CUSTOMER)
bulk_update_filters = openapi.bulk_update_filters.twin("BulkUpdatePortalFilters", "Update many filters", **OF_CUSTOMER)
test_filter = openapi.test_filter.twin("TestPortalFilter", "Try a subscription's filters on an event", **OF_CUSTOMER)
