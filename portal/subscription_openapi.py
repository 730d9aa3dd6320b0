"""Declare the portal API's operations on event types, subscriptions and filters.

Contract: docs/contract/portal-sessions.md#portal-subscriptions.
"""

from portal.exceptions import OutOfScope
from portal.openapi import twin
from subscriptions import openapi
from subscriptions.exceptions import EventTypeUnknown, SubscriptionNotFound

EVENT_TYPE_UNKNOWN = EventTypeUnknown(name="order.lost")

list_event_types = twin(
    openapi.list_event_types, "GetPortalEventTypes", "List the event types that a customer can choose from"
)
list_subscriptions = twin(
    openapi.list_subscriptions,
    "GetPortalSubscriptions",
    "List the customer's subscriptions",
    description="A page of the subscriptions on the endpoints that the token opens, newest first.",
    refused=[OutOfScope],
)
create_subscription = twin(
    openapi.create_subscription,
    "CreatePortalSubscription",
    "Create a subscription",
    description="Creates a subscription on one of the customer's endpoints, to event types that the project has.",
    refused=[*openapi.REFUSED_CREATION, OutOfScope, EVENT_TYPE_UNKNOWN],
)
get_subscription = twin(openapi.get_subscription, "GetPortalSubscription", "Retrieve a subscription")
update_subscription = twin(
    openapi.update_subscription,
    "UpdatePortalSubscription",
    "Update a subscription",
    refused=[*openapi.REFUSED_UPDATE, OutOfScope, EVENT_TYPE_UNKNOWN],
    not_found=SubscriptionNotFound,
)
delete_subscription = twin(openapi.delete_subscription, "DeletePortalSubscription", "Delete a subscription")
test_subscription_filter = twin(
    openapi.test_subscription_filter, "TestPortalSubscriptionFilter", "Try conditions on a request"
)
list_filters = twin(openapi.list_filters, "GetPortalFilters", "List the filters of a subscription")
create_filter = twin(openapi.create_filter, "CreatePortalFilter", "Create a filter of a subscription")
get_filter = twin(openapi.get_filter, "GetPortalFilter", "Retrieve a filter of a subscription")
update_filter = twin(openapi.update_filter, "UpdatePortalFilter", "Update a filter of a subscription")
delete_filter = twin(openapi.delete_filter, "DeletePortalFilter", "Delete a filter of a subscription")
bulk_create_filters = twin(openapi.bulk_create_filters, "BulkCreatePortalFilters", "Create many filters")
bulk_update_filters = twin(openapi.bulk_update_filters, "BulkUpdatePortalFilters", "Update many filters")
test_filter = twin(openapi.test_filter, "TestPortalFilter", "Try a subscription's filters on an event")
