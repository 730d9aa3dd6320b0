"""The portal API's event types, subscriptions and filters. Contract: portal-links section 5.1."""

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.bodies import read_body, read_list
from core.api.checks import READS
from core.api.envelope import success
from core.exceptions import Unauthenticated
from portal import subscription_openapi as openapi
from portal import subscription_operations as operations
from portal.api import PortalView
from portal_links.capabilities import MANAGE_SUBSCRIPTIONS
from subscriptions.documents import event_type_document, filter_document, subscription_document
from subscriptions.event_types import event_types
from subscriptions.openapi import undocumented
from subscriptions.operations import NOT_FOUND
from subscriptions.serializers import (
    MOST_FILTERS,
    BulkUpdateFilterRequest,
    CreateFilterRequest,
    CreateSubscription,
    TestFilterRequest,
    UpdateFilterRequest,
    UpdateSubscription,
)
from subscriptions.views import endpoint_ids_of, filter_tested, function_refused, subscription_page

#: What methods that change something need.
WRITES = dict.fromkeys(("POST", "PUT", "DELETE"), MANAGE_SUBSCRIPTIONS)


class EventTypes(PortalView):
    """The event types that a customer can choose from."""

    @openapi.list_event_types
    def get(self, request: Request) -> HttpResponse:
        """Answer all of the project's, newest first."""
        found = [event_type_document(row) for row in event_types(self.access.project.uid)]
        return success("Event types fetched successfully", found)

    @undocumented
    def post(self, request: Request) -> HttpResponse:
        """Refuse: event types are the company's."""
        raise Unauthenticated("unauthorized")


class EventTypeDetail(PortalView):
    """One event type."""

    @undocumented
    def put(self, request: Request, eventTypeId: str) -> HttpResponse:  # noqa: N803
        """Refuse, whichever it is."""
        raise Unauthenticated("unauthorized")


class DeprecateEventType(PortalView):
    """The deprecation of an event type."""

    @undocumented
    def post(self, request: Request, eventTypeId: str) -> HttpResponse:  # noqa: N803
        """Refuse, whichever it is."""
        raise Unauthenticated("unauthorized")


class SubscriptionView(PortalView):
    """What the views of subscriptions share. One that is out of scope and one that is not there are the same."""

    needs = WRITES
    not_found = dict.fromkeys(("GET", "POST", "PUT", "DELETE"), (404, NOT_FOUND))


class Subscriptions(SubscriptionView):
    """The subscriptions on the customer's endpoints."""

    @openapi.list_subscriptions
    def get(self, request: Request) -> HttpResponse:
        """Answer a page, newest first, of those that `endpointId` and `name` (a part of it) leave."""
        ids = endpoint_ids_of(request)
        return subscription_page(request, operations.subscriptions(self.access, ids), ids)

    @openapi.create_subscription
    def post(self, request: Request) -> HttpResponse:
        """Create a subscription on one of the customer's endpoints."""
        sent = read_body(request, CreateSubscription, detailed=True)
        sent.pop("app_id", None)
        created = operations.create_subscription(self.access, **sent)
        return success("Subscription created successfully", subscription_document(created, is_new=True), 201)


