"""The admin pages of endpoints and of their notifications."""

import json
from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.admin import NOTHING, TimedAdmin, by_ids, shown_text
from core.admin_display import at, customer_link, cut, list_link, pill, project_link, row_link, yes_no
from core.admin_filters import ByEndpoint, ByOwner, ByProject, Since
from core.api.values import REDACTED
from endpoints import authentication, operations
from endpoints.models import Endpoint, Notification
from endpoints.secrets import is_live

OVERLAP_HOURS = 24
#: The colours of the statuses.
TONES: dict[str, str] = {
    Endpoint.Status.ACTIVE: "good",
    Endpoint.Status.PAUSED: "warn",
    Endpoint.Status.PENDING: "warn",
    Endpoint.Status.INACTIVE: "bad",
}
ADVANCED = yes_no("advanced_signatures", "timestamp in the signature")


@admin.register(Endpoint)
class EndpointAdmin(TimedAdmin):
    """The live endpoints of live projects. They are created and edited through the API."""

    list_display = ["name", "short_url", "customer", "status_word", "project", "created_at"]
    list_filter = [Since, "status", ByOwner, ByProject]
    search_fields = ["uid__exact", "owner_id__startswith", "url__startswith", "name__startswith"]
    search_help_text = "By id, or by the beginning of the name, the owner_id or the URL (https:// may be left out)."
    actions = ["pause", "activate", "rotate_secret"]
    fieldsets = [
        (None, {"fields": ["name", "url", "status_word", "changed", "customer", "project_link", "uid", "related"]}),
        ("More", {"fields": ["description", "shown_metadata"]}),
        (
            "Delivery",
            {"fields": ["http_timeout", "rate_limit", "rate_limit_duration", "content_type", ADVANCED]},
        ),
        ("Secrets and credentials", {"fields": ["signing_secrets", "shown_authentication", "client_certificate"]}),
        ("Contact", {"fields": ["support_email", "slack_webhook", "teams_webhook"]}),
        ("Times", {"fields": ["created_at", "updated_at"]}),
    ]
    project_link = staticmethod(project_link)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        live = Endpoint.objects.filter(deleted_at=None, project__deleted_at=None).select_related("project")
        encrypted = ("secrets", "authentication", "mtls_client_cert", "custom_headers")
        return live.defer(*encrypted, "project__config", "project__meta_event")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search as everywhere, and find URLs by the text after their scheme as well."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        if search_term and "://" not in search_term:
            for scheme in ("https", "http"):
                found |= queryset.filter(url__startswith=f"{scheme}://{search_term}")
        return (by_ids(queryset, found) if search_term else found), may_repeat

    @admin.display(description="URL")
    def short_url(self, endpoint: Endpoint) -> SafeString:
        """Return the URL, cut at the width of the column."""
        return cut(endpoint.url)

    @admin.display(description="owner")
    def customer(self, endpoint: Endpoint) -> SafeString:
        """Return the owner, which links to the customer's page."""
        return customer_link(endpoint.project_id, endpoint.owner_id)

    @admin.display(description="status")
    def status_word(self, endpoint: Endpoint) -> SafeString:
        """Return the status as a word with a colour."""
        return pill(endpoint.status, TONES[endpoint.status])

    @admin.display(description="since")
    def changed(self, endpoint: Endpoint) -> SafeString:
        """Return since when it has its status, who has changed it, and after which answer."""
        if endpoint.status_since is None:
            return NOTHING
        actor = endpoint.status_actor or {}
        who = " ".join(filter(None, (actor.get("kind"), actor.get("name"))))
        after = f"after: {endpoint.status_reason}" if endpoint.status_reason else ""
        return format_html("{} {} {}", at(endpoint.status_since), f"by {who}" if who else "", after)

    @admin.display(description="lists")
    def related(self, endpoint: Endpoint) -> SafeString:
        """Link to the lists of what belongs to the endpoint."""
        links = (
            list_link(
                "events_eventdelivery_changelist", "failed deliveries", endpoint=endpoint.pk, status__exact="Failure"
            ),
            list_link("events_eventdelivery_changelist", "deliveries", endpoint=endpoint.pk),
            list_link("events_event_changelist", "events", endpoint=endpoint.pk),
            list_link("subscriptions_subscription_changelist", "subscriptions", q=endpoint.pk),
            list_link("activity_activity_changelist", "activity", q=endpoint.pk),
            list_link("endpoints_notification_changelist", "notifications", q=endpoint.pk),
        )
        return format_html_join(" · ", "{}", ((each,) for each in links))

    @admin.display(description="secrets")
    def signing_secrets(self, endpoint: Endpoint) -> SafeString:
        """Return a table of the secrets without their values."""
        now = timezone.now()
        rows = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            (
                (
                    secret["uid"],
                    "live" if is_live(secret, now) else "ended",
                    secret["created_at"],
                    secret["expires_at"] or "never",
                )
                for secret in endpoint.secrets
            ),
        )
        head = "<tr><th>Id</th><th>State</th><th>Created</th><th>Expires</th></tr>"
        return format_html("<table><thead>{}</thead><tbody>{}</tbody></table>", SafeString(head), rows)

    @admin.display(description="metadata")
    def shown_metadata(self, endpoint: Endpoint) -> SafeString:
        """Return the metadata of the portal session in which the endpoint was created."""
        shown = json.dumps(endpoint.metadata, indent=2, ensure_ascii=False)
        return format_html("<pre>{}</pre>", shown) if endpoint.metadata else NOTHING

    @admin.display(description="authentication")
    def shown_authentication(self, endpoint: Endpoint) -> SafeString:
        """Return the authentication object of the API, redacted."""
        shown = authentication.shown(endpoint.authentication, reveal=False)
        return (
            NOTHING if shown is None else format_html("<pre>{}</pre>", json.dumps(shown, indent=2, ensure_ascii=False))
        )

    @admin.display(description="mTLS certificate")
    def client_certificate(self, endpoint: Endpoint) -> SafeString:
        """Return the certificate, which is public, without its key."""
        pair = endpoint.mtls_client_cert
        return NOTHING if pair is None else format_html("<pre>{}</pre>", pair["client_cert"])

    @admin.display(description="Slack webhook")
    def slack_webhook(self, endpoint: Endpoint) -> str:
        """Return the URL without its path, which is a credential."""
        return _without_path(endpoint.slack_webhook_url)

    @admin.display(description="Teams webhook")
    def teams_webhook(self, endpoint: Endpoint) -> str:
        """Return the URL without its path, which is a credential."""
        return _without_path(endpoint.teams_webhook_url)

    @admin.action(description="Pause", permissions=["operate"])
    def pause(self, request: HttpRequest, selected: QuerySet[Endpoint]) -> HttpResponseBase | None:
        """Pause the selected endpoints."""
        return self.run(request, selected, lambda row: operations.pause_endpoint(row.project_id, row.pk), "Paused")

    @admin.action(description="Activate (also ends a pause)", permissions=["operate"])
    def activate(self, request: HttpRequest, selected: QuerySet[Endpoint]) -> HttpResponseBase | None:
        """Activate the selected endpoints."""
        return self.run(
            request, selected, lambda row: operations.activate_endpoint(row.project_id, row.pk), "Activated"
        )

    @admin.action(
        description=f"Rotate the secret (the old secret stays live for {OVERLAP_HOURS} hours)", permissions=["operate"]
    )
    def rotate_secret(self, request: HttpRequest, selected: QuerySet[Endpoint]) -> HttpResponseBase | None:
        """Give the selected endpoints new secrets."""
        return self.run(
            request,
            selected,
            lambda row: operations.expire_secret(row.project_id, row.pk, expiration=OVERLAP_HOURS),
            f"Rotated the secret, the old secret stays live for {OVERLAP_HOURS} hours",
        )


