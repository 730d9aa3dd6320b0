"""Meta events in the admin, where they can be sent again."""

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin import NOTHING, OperatorAdmin
from core.admin_filters import ByProject, ByType, Since
from meta_events.models import MetaEvent
from meta_events.operations import resend_meta_event


@admin.register(MetaEvent)
class MetaEventAdmin(OperatorAdmin):
    """The meta events of live projects."""

    list_display = ["created_at", "event_type", "status", "num_trials", "project", "next_send_time"]
    list_filter = [Since, "status", ByType, ByProject]
    search_fields = ["uid__exact", "project__exact"]
    search_help_text = "By id, or by the id of the project."
    actions = ["resend"]
    fieldsets = [
        (None, {"fields": ["uid", "project", "event_type", "status"]}),
        ("Delivery", {"fields": ["num_trials", "retry_limit", "strategy", "interval_seconds", "next_send_time"]}),
        ("Request and last answer", {"fields": ["shown_body", "shown_attempt"]}),
        ("Times", {"fields": ["created_at", "updated_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[MetaEvent]:
        rows = MetaEvent.objects.filter(project__deleted_at=None).select_related("project")
        return rows.defer("body", "attempt", "project__config", "project__meta_event")

    @admin.display(description="body")
    def shown_body(self, meta_event: MetaEvent) -> SafeString:
        """Return the body, byte for byte."""
        return format_html("<pre>{}</pre>", meta_event.body)

    @admin.display(description="attempt")
    def shown_attempt(self, meta_event: MetaEvent) -> SafeString:
        """Return the last attempt that was answered."""
        if meta_event.attempt is None:
            return NOTHING
        return format_html("<pre>{}</pre>", json.dumps(meta_event.attempt, indent=2, ensure_ascii=False))

    @admin.action(description="Send again", permissions=["operate"])
    def resend(self, request: HttpRequest, selected: QuerySet[MetaEvent]) -> HttpResponseBase | None:
        """Queue the selected meta events again."""
        return self.run(
            request, selected, lambda row: resend_meta_event(row.project_id, row.pk), "Queued to be sent again"
        )
