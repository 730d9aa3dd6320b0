"""Answer the portal API about event types, subscriptions and filters.

Contract: docs/contract/portal-sessions.md#portal-subscriptions.

The views are those of the Convoy API within the customer's scope. A customer chooses among the project's event types
and creates none.
"""

from collections.abc import Sequence

from django.http import HttpResponse
from rest_framework.request import Request

from endpoints.models import Scope
from portal import subscription_openapi as openapi
from portal.api import PortalView
from portal.exceptions import OutOfScope
from portal_links.capabilities import MANAGE_SUBSCRIPTIONS
from subscriptions import views
from subscriptions.openapi import undocumented
from subscriptions.operations import find_subscription


class ScopedView(PortalView):
    """Narrows a view of the Convoy API to the customer's scope: an object outside is refused as if it did not exist."""

    needs = dict.fromkeys(("POST", "PUT", "DELETE"), MANAGE_SUBSCRIPTIONS)
    registers_types = False

    @property
    def scope(self) -> Scope:
        """Return the customer's endpoints."""
        return self.access.endpoints()

    def check_scope(self, endpoint_ids: Sequence[str], *, subscription_id: str = "") -> None:
        """Raise NotFound for a subscription, and OutOfScope for endpoints, of another customer."""
        if subscription_id:
            find_subscription(self.project_id, subscription_id, self.scope)
        wanted = set(endpoint_ids)
        if wanted and self.access.endpoints().order_by().filter(pk__in=wanted).count() < len(wanted):
            raise OutOfScope


class EventTypes(ScopedView, views.EventTypes):
    """The event types that a customer can choose from."""

    needs = {}
    get = openapi.list_event_types(views.EventTypes.get)

    @undocumented
    def post(self, request: Request, **_: str) -> HttpResponse:
        """Refuse to create an event type: only the company may."""
        raise OutOfScope


class EventTypeDetail(PortalView):
    """One event type."""

    @undocumented
    def put(self, request: Request, eventTypeId: str) -> HttpResponse:  # noqa: N803
        """Refuse every event type, whether it exists or not."""
        raise OutOfScope


class DeprecateEventType(PortalView):
    """The deprecation of an event type."""

    @undocumented
    def post(self, request: Request, eventTypeId: str) -> HttpResponse:  # noqa: N803
        """Refuse every event type, whether it exists or not."""
        raise OutOfScope


class Subscriptions(ScopedView, views.Subscriptions):
    """The subscriptions on the customer's endpoints."""

    get = openapi.list_subscriptions(views.Subscriptions.get)
    post = openapi.create_subscription(views.Subscriptions.post)


class SubscriptionDetail(ScopedView, views.SubscriptionDetail):
    """One subscription of the customer."""

    get = openapi.get_subscription(views.SubscriptionDetail.get)
    put = openapi.update_subscription(views.SubscriptionDetail.put)
    delete = openapi.delete_subscription(views.SubscriptionDetail.delete)


class TestSubscriptionFilter(PortalView, views.TestSubscriptionFilter):
    """The trial of conditions on a request."""

    post = openapi.test_subscription_filter(views.TestSubscriptionFilter.post)


class TestSubscriptionFunction(PortalView, views.TestSubscriptionFunction):
    """The trial of a function, which the Convoy API refuses too."""

    @undocumented
    def post(self, request: Request, **_: str) -> HttpResponse:
        """Refuse the trial."""
        return super().post(request)


class Filters(ScopedView, views.Filters):
    """The filters of a subscription of the customer."""

    get = openapi.list_filters(views.Filters.get)
    post = openapi.create_filter(views.Filters.post)


class FilterDetail(ScopedView, views.FilterDetail):
    """One filter of a subscription of the customer."""

    get = openapi.get_filter(views.FilterDetail.get)
    put = openapi.update_filter(views.FilterDetail.put)
    delete = openapi.delete_filter(views.FilterDetail.delete)


class BulkCreateFilters(ScopedView, views.BulkCreateFilters):
    """Several new filters at once."""

    post = openapi.bulk_create_filters(views.BulkCreateFilters.post)


class BulkUpdateFilters(ScopedView, views.BulkUpdateFilters):
    """Changes of several filters at once."""

    put = openapi.bulk_update_filters(views.BulkUpdateFilters.put)


class TestEventAgainstFilters(ScopedView, views.TestEventAgainstFilters):
    """The trial of a subscription's filters on an event."""

    needs = {}
    post = openapi.test_filter(views.TestEventAgainstFilters.post)