class SubscriptionDetail(SubscriptionView):
    """One subscription of the customer."""

    @openapi.get_subscription
    def get(self, request: Request, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Answer the subscription with its endpoint."""
        found = operations.find_subscription(self.access, subscriptionID)
        return success("Subscription fetched successfully", subscription_document(found))

    @openapi.update_subscription
    def put(self, request: Request, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Change what is sent, and not empty, of the subscription."""
        sent = read_body(request, UpdateSubscription, detailed=True)
        sent.pop("app_id", None)
        updated = operations.update_subscription(self.access, subscriptionID, **sent)
        return success("Subscription updated successfully", subscription_document(updated), 202)

    @openapi.delete_subscription
    def delete(self, request: Request, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Delete the subscription."""
        operations.delete_subscription(self.access, subscriptionID)
        return success("Subscription deleted successfully")


class TestSubscriptionFilter(PortalView):
    """A filter tried out on a request."""

    __test__ = False
    reads = (*READS, "POST")

    @openapi.test_subscription_filter
    def post(self, request: Request) -> HttpResponse:
        """Answer whether the request meets the schema."""
        return filter_tested(request)


class TestSubscriptionFunction(PortalView):
    """A function tried out, where there were functions."""

    __test__ = False
    reads = (*READS, "POST")

    @undocumented
    def post(self, request: Request) -> HttpResponse:
        """Refuse it."""
        raise function_refused(request)


class FilterView(PortalView):
    """What the views of filters share; which of the two is not found is in the operation's words."""

    needs = WRITES
    not_found = {}


class Filters(FilterView):
    """The filters of a subscription of the customer."""

    @openapi.list_filters
    def get(self, request: Request, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Answer all of them, newest first."""
        found = operations.list_filters(self.access, subscriptionID)
        return success("Filters retrieved successfully", [filter_document(row) for row in found])

    @openapi.create_filter
    def post(self, request: Request, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Create a filter."""
        sent = read_body(request, CreateFilterRequest, detailed=True)
        created = operations.create_filter(self.access, subscriptionID, **sent)
        return success("Filter created successfully", filter_document(created, sent=sent), 201)


class FilterDetail(FilterView):
    """One filter of a subscription of the customer."""

    @openapi.get_filter
    def get(self, request: Request, subscriptionID: str, filterID: str) -> HttpResponse:  # noqa: N803
        """Answer the filter."""
        found = operations.get_filter(self.access, subscriptionID, filterID)
        return success("Filter retrieved successfully", filter_document(found))

    @openapi.update_filter
    def put(self, request: Request, subscriptionID: str, filterID: str) -> HttpResponse:  # noqa: N803
        """Change what is sent of the filter."""
        sent = read_body(request, UpdateFilterRequest, detailed=True)
        sent.pop("is_flattened", None)
        updated = operations.update_filter(self.access, subscriptionID, filterID, **sent)
        return success("Filter updated successfully", filter_document(updated))

    @openapi.delete_filter
    def delete(self, request: Request, subscriptionID: str, filterID: str) -> HttpResponse:  # noqa: N803
        """Delete the filter."""
        operations.delete_filter(self.access, subscriptionID, filterID)
        return success("Filter deleted successfully")


class BulkCreateFilters(FilterView):
    """Several filters at once."""

    @openapi.bulk_create_filters
    def post(self, request: Request, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Create the filters, all or none."""
        items = read_list(request, CreateFilterRequest, longest=MOST_FILTERS)
        created = operations.create_filters(self.access, subscriptionID, items)
        shown = [filter_document(row, sent=sent) for row, sent in zip(created, items, strict=True)]
        return success("Filters created successfully", shown, 201)


class BulkUpdateFilters(FilterView):
    """Changes of several filters at once: a PUT, as published, or a POST, as the original has it."""

    @openapi.bulk_update_filters
    def put(self, request: Request, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Change what is sent of each filter, all or none."""
        items = read_list(request, BulkUpdateFilterRequest, longest=MOST_FILTERS)
        updated = operations.update_filters(self.access, subscriptionID, items)
        return success("Filters updated successfully", [filter_document(row) for row in updated])

    @undocumented
    def post(self, request: Request, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """The same."""
        return self.put(request, subscriptionID)


class TestEventAgainstFilters(FilterView):
    """The filters tried out on an event."""

    __test__ = False
    reads = (*READS, "POST")
    needs = {}

    @openapi.test_filter
    def post(self, request: Request, subscriptionID: str, eventType: str) -> HttpResponse:  # noqa: N803
        """Answer whether the subscription would take the event."""
        sent = read_body(request, TestFilterRequest, detailed=True)
        is_match = operations.would_take(self.access, subscriptionID, eventType, **sent)
        return success("Filter test completed", {"is_match": is_match})
