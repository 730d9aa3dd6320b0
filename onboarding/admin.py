"""Batches of bulk onboardings in the admin."""

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin import OperatorAdmin
from core.admin_filters import ByProject, Since
from onboarding.models import OnboardBatch


@admin.register(OnboardBatch)
class OnboardBatchAdmin(OperatorAdmin):
    """The batches of live projects. Their items, which hold passwords, are not shown."""

    list_display = ["created_at", "project", "first_row", "total_items", "finished_at"]
    list_filter = [Since, ByProject]
    search_fields = ["uid__exact", "project__exact"]
    search_help_text = "By id, or by the id of the project."
    fieldsets = [
        (None, {"fields": ["uid", "project", "first_row", "total_items", "created_at", "finished_at"]}),
        ("Outcome", {"fields": ["shown_results"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OnboardBatch]:
        rows = OnboardBatch.objects.filter(project__deleted_at=None).select_related("project")
        return rows.defer("items", "results", "project__config", "project__meta_event")

    @admin.display(description="results")
    def shown_results(self, batch: OnboardBatch) -> SafeString:
        """Return the results, as the API shows them."""
        return format_html("<pre>{}</pre>", json.dumps(batch.results, indent=2, ensure_ascii=False))