def _without_path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}/{REDACTED}" if url else NOTHING


@admin.register(Notification)
class NotificationAdmin(TimedAdmin):
    """The messages to people about endpoints, with their outcome."""

    list_display = ["created_at", "short_subject", "channel", "endpoint_link", "num_trials", "short_error", "sent_at"]
    list_filter = [Since, "channel", ByEndpoint]
    search_fields = ["uid__exact", "endpoint__exact"]
    search_help_text = "By the id of a notification or of an endpoint."
    fieldsets = [
        (None, {"fields": ["uid", "endpoint_link", "channel", "subject", "message"]}),
        ("Outcome", {"fields": ["num_trials", "error", "sent_at", "due_at"]}),
        ("Times", {"fields": ["created_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notification]:
        secret = ("endpoint__secrets", "endpoint__authentication", "endpoint__mtls_client_cert")
        return Notification.objects.select_related("endpoint").defer("text", *secret)

    @admin.display(description="subject")
    def short_subject(self, notification: Notification) -> SafeString:
        """Return the subject, cut at the width of the column."""
        return cut(notification.subject)

    @admin.display(description="error")
    def short_error(self, notification: Notification) -> SafeString:
        """Return the last error, cut at the width of the column."""
        return cut(notification.error)

    @admin.display(description="endpoint")
    def endpoint_link(self, notification: Notification) -> SafeString:
        """Return a link to the endpoint."""
        return row_link("endpoints_endpoint_change", notification.endpoint_id, notification.endpoint.name)

    @admin.display
    def message(self, notification: Notification) -> SafeString:
        """Return the text of the message."""
        return shown_text(notification.text)
