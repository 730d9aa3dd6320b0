"""Show operators Django's log of all acts in the admin, which they cannot change."""

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from core.admin import TimedAdmin
from core.admin_display import at, cut


@admin.register(LogEntry)
class LogEntryAdmin(TimedAdmin):
    """The acts of operators, newest first; also those on keys, projects and workers, which concern no customer."""

    list_display = ["done_at", "user", "content_type", "short_object", "short_message"]
    search_fields = ["user__username__exact", "object_id__exact"]
    search_help_text = "By the name of a user, or the id of a row."
    fields = ["action_time", "user", "content_type", "object_id", "object_repr", "action_flag", "message"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogEntry]:
        return LogEntry.objects.select_related("user", "content_type")

    @admin.display(description="time")
    def done_at(self, entry: LogEntry) -> SafeString:
        """Return the time, which links to the entry's page."""
        return at(entry.action_time)

    @admin.display(description="object")
    def short_object(self, entry: LogEntry) -> SafeString:
        """Return the name of the object as it was then, cut at the width of the column."""
        return cut(entry.object_repr)

    @admin.display(description="done")
    def short_message(self, entry: LogEntry) -> SafeString:
        """Return what was done, cut at the width of the column."""
        return cut(entry.get_change_message())

    @admin.display(description="done")
    def message(self, entry: LogEntry) -> str:
        """Return what was done."""
        return entry.get_change_message()
