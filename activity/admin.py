"""Show operators who did what. The record is written by operations, and nobody changes it."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from activity.models import Activity
from core.admin import NOTHING, TimedAdmin, shown_json
from core.admin_display import customer_link, cut, row_link
from core.admin_filters import ByEndpoint, ByOwner, ByProject, Since, typed
from projects.models import Project

ByVerb = typed("verb", "verb", hint="Such as endpoint.paused")


@admin.register(Activity)
class ActivityAdmin(TimedAdmin):
    """The record of live projects, newest first."""

    list_display = ["created_at", "actor", "verb", "short_object", "owner", "of_project"]
    list_filter = [Since, "actor_kind", ByVerb, ByOwner, ByEndpoint, ByProject]
    search_fields = ["uid__exact", "endpoint_id__exact", "project__exact"]
    search_help_text = "By id, or by the id of an endpoint or of a project."
    fields = [
        *("uid", "of_project", "created_at", "actor_kind", "actor_name", "actor_uid", "verb"),
        *("object_name", "object_uid", "count", "owner", "endpoint_link", "shown_changes"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Activity]:
        # What concerns a worker is of no project.
        deleted = Project.objects.filter(pk=OuterRef("project_id"), deleted_at__isnull=False)
        return Activity.objects.filter(~Exists(deleted))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return the list, whose rows know the names of their projects. One statement more."""
        page = super().get_changelist_instance(request)
        names = dict(
            Project.objects.filter(pk__in={row.project_id for row in page.result_list}).values_list("pk", "name")
        )
        for row in page.result_list:
            row.project_name = names.get(row.project_id, "")
        return page

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Activity | None:
        """Return the row, which knows the name of its project."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            names = Project.objects.filter(pk=row.project_id).values_list("name", flat=True)
            row.project_name = names.first() or ""
        return row

    @admin.display(description="project")
    def of_project(self, row: Any) -> str:
        """Return the name of the project; NOTHING for what concerns the whole instance."""
        return row.project_name or NOTHING

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
        """Return the customer, who leads to the customer's page."""
        return customer_link(row.project_id, row.owner_id)

    @admin.display(description="endpoint")
    def endpoint_link(self, row: Activity) -> SafeString:
        """Link to the endpoint, which may be deleted."""
        return row_link("endpoints_endpoint_change", row.endpoint_id) if row.endpoint_id else NOTHING

    @admin.display(description="changes")
    def shown_changes(self, row: Activity) -> SafeString:
        """Return the values before and after, as JSON."""
        return shown_json(row.changes)
