"""Answer the operations of the Convoy API on event types, subscriptions and filters.

Contract: docs/contract/subscriptions.md#operations, docs/contract/event-types.md#operations. Handlers take
their project from `project_id` and not from the path: the portal API's views, whose paths name none, are
subclasses.
"""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.arrays import read_array
from core.api.bodies import read_body, read_list
from core.api.checks import READS
from core.api.documents import PageOf
from core.api.pagination import Bytes, JsonBytes, read_page
from core.api.parameters import is_true, texts
from core.json_text import without_half_pairs
from endpoints.models import Scope
from jobs.documents import JobDocument, job_document
from projects.convoy_view import ConvoyView
from subscriptions import event_types, filter_operations, filters, import_jobs, openapi, operations
from subscriptions.documents import (
    EventTypeDocument,
    FilterDocument,
    FunctionDocument,
    SubscriptionDocument,
    TestedDocument,
    event_type_document,
    filter_document,
    subscription_document,
)
from subscriptions.exceptions import ConditionsRefused, Doing, FilterRefused, FunctionRefused
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

#: The bytes of a subscription in a list, as far as they vary.
_BYTES = JsonBytes("filter") + JsonBytes("event_types") + Bytes("endpoint__url") + Bytes("endpoint__description")
#: The bytes of an event type and of a filter in an answer: what varies, which a filter shows twice, and the rest.
_TYPE_BYTES = JsonBytes("json_schema") + Bytes("name") + Bytes("category") + Bytes("description") + 200
_FILTER_BYTES = 2 * JsonBytes("conditions") + Bytes("event_type") + 300


class ProjectView(ConvoyView):
    """A view of a project's event types, subscriptions or filters."""

    #: Whether event types that a subscription names, and the project does not have, are added to the project's.
    registers_types = True

    @property
    def scope(self) -> Scope:
        """Return the endpoints that the caller may reach; None for all of the project."""
        return None

    def check_scope(self, endpoint_ids: Sequence[str], *, subscription_id: str = "") -> None:
        """Refuse what is out of the scope before anything else of the request is checked. A project's key has none."""


# Event types


class EventTypes(ProjectView):
    """The event types of a project."""

    @openapi.list_event_types
    def get(self, request: Request, **_: str) -> list[EventTypeDocument]:
        """Answer all of them, newest first."""
        return read_array(request, event_types.event_types(self.project_id), event_type_document, size=_TYPE_BYTES)

    @openapi.create_event_type
    def post(self, request: Request, **_: str) -> EventTypeDocument:
        """Create an event type."""
        sent = read_body(request, CreateEventType, detailed=True)
        return event_type_document(event_types.create_event_type(self.project_id, **sent))


class EventTypeDetail(ConvoyView):
    """One event type."""

    @openapi.update_event_type
    def put(self, request: Request, projectID: str, eventTypeId: str) -> EventTypeDocument:  # noqa: N803
        """Change what is sent, and not empty, of the event type."""
        sent = read_body(request, UpdateEventType, detailed=True)
        return event_type_document(event_types.update_event_type(projectID, eventTypeId, **sent))


class DeprecateEventType(ConvoyView):
    """The deprecation of an event type."""

    @openapi.deprecate_event_type
    def post(self, request: Request, projectID: str, eventTypeId: str) -> EventTypeDocument:  # noqa: N803
        """Deprecate the event type, from now; a body is ignored."""
        return event_type_document(event_types.deprecate_event_type(projectID, eventTypeId))


class ImportEventTypes(ConvoyView):
    """The import of event types."""

    @openapi.import_event_types
    def post(self, request: Request, projectID: str) -> list[EventTypeDocument]:  # noqa: N803
        """Create or update the event types that an OpenAPI document has."""
        sent = read_body(request, ImportOpenAPISpec, detailed=True)
        imported = event_types.import_event_types(projectID, sent.get("spec", ""))
        return [event_type_document(row) for row in imported]


