"""Show deliveries and attempts to operators, who can send deliveries again."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from core.admin import NOTHING, TimedAdmin, shown_text
from deliveries import operations as deliveries
from deliveries.glance import MOST_ROWS, RECENT, glance
from deliveries.links import create_link
from events.models import DeliveryAttempt, EventDelivery
from portal_links.models import delivery_link_url

#: The links that one action makes.
MOST_LINKS = 20


@admin.register(EventDelivery)
class EventDeliveryAdmin(TimedAdmin):
    """The deliveries, and an action to send those again that have failed."""

    list_display = [
        "uid",
        "event_type",
        "status",
        "description",
        "num_trials",
        "next_send_time",
        "short_url",
        "project",
    ]
    list_filter = ["status"]
    search_fields = ["uid__exact", "event__exact", "endpoint__exact"]
    search_help_text = "By the id of a delivery, an event or an endpoint."
    actions = ["resend", "share"]
    change_list_template = "operators/deliveries.html"
    fieldsets = [
        (None, {"fields": ["uid", "project", "event_link", "endpoint", "subscription", "event_type"]}),
        (
            "Progress",
            {
                "fields": [
                    *("status", "description", "num_trials", "num_trials_before", "retry_limit", "next_send_time"),
                    *("due_at", "is_parked", "latency_seconds", "its_attempts"),
                ]
            },
        ),
        ("Sending", {"fields": ["delivery_mode", "strategy", "interval_seconds", "custom_headers", "payload"]}),
        ("Times", {"fields": ["created_at", "updated_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EventDelivery]:
        rows = EventDelivery.objects.select_related("project", "endpoint")
        secret = ("secrets", "authentication", "mtls_client_cert", "custom_headers")
        return rows.defer("project__config", "project__meta_event", *(f"endpoint__{name}" for name in secret))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list, under the figures of each project."""
        if request.method == "GET":
            titles = ["Project", "In the queue", "Oldest due", "Attempts", "Failed"]
            figures = {"glance": glance(), "titles": titles, "minutes": RECENT.seconds // 60, "most_rows": MOST_ROWS}
            extra_context = figures | (extra_context or {})
        return super().changelist_view(request, extra_context)

    @admin.display(description="endpoint's URL")
    def short_url(self, delivery: EventDelivery) -> str:
        """Return the beginning of the URL."""
        return Truncator(delivery.endpoint.url).chars(40)

    @admin.display(description="event")
    def event_link(self, delivery: EventDelivery) -> SafeString:
        """Link to the event."""
        url = reverse("admin:events_event_change", args=[delivery.event_id])
        return format_html('<a href="{}">{}</a>', url, delivery.event_id)

    @admin.display(description="attempts")
    def its_attempts(self, delivery: EventDelivery) -> SafeString:
        """Link to the attempts."""
        return _link("deliveryattempt", "its attempts", delivery=delivery.pk)

    @admin.display(description="headers")
    def custom_headers(self, delivery: EventDelivery) -> SafeString:
        """Show the event's custom headers."""
        headers = delivery.event.headers
        return shown_text(json.dumps(headers, indent=2, ensure_ascii=False)) if headers else NOTHING

    @admin.display
    def payload(self, delivery: EventDelivery) -> SafeString:
        """Show the payload, byte for byte."""
        return shown_text(delivery.event.data)

    @admin.action(description="Send again (failed deliveries)", permissions=["operate"])
    def resend(self, request: HttpRequest, selected: QuerySet[EventDelivery]) -> HttpResponseBase | None:
        """Put the selected deliveries into the queue again."""
        return self.run(
            request, selected, lambda row: deliveries.resend_delivery(row.project_id, row.pk), "Scheduled again"
        )

    @admin.action(description="Make a link to each, for 24 hours", permissions=["operate"])
    def share(self, request: HttpRequest, selected: QuerySet[EventDelivery]) -> HttpResponseBase | None:
        """Make a link to each of the selected deliveries, and show their addresses, which no page does again."""
        rows = list(selected[: MOST_LINKS + 1])
        if len(rows) > MOST_LINKS:
            self.message_user(request, f"Select at most {MOST_LINKS} at once. No link was made.", messages.ERROR)
            return None
        made = []
        for row in rows:
            link = create_link(row.project_id, row.pk, shows_payload=True)
            self.log_change(request, row, "Made a link.")
            made.append((row, delivery_link_url(row.project_id, link.token)))
        context = {"title": "Links to deliveries", "opts": self.opts, "made": made}
        template = "operators/delivery_links.html"
        return TemplateResponse(request, template, self.admin_site.each_context(request) | context)


@admin.register(DeliveryAttempt)
class DeliveryAttemptAdmin(TimedAdmin):
    """The requests that were made. Credentials are masked before they are stored."""

    list_display = ["uid", "http_status", "succeeded", "short_error", "short_url", "project", "created_at"]
    list_filter = ["status"]
    search_fields = ["uid__exact", "delivery__exact"]
    search_help_text = "By the id of an attempt or of a delivery."
    fieldsets = [
        (None, {"fields": ["uid", "project", "delivery_link", "url", "ip_address"]}),
        ("Answer", {"fields": ["succeeded", "http_status", "error", "response_headers", "response"]}),
        ("Request", {"fields": ["request_headers"]}),
        ("Times", {"fields": ["requested_at", "responded_at", "created_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeliveryAttempt]:
        rows = DeliveryAttempt.objects.select_related("project")
        heavy = ("request_http_header", "response_http_header", "response_data")
        return rows.defer("project__config", "project__meta_event", *heavy)

    @admin.display(boolean=True)
    def succeeded(self, attempt: DeliveryAttempt) -> bool:
        """Return whether the attempt has succeeded."""
        return attempt.status

    @admin.display(description="error")
    def short_error(self, attempt: DeliveryAttempt) -> str:
        """Return the beginning of the error."""
        return Truncator(attempt.error).chars(60)

    @admin.display(description="URL")
    def short_url(self, attempt: DeliveryAttempt) -> str:
        """Return the beginning of the URL."""
        return Truncator(attempt.url).chars(60)

    @admin.display(description="delivery")
    def delivery_link(self, attempt: DeliveryAttempt) -> SafeString:
        """Link to the delivery."""
        url = reverse("admin:events_eventdelivery_change", args=[attempt.delivery_id])
        return format_html('<a href="{}">{}</a>', url, attempt.delivery_id)

    @admin.display
    def request_headers(self, attempt: DeliveryAttempt) -> SafeString:
        """Show the headers that were sent, credentials masked."""
        return shown_text(json.dumps(attempt.request_http_header, indent=2, ensure_ascii=False))

    @admin.display
    def response_headers(self, attempt: DeliveryAttempt) -> SafeString:
        """Show the headers of the response."""
        return shown_text(json.dumps(attempt.response_http_header, indent=2, ensure_ascii=False))

    @admin.display
    def response(self, attempt: DeliveryAttempt) -> SafeString:
        """Show the beginning of the response's body."""
        return shown_text(attempt.response_data) if attempt.response_data else NOTHING


def _link(model: str, label: str, **query: str) -> SafeString:
    [(name, value)] = query.items()
    return format_html('<a href="{}?{}={}">{}</a>', reverse(f"admin:events_{model}_changelist"), name, value, label)
