"""Filter the operators' lists of deliveries and attempts by what other tables know: owner, type, endpoint."""

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from core.admin_filters import Typed
from endpoints.models import Endpoint
from events.models import Event, EventDelivery
from events.reads import RARE_AT_MOST

#: The most endpoints of one owner, and the most of the newest deliveries, through which a list is filtered.
MOST_ENDPOINTS = 1_000
MOST_DELIVERIES = 500


def endpoints_named(text: str) -> "QuerySet[Endpoint, str]":
    """Return the ids of the live endpoints, newest first, whose owner or name is `text`."""
    found = Endpoint.objects.filter(Q(owner_id=text) | Q(name=text), deleted_at=None)
    return found.order_by("-pk").values_list("pk", flat=True)[:MOST_ENDPOINTS]


class ByOwnerOfEndpoint(Typed):
    """The deliveries to the endpoints of one owner, of which the newest MOST_ENDPOINTS count."""

    title = parameter_name = "owner"
    hint = "An owner_id, whole"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the owner's endpoints, named in a list, by which PostgreSQL estimates their number."""
        return queryset.filter(endpoint__in=list(_owned(self.value()))) if self.value() else queryset


class OfType(Typed):
    """The deliveries of one event type; those of a rare one are found by its events, as no index has their types."""

    title = "event type"
    parameter_name = "type"
    hint = "A type, whole"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the type."""
        if not self.value():
            return queryset
        events = Event.objects.filter(event_type=self.value())
        if project := request.GET.get("project", "").replace("\x00", ""):
            events = events.filter(project=project)
        found = list(events.values_list("pk", flat=True)[: RARE_AT_MOST + 1])
        if len(found) <= RARE_AT_MOST:
            return queryset.filter(event__in=found)
        return queryset.filter(event_type=self.value())


class OfEndpoint(Typed):
    """The attempts of an endpoint's newest MOST_DELIVERIES deliveries: attempts have no index of endpoints."""

    title = parameter_name = "endpoint"
    hint = "Id of an endpoint"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the attempts."""
        return queryset.filter(delivery__in=_newest([self.value()])) if self.value() else queryset


class OfOwner(Typed):
    """The attempts of the newest MOST_DELIVERIES deliveries to an owner's endpoints."""

    title = parameter_name = "owner"
    hint = "An owner_id, whole"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the attempts."""
        return queryset.filter(delivery__in=_newest(list(_owned(self.value())))) if self.value() else queryset


def _owned(owner_id: str) -> "QuerySet[Endpoint, str]":
    owned = Endpoint.objects.filter(owner_id=owner_id, deleted_at=None).order_by("-pk")
    return owned.values_list("pk", flat=True)[:MOST_ENDPOINTS]


def _newest(endpoint_ids: list[str]) -> list[str]:
    rows = EventDelivery.objects.filter(endpoint__in=endpoint_ids).order_by("-pk")
    return list(rows.values_list("pk", flat=True)[:MOST_DELIVERIES])
