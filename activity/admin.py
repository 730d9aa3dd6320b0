"""Show operators who did what. The record is written by operations, and nobody changes it."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from activity.models import Activity
from core.admin import TimedAdmin, shown_json


@admin.register(Activity)
class ActivityAdmin(TimedAdmin):
    """The record of live projects, newest first."""

    list_display = ["created_at", "actor", "verb", "object_name", "owner_id", "project"]
    list_filter = ["actor_kind"]
    search_fields = ["uid__exact", "endpoint_id__exact", "project__exact"]
    search_help_text = "By id, or by the id of an endpoint or of a project."
    fields = [
        *("uid", "project", "created_at", "actor_kind", "actor_name", "actor_uid", "verb"),
        *("object_name", "object_uid", "count", "owner_id", "endpoint_id", "shown_changes"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Activity]:
        live = Activity.objects.filter(project__deleted_at=None).select_related("project")
        return live.defer("project__config", "project__meta_event")

    @admin.display
    def actor(self, row: Activity) -> str:
        """Return the kind of the actor, with its name where it has one."""
        return f"{row.actor_kind}: {row.actor_name}" if row.actor_name else row.actor_kind

    @admin.display(description="changes")
    def shown_changes(self, row: Activity) -> SafeString:
        """Return the values before and after, as JSON."""
        return shown_json(row.changes)
