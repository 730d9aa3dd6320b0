"""Show jobs to operators, who can pause, resume and cancel them."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.safestring import SafeString

from core.admin import OperatorAdmin, shown_json
from core.admin_display import yes_no
from core.admin_filters import ByProject, Since
from jobs import operations
from jobs.models import Job, JobQuerySet

DRY_RUN = yes_no("is_dry_run", "dry run")
COUNTED = yes_no("is_counted", "counted")


@admin.register(Job)
class JobAdmin(OperatorAdmin):
    """The jobs of live projects, newest first."""

    list_display = ["created_at", "project", "kind", "status", DRY_RUN, "progress", "finished_at"]
    list_filter = [Since, "status", ByProject]
    search_fields = ["uid__exact", "project__exact"]
    search_help_text = "By id, or by the id of the project."
    actions = ["pause", "resume", "cancel"]
    fieldsets = [
        (None, {"fields": ["uid", "project", "kind", "customer", DRY_RUN, "shown_parameters"]}),
        ("Progress", {"fields": ["status", "reason", "total", COUNTED, "done", "skipped"]}),
        ("Times", {"fields": ["created_at", "updated_at", "worked_at", "finished_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        live = Job.objects.filter(project__deleted_at=None).select_related("project")
        return live.defer("content", "project__config", "project__meta_event")

    @admin.display
    def progress(self, job: Job) -> str:
        """Return how many rows are done, of how many."""
        if not job.is_counted:
            return f"{job.total} counted"
        return f"{job.total} counted" if job.is_dry_run else f"{job.done + job.skipped} of {job.total}"

    @admin.display(description="parameters")
    def shown_parameters(self, job: Job) -> SafeString:
        """Return the choice of rows, as JSON."""
        return shown_json(job.parameters)

    @admin.action(description="Pause", permissions=["operate"])
    def pause(self, request: HttpRequest, selected: QuerySet[Job]) -> HttpResponseBase | None:
        """Pause the selected jobs."""
        return self.run(request, selected, lambda job: operations.pause_job(_of(job), job.pk), "Paused")

    @admin.action(description="Resume", permissions=["operate"])
    def resume(self, request: HttpRequest, selected: QuerySet[Job]) -> HttpResponseBase | None:
        """Continue the selected jobs."""
        return self.run(request, selected, lambda job: operations.resume_job(_of(job), job.pk), "Resumed")

    @admin.action(description="Cancel", permissions=["operate"])
    def cancel(self, request: HttpRequest, selected: QuerySet[Job]) -> HttpResponseBase | None:
        """End the selected jobs, once the operator has confirmed it."""
        return self.run(
            request,
            selected,
            lambda job: operations.cancel_job(_of(job), job.pk),
            "Canceled",
            question="Cancel these jobs? What they have done stays done.",
        )


def _of(job: Job) -> JobQuerySet:
    return Job.objects.for_project(job.project_id)
