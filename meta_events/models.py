"""Meta events. Each row is an entry in the queue of its own sending. Contract: docs/contract/meta-events.md."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from core.ulid import ULIDField
from outbound.states import Status
from projects.models import Project


class MetaEvent(models.Model):
    """A webhook to the URL of a project's `config.meta_event`, about a change in the project."""

    uid = ULIDField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="meta_events", db_index=False)
    event_type = models.CharField(max_length=64)
    #: Compact JSON text, which is signed and sent.
    body = models.TextField()
    status = models.CharField(max_length=10, choices=Status, default=Status.SCHEDULED)
    strategy = models.CharField(max_length=11)
    interval_seconds = models.PositiveIntegerField()
    retry_limit = models.PositiveIntegerField()
    num_trials = models.PositiveIntegerField(default=0)
    num_trials_before = models.PositiveIntegerField(default=0)
    next_send_time = models.DateTimeField(db_default=Now())
    #: {"request_http_header", "response_http_header", "response_data"} of the last attempt that was answered.
    attempt = models.JSONField(null=True)
    # The queue, like that of deliveries: times of the database's clock.
    due_at = models.DateTimeField(null=True, db_default=Now())
    lease = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [
            models.Index("project", models.F("uid").desc(), name="meta_event_of_project"),
            # For the worker, which reads the due meta events of one project after another.
            models.Index("project", "due_at", condition=Q(due_at__isnull=False), name="meta_event_due"),
            # For the admin's filter. Meta events that are not delivered are rare.
            models.Index(
                "status",
                models.F("uid").desc(),
                condition=Q(status__in=[Status.FAILURE, Status.DISCARDED, Status.RETRY]),
                name="meta_event_by_status",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.uid}"
