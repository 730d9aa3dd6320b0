"""Show subscriptions and their filters to operators. These pages change nothing."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from core.admin import OperatorAdmin, shown_json
from subscriptions.models import Subscription

#: Filters on a page.
MOST_FILTERS = 200


@admin.register(Subscription)
class SubscriptionAdmin(OperatorAdmin):
    """The live subscriptions on live endpoints of live projects."""

    list_display = ["name", "short_event_types", "endpoint", "project", "created_at"]
    search_fields = ["uid__exact", "endpoint__uid__exact", "project__uid__exact"]
    search_help_text = "By id, or by the id of the endpoint or of the project."
    fields = [
        *("name", "endpoint", "project", "uid", "delivery_mode", "shown_conditions", "shown_filters"),
        *("created_at", "updated_at"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        live = Subscription.objects.filter(deleted_at=None, endpoint__deleted_at=None, project__deleted_at=None)
        hidden = ("secrets", "authentication", "mtls_client_cert", "custom_headers", "metadata")
        return live.select_related("project", "endpoint").defer(
            "project__config", "project__meta_event", *(f"endpoint__{name}" for name in hidden)
        )

    @admin.display(description="event types")
    def short_event_types(self, subscription: Subscription) -> str:
        """Return the first event types, for the list's column."""
        return Truncator(", ".join(subscription.event_types[:20])).chars(80)

    @admin.display(description="conditions")
    def shown_conditions(self, subscription: Subscription) -> SafeString:
        """Return the conditions that the subscription was saved with."""
        return shown_json(subscription.filter)

    @admin.display(description="filters")
    def shown_filters(self, subscription: Subscription) -> SafeString:
        """Return the filters that events are matched with, a row for each event type."""
        rows = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            (
                (
                    row.event_type,
                    row.enabled_at or "disabled",
                    shown_json(row.conditions),
                    row.uid,
                )
                for row in subscription.filters.order_by("-pk")[:MOST_FILTERS]
            ),
        )
        head = "<tr><th>Event type</th><th>Enabled since</th><th>Conditions</th><th>Id</th></tr>"
        return format_html("<table><thead>{}</thead><tbody>{}</tbody></table>", SafeString(head), rows)