class ImportJobs(ConvoyView):
    """The import of any number of event types."""

    @openapi.create_import_job
    def post(self, request: Request, projectID: str) -> JobDocument:  # noqa: N803
        """Store a job that creates or updates the event types that an OpenAPI document has."""
        sent = read_body(request, ImportOpenAPISpec, detailed=True)
        is_dry_run = is_true(request, "dry_run")
        return job_document(import_jobs.create_import_job(projectID, sent.get("spec", ""), is_dry_run=is_dry_run))


# Subscriptions


class Subscriptions(ProjectView):
    """The subscriptions of a project."""

    @openapi.list_subscriptions
    def get(self, request: Request, **_: str) -> PageOf[SubscriptionDocument]:
        """Answer a page, newest first, filtered by `endpointId` and `name`, which is a part of the name."""
        rows = operations.visible(self.project_id, self.scope)
        if endpoint_ids := texts(request, "endpointId"):
            self.check_scope(endpoint_ids)
            rows = rows.filter(endpoint__in=endpoint_ids)
        if name := request.query_params.get("name", "").strip():
            rows = rows.filter(name__icontains=name)
        page = read_page(request, rows.only("pk"), size=_BYTES)
        return page.of([subscription_document(row) for row in page.read(operations.with_endpoint(rows))])

    @openapi.create_subscription
    def post(self, request: Request, **_: str) -> SubscriptionDocument:
        """Create a subscription."""
        sent = read_body(request, CreateSubscription, detailed=True)
        sent.pop("app_id", None)
        self.check_scope([sent["endpoint_id"]])
        created = operations.create_subscription(
            self.project_id, scope=self.scope, registers=self.registers_types, **sent
        )
        return subscription_document(created, is_new=True)


class SubscriptionDetail(ProjectView):
    """One subscription."""

    @openapi.get_subscription
    def get(self, request: Request, subscriptionID: str, **_: str) -> SubscriptionDocument:  # noqa: N803
        """Answer the subscription with its endpoint."""
        return subscription_document(operations.find_subscription(self.project_id, subscriptionID, self.scope))

    @openapi.update_subscription
    def put(self, request: Request, subscriptionID: str, **_: str) -> SubscriptionDocument:  # noqa: N803
        """Change what is sent, and not empty, of the subscription."""
        sent = read_body(request, UpdateSubscription, detailed=True)
        sent.pop("app_id", None)
        self.check_scope([uid] if (uid := sent.get("endpoint_id")) else [], subscription_id=subscriptionID)
        updated = operations.update_subscription(
            self.project_id, subscriptionID, scope=self.scope, registers=self.registers_types, **sent
        )
        return subscription_document(updated)

    @openapi.delete_subscription
    def delete(self, request: Request, subscriptionID: str, **_: str) -> None:  # noqa: N803
        """Delete the subscription."""
        operations.delete_subscription(self.project_id, subscriptionID, scope=self.scope)


class ToggleSubscriptionStatus(ConvoyView):
    """The status that subscriptions once had."""

    @openapi.toggle_subscription_status
    def put(self, request: Request, projectID: str, subscriptionID: str) -> dict[str, Any]:  # noqa: N803
        """Do nothing, for old clients."""
        operations.find_subscription(projectID, subscriptionID)
        return {}


class TestSubscriptionFilter(ConvoyView):
    """The trial of conditions on a request."""

    __test__ = False
    reads = (*READS, "POST")

    @openapi.test_subscription_filter
    def post(self, request: Request, **_: str) -> bool:
        """Answer whether the request meets the schema."""
        sent = read_body(request, TestFilter, detailed=True, body=without_half_pairs(request.body))
        try:
            return filters.test_schema(sent.get("request", {}), sent.get("schema", {}))
        except FilterRefused as error:
            raise ConditionsRefused(doing=Doing.TRY_CONDITIONS, reason=error.message) from None


