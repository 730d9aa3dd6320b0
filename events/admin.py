"""Show events to operators."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin import NOTHING, TimedAdmin, shown_text
from events.models import Event
from outbound.states import Status


class StatusFilter(admin.SimpleListFilter):
    """The states of events by name: Django would read all events to learn which there are."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the states that an event can have."""
        return [(str(status), str(status)) for status in (Status.SUCCESS, Status.FAILURE)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        """Return the events of the chosen state."""
        return queryset.filter(status=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(TimedAdmin):
    """The events that companies have sent."""

    list_display = ["uid", "event_type", "channel", "status", "is_duplicate_event", "idempotency_key", "project"]
    list_display += ["created_at"]
    list_filter = [StatusFilter, "channel", "is_duplicate_event"]
    search_fields = ["uid__exact", "idempotency_key__exact"]
    search_help_text = "By id. Once a project is chosen, also by idempotency key."
    fieldsets = [
        (None, {"fields": ["uid", "project", "event_type", "channel", "owner_id", "endpoints"]}),
        ("Outcome", {"fields": ["status", "failure_reason", "is_duplicate_event", "its_deliveries"]}),
        ("Content", {"fields": ["idempotency_key", "key_scope", "custom_headers", "payload"]}),
        ("Message", {"fields": ["external_id", "channels", "tags", "expunged_at"]}),
        ("Times", {"fields": ["created_at", "updated_at"]}),
    ]

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

    @admin.display(description="headers")
    def custom_headers(self, event: Event) -> SafeString:
        """Show the custom headers."""
        return shown_text(json.dumps(event.headers, indent=2, ensure_ascii=False)) if event.headers else NOTHING

    @admin.display
    def payload(self, event: Event) -> SafeString:
        """Show the payload, byte for byte."""
        return shown_text(event.data)

    @admin.display(description="deliveries")
    def its_deliveries(self, event: Event) -> SafeString:
        """Link to the deliveries."""
        return format_html(
            '<a href="{}?event={}">its deliveries</a>', reverse("admin:events_eventdelivery_changelist"), event.pk
        )
