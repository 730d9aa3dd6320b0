"""Jobs: work on many rows that workers do a piece at a time. Contract: docs/contract/jobs.md."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.ulid import ULIDField
from projects.models import Project

#: The constraint that there is one open job.
OPEN_JOB = "job_open"


class JobQuerySet(models.QuerySet["Job"]):
    """Reads of jobs."""

    def for_project(self, project_id: str) -> "JobQuerySet":
        """Return the jobs of one project, without what they work on, which may be large."""
        return self.filter(project_id=project_id).defer("content")

    def open(self) -> "JobQuerySet":
        """Return the jobs that are neither finished nor canceled; paused ones too."""
        return self.filter(finished_at=None)


class Job(models.Model):
    """Work on many rows, with the place that it has reached."""

    class Status(models.TextChoices):
        """The states of a job. A value is the wire value."""

        PENDING = "pending"
        RUNNING = "running"
        PAUSED = "paused"
        FINISHED = "finished"
        CANCELED = "canceled"
        #: It cannot be done, as `reason` says, or a defect of ours has ended it.
        FAILED = "failed"

    uid = ULIDField()
    project = models.ForeignKey(Project, models.CASCADE, db_index=False)
    #: The work to do: a key of jobs.operations.KINDS.
    kind = models.CharField(max_length=32)
    #: The caller: "" for the company, or a customer in the portal (Access.customer).
    customer = models.CharField(max_length=300, blank=True, default="")
    #: The rows to work on, as the kind reads them.
    parameters = models.JSONField(default=dict)
    #: A text to work on, until the job is over; null where it works on rows.
    content = models.TextField(null=True, editable=False)  # noqa: DJ001 - null takes no room in the row
    #: Whether it counts the rows and changes none.
    is_dry_run = models.BooleanField("dry run", default=False)
    status = models.CharField(max_length=8, choices=Status, default=Status.PENDING)
    #: The rows that were chosen. It is complete once `is_counted`.
    total = models.PositiveBigIntegerField(default=0)
    is_counted = models.BooleanField(default=False)
    #: The worker's place while it counts, and while it works: rows up to this id are done.
    counted_to = models.CharField(max_length=26, blank=True, default="", db_collation="C")
    cursor = models.CharField(max_length=26, blank=True, default="", db_collation="C")
    done = models.PositiveBigIntegerField(default=0)
    skipped = models.PositiveBigIntegerField(default=0, help_text="Chosen, but not allowed to the caller.")
    #: The cause, where the job has failed by what it was given.
    reason = models.TextField(blank=True, default="", db_default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    #: The time of the last piece: projects take turns by it.
    worked_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            # Of each kind, one at a time of the company, and of each customer. For the worker, too: the open jobs.
            models.UniqueConstraint(
                fields=["project", "customer", "kind", "is_dry_run"], condition=Q(finished_at=None), name=OPEN_JOB
            ),
        ]
        indexes = [
            models.Index("project", models.F("uid").desc(), name="job_of_project"),
            # For the turns of projects: when each was served last.
            models.Index("project", models.F("worked_at").desc(nulls_last=True), name="job_turn_of_project"),
        ]

    def __str__(self) -> str:
        return str(self.uid)
