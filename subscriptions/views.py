"""The operations of the Convoy API on event types, subscriptions and filters.

Contract: subscriptions-and-event-types A1, B1 and D1.
"""

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.bodies import read_body, read_list
from core.api.checks import READS
from core.api.envelope import success
from core.api.pagination import read_page
from core.exceptions import InvalidInput
from projects.convoy_view import ConvoyView
from subscriptions import event_types, filter_operations, filters, openapi, operations
from subscriptions.documents import event_type_document, filter_document, subscription_document
from subscriptions.models import SubscriptionQuerySet
from subscriptions.serializers import (
    MOST_FILTERS,
    BulkUpdateFilterRequest,
    CreateEventType,
    CreateFilterRequest,
    CreateSubscription,
    FunctionRequest,
    ImportOpenAPISpec,
    TestFilter,
    TestFilterRequest,
    UpdateEventType,
    UpdateFilterRequest,
    UpdateSubscription,
)

# Event types


class EventTypes(ConvoyView):
    """The event types of a project."""

    @openapi.list_event_types
    def get(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Answer all of them, newest first."""
        found = [event_type_document(row) for row in event_types.event_types(projectID)]
        return success("Event types fetched successfully", found)

    @openapi.create_event_type
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Create an event type."""
        created = event_types.create_event_type(projectID, **read_body(request, CreateEventType, detailed=True))
        return success("Event type created successfully", event_type_document(created), 201)


class EventTypeDetail(ConvoyView):
    """One event type."""

    not_found = {"PUT": (400, "event type not found")}

    @openapi.update_event_type
    def put(self, request: Request, projectID: str, eventTypeId: str) -> HttpResponse:  # noqa: N803
        """Change what is sent, and not empty, of the event type."""
        sent = read_body(request, UpdateEventType, detailed=True)
        updated = event_types.update_event_type(projectID, eventTypeId, **sent)
        # In the original's words.
        return success("Event type created successfully", event_type_document(updated), 202)


class DeprecateEventType(ConvoyView):
    """The deprecation of an event type."""

    not_found = {"POST": (400, "event type not found")}

    @openapi.deprecate_event_type
    def post(self, request: Request, projectID: str, eventTypeId: str) -> HttpResponse:  # noqa: N803
        """Deprecate the event type, from now; a body is ignored."""
        deprecated = event_types.deprecate_event_type(projectID, eventTypeId)
        return success("Event type deprecated successfully", event_type_document(deprecated))


class ImportEventTypes(ConvoyView):
    """The import of event types."""

    @openapi.import_event_types
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Create or update the event types that an OpenAPI document has."""
        sent = read_body(request, ImportOpenAPISpec, detailed=True)
        imported = event_types.import_event_types(projectID, sent.get("spec", ""))
        return success("Event types imported successfully", [event_type_document(row) for row in imported])


# Subscriptions


class Subscriptions(ConvoyView):
    """The subscriptions of a project."""

    @openapi.list_subscriptions
    def get(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Answer a page, newest first, of those that `endpointId` and `name` (a part of it) leave."""
        return subscription_page(request, operations.visible(projectID))

    @openapi.create_subscription
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Create a subscription."""
        sent = read_body(request, CreateSubscription, detailed=True)
        sent.pop("app_id", None)
        created = operations.create_subscription(projectID, **sent)
        return success("Subscription created successfully", subscription_document(created, is_new=True), 201)


class SubscriptionDetail(ConvoyView):
    """One subscription."""

    not_found = {"PUT": (400, operations.NOT_FOUND)}

    @openapi.get_subscription
    def get(self, request: Request, projectID: str, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Answer the subscription with its endpoint."""
        found = operations.find_subscription(projectID, subscriptionID)
        return success("Subscription fetched successfully", subscription_document(found))

    @openapi.update_subscription
    def put(self, request: Request, projectID: str, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Change what is sent, and not empty, of the subscription."""
        sent = read_body(request, UpdateSubscription, detailed=True)
        sent.pop("app_id", None)
        updated = operations.update_subscription(projectID, subscriptionID, **sent)
        return success("Subscription updated successfully", subscription_document(updated), 202)

    @openapi.delete_subscription
    def delete(self, request: Request, projectID: str, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Delete the subscription."""
        operations.delete_subscription(projectID, subscriptionID)
        return success("Subscription deleted successfully")


class ToggleSubscriptionStatus(ConvoyView):
    """What was once a switch."""

    @openapi.toggle_subscription_status
    def put(self, request: Request, projectID: str, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Do nothing, for old clients: a subscription has no status."""
        operations.find_subscription(projectID, subscriptionID)
        return success("Subscription status updated successfully", {}, 202)


class TestSubscriptionFilter(ConvoyView):
    """A filter tried out on a request."""

    __test__ = False
    reads = (*READS, "POST")

    @openapi.test_subscription_filter
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Answer whether the request meets the schema."""
        return filter_tested(request)


class TestSubscriptionFunction(ConvoyView):
    """A function tried out, where there were functions."""

    __test__ = False
    reads = (*READS, "POST")

    @openapi.test_subscription_function
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Refuse it."""
        raise function_refused(request)


def subscription_page(request: Request, rows: SubscriptionQuerySet, ids: list[str] | None = None) -> HttpResponse:
    """The page of `rows` that a request asks for. `ids` are its values of `endpointId`, if they have been read."""
    if endpoint_ids := endpoint_ids_of(request) if ids is None else ids:
        rows = rows.filter(endpoint__in=endpoint_ids)
    if name := request.query_params.get("name", "").strip():
        rows = rows.filter(name__icontains=name)
    page = read_page(request, operations.with_endpoint(rows))
    content = [subscription_document(row) for row in page.rows]
    return success("Subscriptions fetched successfully", {"content": content, "pagination": page.pagination})


def endpoint_ids_of(request: Request) -> list[str]:
    """The values of `endpointId` in a request's query that are not blank."""
    return [uid for uid in request.query_params.getlist("endpointId") if uid.strip()]


def filter_tested(request: Request) -> HttpResponse:
    """The answer to test_filter: whether a request meets a schema. Raises InvalidInput."""
    sent = read_body(request, TestFilter, detailed=True)
    try:
        is_match = filters.test_schema(sent.get("request", {}), sent.get("schema", {}))
    except InvalidInput as error:
        raise InvalidInput(f"failed to validate subscription filter: {error.message}") from None
    return success("Filter validated successfully", is_match)


def function_refused(request: Request) -> InvalidInput:
    """What test_function says of a request that can be read. Raises InvalidInput for others."""
    read_body(request, FunctionRequest, detailed=True)
    return InvalidInput(operations.NO_FUNCTIONS)


# Filters


class Filters(ConvoyView):
    """The filters of a subscription."""

    @openapi.list_filters
    def get(self, request: Request, projectID: str, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Answer all of them, newest first."""
        found = filter_operations.list_filters(projectID, subscriptionID)
        return success("Filters retrieved successfully", [filter_document(row) for row in found])

    @openapi.create_filter
    def post(self, request: Request, projectID: str, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Create a filter."""
        sent = read_body(request, CreateFilterRequest, detailed=True)
        created = filter_operations.create_filter(projectID, subscriptionID, **sent)
        return success("Filter created successfully", filter_document(created, sent=sent), 201)


class FilterDetail(ConvoyView):
    """One filter."""

    @openapi.get_filter
    def get(self, request: Request, projectID: str, subscriptionID: str, filterID: str) -> HttpResponse:  # noqa: N803
        """Answer the filter."""
        found = filter_operations.get_filter(projectID, subscriptionID, filterID)
        return success("Filter retrieved successfully", filter_document(found))

    @openapi.update_filter
    def put(self, request: Request, projectID: str, subscriptionID: str, filterID: str) -> HttpResponse:  # noqa: N803
        """Change what is sent of the filter."""
        sent = read_body(request, UpdateFilterRequest, detailed=True)
        sent.pop("is_flattened", None)
        updated = filter_operations.update_filter(projectID, subscriptionID, filterID, **sent)
        return success("Filter updated successfully", filter_document(updated))

    @openapi.delete_filter
    def delete(self, request: Request, projectID: str, subscriptionID: str, filterID: str) -> HttpResponse:  # noqa: N803
        """Delete the filter."""
        filter_operations.delete_filter(projectID, subscriptionID, filterID)
        return success("Filter deleted successfully")


class BulkCreateFilters(ConvoyView):
    """Several filters at once."""

    @openapi.bulk_create_filters
    def post(self, request: Request, projectID: str, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Create the filters, all or none."""
        items = read_list(request, CreateFilterRequest, longest=MOST_FILTERS)
        created = filter_operations.create_filters(projectID, subscriptionID, items)
        shown = [filter_document(row, sent=sent) for row, sent in zip(created, items, strict=True)]
        return success("Filters created successfully", shown, 201)


class BulkUpdateFilters(ConvoyView):
    """Changes of several filters at once: a PUT, as published, or a POST, as the original has it."""

    @openapi.bulk_update_filters
    def put(self, request: Request, projectID: str, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """Change what is sent of each filter, all or none."""
        items = read_list(request, BulkUpdateFilterRequest, longest=MOST_FILTERS)
        updated = filter_operations.update_filters(projectID, subscriptionID, items)
        return success("Filters updated successfully", [filter_document(row) for row in updated])

    @openapi.undocumented
    def post(self, request: Request, projectID: str, subscriptionID: str) -> HttpResponse:  # noqa: N803
        """The same."""
        return self.put(request, projectID, subscriptionID)


class TestEventAgainstFilters(ConvoyView):
    """The filters tried out on an event."""

    __test__ = False
    reads = (*READS, "POST")

    @openapi.test_filter
    def post(self, request: Request, projectID: str, subscriptionID: str, eventType: str) -> HttpResponse:  # noqa: N803
        """Answer whether the subscription would take the event."""
        sent = read_body(request, TestFilterRequest, detailed=True)
        is_match = filter_operations.would_take(projectID, subscriptionID, eventType, **sent)
        return success("Filter test completed", {"is_match": is_match})
