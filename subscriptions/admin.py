"""Show subscriptions and their filters to operators. These pages change nothing."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.admin import TimedAdmin, shown_json
from core.admin_display import customer_link, cut, list_link, project_link, row_link
from core.admin_filters import ByEndpoint, ByProject, Since, typed
from subscriptions.models import Subscription

#: The most filters on a page.
MOST_FILTERS = 200
OfOwner = typed("owner", "owner", "endpoint__owner_id", "An owner_id, whole")


@admin.register(Subscription)
class SubscriptionAdmin(TimedAdmin):
    """The live subscriptions on live endpoints of live projects."""

    list_display = ["short_name", "short_event_types", "endpoint_link", "customer", "project", "created_at"]
    list_filter = [Since, OfOwner, ByEndpoint, ByProject]
    search_fields = ["uid__exact", "endpoint__uid__exact", "project__uid__exact"]
    search_help_text = "By id, or by the id of the endpoint or of the project."
    fields = [
        *("name", "endpoint_link", "customer", "project_link", "uid", "delivery_mode", "shown_conditions"),
        *("shown_filters", "related"),
        *("created_at", "updated_at"),
    ]
    project_link = staticmethod(project_link)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        live = Subscription.objects.filter(deleted_at=None, endpoint__deleted_at=None, project__deleted_at=None)
        hidden = ("secrets", "authentication", "mtls_client_cert", "custom_headers", "metadata")
        return live.select_related("project", "endpoint").defer(
            "project__config", "project__meta_event", *(f"endpoint__{name}" for name in hidden)
        )

    @admin.display(description="name")
    def short_name(self, subscription: Subscription) -> SafeString:
        """Return the name, cut at the width of the column."""
        return cut(subscription.name)

    @admin.display(description="event types")
    def short_event_types(self, subscription: Subscription) -> SafeString:
        """Return the first event types, cut at the width of the column."""
        return cut(", ".join(subscription.event_types[:20]))

    @admin.display(description="endpoint")
    def endpoint_link(self, subscription: Subscription) -> SafeString:
        """Return the endpoint, which links to its page."""
        return row_link("endpoints_endpoint_change", subscription.endpoint_id, subscription.endpoint.name, "cut")

    @admin.display(description="owner")
    def customer(self, subscription: Subscription) -> SafeString:
        """Return the owner of the endpoint, which links to the customer's page."""
        return customer_link(subscription.project_id, subscription.endpoint.owner_id)

    @admin.display(description="lists")
    def related(self, subscription: Subscription) -> SafeString:
        """Link to the deliveries to the endpoint."""
        return list_link(
            "events_eventdelivery_changelist", "deliveries to its endpoint", endpoint=subscription.endpoint_id
        )

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
