"""Show events to operators."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from core.admin_display import (
    at,
    customer_link,
    cut,
    headers,
    list_link,
    payload,
    pill,
    project_link,
    row_link,
    yes_no,
)
from core.admin_filters import ByProject, ByType, Since, Typed
from endpoints.models import Endpoint
from events.models import Event
from events.payload_admin import PayloadAdmin
from outbound.headers import mask_headers
from outbound.states import Status

#: The most endpoints of an owner or an event that a page links to.
MOST_ENDPOINTS = 50
#: The most endpoints of an owner by which the list is filtered.
MOST_OF_OWNER = 1_000
TONES: dict[str, str] = {Status.SUCCESS: "good", Status.FAILURE: "bad"}


class StatusFilter(admin.SimpleListFilter):
    """The states of events. They are listed here, as Django would read all events to learn them."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the states that an event can have."""
        return [(str(status), str(status)) for status in (Status.SUCCESS, Status.FAILURE)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        """Return the events of the chosen state."""
        return queryset.filter(status=self.value()) if self.value() else queryset


class OfOwner(Typed):
    """The events that went to the live endpoints of one owner, of which the newest MOST_OF_OWNER count."""

    title = parameter_name = "owner"
    hint = "An owner_id, whole"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        """Return the events, by a list of endpoints: by it PostgreSQL estimates their number."""
        if not self.value():
            return queryset
        owned = Endpoint.objects.filter(owner_id=self.value(), deleted_at=None).order_by("-pk")
        return queryset.filter(endpoints__overlap=list(owned.values_list("pk", flat=True)[:MOST_OF_OWNER]))


class OfEndpoint(Typed):
    """The events that went to one endpoint."""

    title = parameter_name = "endpoint"
    hint = "Id of an endpoint"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        """Return the events."""
        return queryset.filter(endpoints__overlap=[self.value()]) if self.value() else queryset


@admin.register(Event)
class EventAdmin(PayloadAdmin):
    """The events that companies have sent."""

    list_display = ["sent_at", "type", "channel", "state", "key", "copy", "project"]
    list_filter = [Since, StatusFilter, ByType, "channel", "is_duplicate_event", OfOwner, OfEndpoint, ByProject]
    search_fields = ["uid__exact", "idempotency_key__exact"]
    search_help_text = "By id. Once a project is chosen, also by idempotency key."
    fieldsets = [
        (None, {"fields": ["uid", "event_type", "state", "failure_reason", "its_deliveries", "its_endpoints"]}),
        ("Content", {"fields": ["payload", "custom_headers", "idempotency_key", "key_scope"]}),
        ("Origin", {"fields": ["project_link", "channel", "customer", "copy"]}),
        ("Message", {"fields": ["external_id", "channels", "tags", "expunged_at"]}),
        ("Times", {"fields": ["created_at", "updated_at"]}),
    ]
    copy = staticmethod(yes_no("is_duplicate_event", "duplicate"))
    project_link = staticmethod(project_link)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        rows = Event.objects.select_related("project")
        return rows.defer("data", "headers", "project__config", "project__meta_event")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by id, and by key where a project is chosen: keys are indexed by project."""
        if search_term and "project" not in request.GET:
            return queryset.filter(pk=search_term), False
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description="created")
    def sent_at(self, event: Event) -> SafeString:
        """Return the time, which links to the event's page."""
        return at(event.created_at)

    @admin.display(description="type")
    def type(self, event: Event) -> SafeString:
        """Return the event type, cut at the width of the column."""
        return cut(event.event_type)

    @admin.display(description="status")
    def state(self, event: Event) -> SafeString:
        """Return the status as a word with a colour."""
        return pill(event.status, TONES.get(event.status, ""))

    @admin.display(description="idempotency key")
    def key(self, event: Event) -> SafeString:
        """Return the key, cut at the width of the column."""
        return cut(event.idempotency_key)

    @admin.display(description="sent to the owner")
    def customer(self, event: Event) -> SafeString:
        """Return the owner to whose endpoints it was addressed, which links to the customer's page."""
        return customer_link(event.project_id, event.owner_id)

    @admin.display(description="headers")
    def custom_headers(self, event: Event) -> SafeString:
        """Show the custom headers, masked as in the portal."""
        return headers(mask_headers(event.headers))

    @admin.display
    def payload(self, event: Event) -> SafeString:
        """Show the payload."""
        return payload(event.data, hidden=event.hides_payload)  # type: ignore[attr-defined]  # get_object

    @admin.display(description="deliveries")
    def its_deliveries(self, event: Event) -> SafeString:
        """Link to the deliveries."""
        return list_link("events_eventdelivery_changelist", "its deliveries", event=event.pk)

    @admin.display(description="endpoints")
    def its_endpoints(self, event: Event) -> SafeString:
        """Link to the endpoints to which it went, MOST_ENDPOINTS at most."""
        ids = event.endpoints[:MOST_ENDPOINTS]
        names = dict(Endpoint.objects.filter(pk__in=ids).values_list("pk", "name"))
        links = ((row_link("endpoints_endpoint_change", uid, names.get(uid, uid)),) for uid in ids)
        return format_html_join(", ", "{}", links)
