"""Show deliveries and attempts to operators, who can send deliveries again."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from core.admin import NOTHING
from core.admin_display import (
    at,
    customer_link,
    cut,
    headers,
    list_link,
    payload,
    pill,
    row_link,
    seconds_between,
    yes_no,
)
from core.admin_filters import ByEndpoint, ByProject, Since
from deliveries import operations as deliveries
from deliveries.admin_filters import ByOwnerOfEndpoint, OfEndpoint, OfOwner, OfType, endpoints_named
from deliveries.attempt_display import TONES, attempt_shown
from deliveries.glance import MOST_ROWS, RECENT, glance
from deliveries.links import create_link
from deliveries.operations import GIVEN_UP, WAITING
from deliveries.reads import newest_attempts
from events.models import DeliveryAttempt, EventDelivery
from events.payload_admin import PayloadAdmin
from outbound.headers import mask_headers
from portal_links.models import delivery_link_url

#: The most links that one action makes.
MOST_LINKS = 20


@admin.register(EventDelivery)
class EventDeliveryAdmin(PayloadAdmin):
    """The deliveries, and an action to send those again that have failed."""

    list_display = ["sent_at", "type", "state", "last_answer", "tries", "to_endpoint", "customer"]
    list_filter = [Since, "status", OfType, ByOwnerOfEndpoint, ByEndpoint, ByProject]
    search_fields = ["uid__exact", "event__exact", "endpoint__exact"]
    search_help_text = "By the id of a delivery, an event or an endpoint, or by a whole owner_id or endpoint's name."
    actions = ["resend", "share"]
    change_list_template = "operators/deliveries.html"
    change_form_template = "operators/delivery.html"
    fieldsets = [
        (
            None,
            {
                "fields": [
                    *("uid", "state", "description", "event_type", "customer", "to_endpoint", "url", "event_link"),
                    "subscription_link",
                ]
            },
        ),
        ("What is sent", {"fields": ["payload", "custom_headers"]}),
        (
            "Progress",
            {
                "fields": [
                    *("num_trials", "num_trials_before", "retry_limit", "next_send_time", "due_at"),
                    *(yes_no("is_parked", "waits for a place at its endpoint"), "latency_seconds", "its_attempts"),
                ]
            },
        ),
        ("Sending", {"fields": ["delivery_mode", "strategy", "interval_seconds"]}),
        ("Times", {"fields": ["created_at", "updated_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EventDelivery]:
        rows = EventDelivery.objects.select_related("project", "endpoint")
        secret = (
            "endpoint__secrets",
            "endpoint__authentication",
            "endpoint__mtls_client_cert",
            "endpoint__custom_headers",
        )
        last = DeliveryAttempt.objects.filter(delivery=OuterRef("pk")).order_by("-pk")
        return rows.defer("project__config", "project__meta_event", *secret).annotate(
            last_status=Subquery(last.values("http_status")[:1]), last_error=Subquery(last.values("error")[:1])
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by ids, or by the owner or name of the endpoint where there is one."""
        text = search_term.replace("\x00", "").strip()
        found = list(endpoints_named(text)) if text else []
        if found:
            return queryset.filter(endpoint__in=found), False
        return super().get_search_results(request, queryset, search_term)

    def get_urls(self) -> list[Any]:
        """Return Django's routes, and that of the button which sends one delivery again."""
        again = path("<delivery_id>/resend", self.admin_site.admin_view(self.resend_one), name="delivery_resend")
        return [again, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        """Show the delivery with the requests that were made, and their answers, to those who may see attempts."""
        delivery: Any = kwargs["obj"]
        sees_attempts = self.admin_site.get_model_admin(DeliveryAttempt).has_view_permission(request)
        found = newest_attempts(delivery) if sees_attempts else []
        context |= {
            "again_label": self._label(request, delivery),
            "sees_attempts": sees_attempts,
            "attempts": [attempt_shown(each, hides_answer=delivery.hides_payload) for each in found],
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may send deliveries again."""
        return self.has_operate_permission(request) or request.user.has_perm("events.resend_eventdelivery")

    def _label(self, request: HttpRequest, delivery: EventDelivery) -> str:
        """Return the label of the button that sends it again; blank where there is no such button."""
        if not self.has_resend_permission(request):
            return ""
        return "Send again" if delivery.status in GIVEN_UP else "Send now" if delivery.status in WAITING else ""

    @method_decorator(require_POST)
    def resend_one(self, request: HttpRequest, delivery_id: str) -> HttpResponseBase:
        """Send one delivery again, or at once where it waits, and show its page."""
        if not self.has_resend_permission(request):
            raise PermissionDenied
        row = get_object_or_404(EventDelivery.objects.filter(pk=delivery_id))
        operation = deliveries.send_now if row.status in WAITING else deliveries.resend_delivery
        self.run(
            request,
            EventDelivery.objects.filter(pk=row.pk),
            lambda each: operation(each.project_id, each.pk),
            "Scheduled again",
        )
        return redirect("admin:events_eventdelivery_change", row.pk)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list, under the figures of each project."""
        if request.method == "GET":
            titles = ["Project", "In the queue", "Oldest due", "Attempts", "Failed"]
            figures = {"glance": glance(), "titles": titles, "minutes": RECENT.seconds // 60, "most_rows": MOST_ROWS}
            extra_context = figures | (extra_context or {})
        return super().changelist_view(request, extra_context)

    @admin.display(description="created")
    def sent_at(self, delivery: EventDelivery) -> SafeString:
        """Return the time, which links to the delivery's page."""
        return at(delivery.created_at)

    @admin.display(description="type")
    def type(self, delivery: EventDelivery) -> SafeString:
        """Return the event type, and whether it is a test."""
        return format_html("{}{}", cut(delivery.event_type), " (test)" if delivery.test else "")

    @admin.display(description="status")
    def state(self, delivery: EventDelivery) -> SafeString:
        """Return the status as a word with a colour."""
        return pill(delivery.status, TONES.get(delivery.status, ""))

    @admin.display(description="last answer")
    def last_answer(self, delivery: EventDelivery) -> SafeString:
        """Return the answer to the last attempt, or why nothing was sent."""
        last_status, last_error = delivery.last_status, delivery.last_error  # type: ignore[attr-defined]  # annotated
        return cut(last_status or last_error or delivery.description)

    @admin.display(description="attempts")
    def tries(self, delivery: EventDelivery) -> str:
        """Return how many attempts were made, of how many."""
        made = delivery.num_trials - delivery.num_trials_before
        return f"{made} of {max(delivery.retry_limit, made)}"

    @admin.display(description="endpoint")
    def to_endpoint(self, delivery: EventDelivery) -> SafeString:
        """Return the endpoint's name, which leads to it, over its URL."""
        link = row_link("endpoints_endpoint_change", delivery.endpoint_id, delivery.endpoint.name, "cut")
        return format_html("{}<br>{}", link, cut(delivery.endpoint.url, "cut quiet"))

    @admin.display(description="URL")
    def url(self, delivery: EventDelivery) -> str:
        """Return the whole URL."""
        return delivery.endpoint.url

    @admin.display
    def customer(self, delivery: EventDelivery) -> SafeString:
        """Return the owner above the project, each of which links to its page."""
        project = row_link("projects_project_change", delivery.project_id, delivery.project.name, "cut narrow quiet")
        return format_html("{}<br>{}", customer_link(delivery.project_id, delivery.endpoint.owner_id), project)

    @admin.display(description="event")
    def event_link(self, delivery: EventDelivery) -> SafeString:
        """Link to the event."""
        return row_link("events_event_change", delivery.event_id)

    @admin.display(description="subscription")
    def subscription_link(self, delivery: EventDelivery) -> SafeString:
        """Link to the subscription."""
        return row_link("subscriptions_subscription_change", delivery.subscription_id)

    @admin.display(description="attempts")
    def its_attempts(self, delivery: EventDelivery) -> SafeString:
        """Link to the attempts."""
        return list_link("events_deliveryattempt_changelist", "all attempts", delivery=delivery.pk)

    @admin.display(description="headers")
    def custom_headers(self, delivery: EventDelivery) -> SafeString:
        """Show the event's custom headers, masked as in the portal."""
        return headers(mask_headers(delivery.event.headers))

    @admin.display
    def payload(self, delivery: EventDelivery) -> SafeString:
        """Show the payload."""
        return payload(delivery.event.data, hidden=delivery.hides_payload)  # type: ignore[attr-defined]  # get_object

    @admin.action(description="Send again (failed deliveries)", permissions=["resend"])
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
class DeliveryAttemptAdmin(PayloadAdmin):
    """The requests that were made. Credentials are masked before they are stored."""

    list_display = ["made_at", "answer", "took", "short_url", "delivery_link", "project"]
    list_filter = [Since, "status", OfOwner, OfEndpoint, ByProject]
    search_fields = ["uid__exact", "delivery__exact"]
    search_help_text = "By the id of an attempt or of a delivery."
    fieldsets = [
        (None, {"fields": ["uid", "answer", "took", "delivery_link", "endpoint_link", "customer", "project"]}),
        ("Request", {"fields": ["url", "ip_address", "requested_at", "request_headers"]}),
        ("Answer", {"fields": ["http_status", "error", "responded_at", "response_headers", "response"]}),
        ("Times", {"fields": ["created_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeliveryAttempt]:
        rows = DeliveryAttempt.objects.select_related("project", "endpoint")
        heavy = ("request_http_header", "response_http_header", "response_data")
        secret = ("endpoint__secrets", "endpoint__authentication", "endpoint__mtls_client_cert")
        return rows.defer("project__config", "project__meta_event", *heavy, *secret)

    @admin.display(description="requested")
    def made_at(self, attempt: DeliveryAttempt) -> SafeString:
        """Return the time, which links to the attempt's page."""
        return at(attempt.requested_at)

    @admin.display
    def answer(self, attempt: DeliveryAttempt) -> SafeString:
        """Return the answer, or the error, with the colour of success or failure."""
        return pill(attempt.http_status or attempt.error, "good" if attempt.status else "bad")

    @admin.display
    def took(self, attempt: DeliveryAttempt) -> str:
        """Return how long the answer took."""
        return seconds_between(attempt.requested_at, attempt.responded_at) or "no answer"

    @admin.display(description="URL")
    def short_url(self, attempt: DeliveryAttempt) -> SafeString:
        """Return the URL, cut at the width of the column."""
        return cut(attempt.url)

    @admin.display(description="delivery")
    def delivery_link(self, attempt: DeliveryAttempt) -> SafeString:
        """Link to the delivery."""
        return row_link("events_eventdelivery_change", attempt.delivery_id, name="cut")

    @admin.display(description="endpoint")
    def endpoint_link(self, attempt: DeliveryAttempt) -> SafeString:
        """Link to the endpoint."""
        return row_link("endpoints_endpoint_change", attempt.endpoint_id, attempt.endpoint.name)

    @admin.display
    def customer(self, attempt: DeliveryAttempt) -> SafeString:
        """Return the owner, which links to the customer's page."""
        return customer_link(attempt.project_id, attempt.endpoint.owner_id)

    @admin.display
    def request_headers(self, attempt: DeliveryAttempt) -> SafeString:
        """Show the headers that were sent, masked as in the portal."""
        return headers(mask_headers(attempt.request_http_header))

    @admin.display
    def response_headers(self, attempt: DeliveryAttempt) -> SafeString:
        """Show the headers of the response, masked as in the portal."""
        return headers(mask_headers(attempt.response_http_header))

    @admin.display
    def response(self, attempt: DeliveryAttempt) -> SafeString:
        """Show the beginning of the response's body."""
        hides: bool = attempt.hides_payload  # type: ignore[attr-defined]  # get_object
        return payload(attempt.response_data, hidden=hides) if attempt.response_data else NOTHING
