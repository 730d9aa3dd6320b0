"""Show operators who did what. The record is written by operations, and nobody changes it."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from activity.models import Activity
from core.admin import NOTHING, TimedAdmin, shown_json
from core.admin_display import customer_link, cut, row_link
from core.admin_filters import ByEndpoint, ByOwner, ByProject, Since, typed

ByVerb = typed("verb", "verb", hint="Such as endpoint.paused")


@admin.register(Activity)
class ActivityAdmin(TimedAdmin):
    """The record of live projects, newest first."""

    list_display = ["created_at", "actor", "verb", "short_object", "owner", "project"]
    list_filter = [Since, "actor_kind", ByVerb, ByOwner, ByEndpoint, ByProject]
    search_fields = ["uid__exact", "endpoint_id__exact", "project__exact"]
    search_help_text = "By id, or by the id of an endpoint or of a project."
    fields = [
        *("uid", "project", "created_at", "actor_kind", "actor_name", "actor_uid", "verb"),
        *("object_name", "object_uid", "count", "owner", "endpoint_link", "shown_changes"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Activity]:
        live = Activity.objects.filter(project__deleted_at=None).select_related("project")
        return live.defer("project__config", "project__meta_event")

    @admin.display
    def actor(self, row: Activity) -> str:
        """Return the kind of the actor, with its name where it has one."""
        return f"{row.actor_kind}: {row.actor_name}" if row.actor_name else row.actor_kind

    @admin.display(description="object")
    def short_object(self, row: Activity) -> SafeString:
        """Return the name of the object as it was then, cut at the width of the column."""
        return cut(row.object_name)

    @admin.display
    def owner(self, row: Activity) -> SafeString:
        """Return the owner, which links to the customer's page."""
        return customer_link(row.project_id, row.owner_id)

    @admin.display(description="endpoint")
    def endpoint_link(self, row: Activity) -> SafeString:
        """Link to the endpoint, which may be deleted."""
        return row_link("endpoints_endpoint_change", row.endpoint_id) if row.endpoint_id else NOTHING

    @admin.display(description="changes")
    def shown_changes(self, row: Activity) -> SafeString:
        """Return the values before and after, as JSON."""
        return shown_json(row.changes)