class TestSubscriptionFunction(ConvoyView):
    """The trial of a function."""

    __test__ = False
    reads = (*READS, "POST")

    @openapi.test_subscription_function
    def post(self, request: Request, **_: str) -> FunctionDocument:
        """Refuse it: there are no functions."""
        read_body(request, FunctionRequest, detailed=True)
        raise FunctionRefused


# Filters


class Filters(ProjectView):
    """The filters of a subscription."""

    @openapi.list_filters
    def get(self, request: Request, subscriptionID: str, **_: str) -> list[FilterDocument]:  # noqa: N803
        """Answer all of them, newest first."""
        found = filter_operations.list_filters(self.project_id, subscriptionID, scope=self.scope)
        # Dotted keys repeat the names of the objects in which they stand.
        return read_array(request, found, filter_document, size=_FILTER_BYTES, grows=True)

    @openapi.create_filter
    def post(self, request: Request, subscriptionID: str, **_: str) -> FilterDocument:  # noqa: N803
        """Create a filter."""
        sent = read_body(request, CreateFilterRequest, detailed=True)
        created = filter_operations.create_filter(self.project_id, subscriptionID, scope=self.scope, **sent)
        return filter_document(created, sent=sent)


class FilterDetail(ProjectView):
    """One filter."""

    @openapi.get_filter
    def get(self, request: Request, subscriptionID: str, filterID: str, **_: str) -> FilterDocument:  # noqa: N803
        """Answer the filter."""
        return filter_document(
            filter_operations.get_filter(self.project_id, subscriptionID, filterID, scope=self.scope)
        )

    @openapi.update_filter
    def put(self, request: Request, subscriptionID: str, filterID: str, **_: str) -> FilterDocument:  # noqa: N803
        """Change what is sent of the filter."""
        sent = read_body(request, UpdateFilterRequest, detailed=True)
        sent.pop("is_flattened", None)
        return filter_document(
            filter_operations.update_filter(self.project_id, subscriptionID, filterID, scope=self.scope, **sent)
        )

    @openapi.delete_filter
    def delete(self, request: Request, subscriptionID: str, filterID: str, **_: str) -> None:  # noqa: N803
        """Delete the filter."""
        filter_operations.delete_filter(self.project_id, subscriptionID, filterID, scope=self.scope)


class BulkCreateFilters(ProjectView):
    """Several new filters at once."""

    @openapi.bulk_create_filters
    def post(self, request: Request, subscriptionID: str, **_: str) -> list[FilterDocument]:  # noqa: N803
        """Create the filters, all or none."""
        items = read_list(request, CreateFilterRequest, longest=MOST_FILTERS)
        created = filter_operations.create_filters(self.project_id, subscriptionID, items, scope=self.scope)
        return [filter_document(row, sent=sent) for row, sent in zip(created, items, strict=True)]


class BulkUpdateFilters(ProjectView):
    """Changes of several filters at once: a PUT, as published, or a POST, as the original has it."""

    @openapi.bulk_update_filters
    def put(self, request: Request, subscriptionID: str, **_: str) -> list[FilterDocument]:  # noqa: N803
        """Change what is sent of each filter, all or none."""
        items = read_list(request, BulkUpdateFilterRequest, longest=MOST_FILTERS)
        updated = filter_operations.update_filters(self.project_id, subscriptionID, items, scope=self.scope)
        return [filter_document(row) for row in updated]

    @openapi.undocumented
    def post(self, request: Request, **path: str) -> HttpResponse:
        """Do the same."""
        return self.put(request, **path)


class TestEventAgainstFilters(ProjectView):
    """The trial of a subscription's filters on an event."""

    __test__ = False
    reads = (*READS, "POST")

    @openapi.test_filter
    def post(self, request: Request, subscriptionID: str, eventType: str, **_: str) -> TestedDocument:  # noqa: N803
        """Answer whether the subscription would take the event."""
        sent = read_body(request, TestFilterRequest, detailed=True, body=without_half_pairs(request.body))
        return {
            "is_match": filter_operations.would_take(
                self.project_id, subscriptionID, eventType, scope=self.scope, **sent
            )
        }
