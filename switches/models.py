"""The state of the operators' switches, and the workers that obey them."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.ulid import ULIDField
from projects.models import Project

#: A worker that has not written for this long is taken for dead.
ALIVE = timedelta(seconds=20)
#: The time in which a discard can be undone. What was discarded is remembered until then.
UNDO = timedelta(hours=24)


class Pause(models.Model):
    """A halt of the deliveries of a project, or of one of its owners. Events are still taken in; they wait."""

    uid = ULIDField()
    project = models.ForeignKey(Project, models.CASCADE, db_index=False, related_name="+")
    #: "" for the whole project.
    owner_id = models.CharField(max_length=255, blank=True, default="", db_collation="C")
    #: The operator's name.
    paused_by = models.CharField(max_length=255, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "owner_id"], name="pause_of_owner")]

    def __str__(self) -> str:
        return self.owner_id or "all owners"


class Worker(models.Model):
    """A worker, which writes the row while it runs and deletes it when it ends."""

    uid = ULIDField()
    #: Its machine and process: "web-1:4711".
    name = models.CharField(max_length=255)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    #: The deliveries that it was sending when it was last seen.
    in_flight = models.PositiveIntegerField(default=0)
    #: Since when it is to claim nothing more.
    drained_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Discard(models.Model):
    """A backlog that an operator has discarded, with the places that discarding and undoing have reached."""

    class State(models.TextChoices):
        """The states of a discard."""

        DISCARDING = "discarding"
        DISCARDED = "discarded"
        RESTORING = "restoring"
        RESTORED = "restored"
        #: A defect of ours has ended it.
        FAILED = "failed"

    #: The states in which workers work on it.
    OPEN = (State.DISCARDING, State.RESTORING)

    uid = ULIDField()
    project = models.ForeignKey(Project, models.CASCADE, db_index=False, related_name="+")
    # The filter; "" for any. Only what was in the queue at `created_at` is chosen.
    owner_id = models.CharField(max_length=255, blank=True, default="", db_collation="C")
    endpoint_id = models.CharField(max_length=26, blank=True, default="", db_collation="C")
    event_type = models.CharField(max_length=255, blank=True, default="")
    state = models.CharField(max_length=10, choices=State, default=State.DISCARDING)
    #: Deliveries up to this id are done.
    cursor = models.CharField(max_length=26, blank=True, default="", db_collation="C")
    discarded = models.PositiveBigIntegerField(default=0)
    restored = models.PositiveBigIntegerField(default=0)
    discarded_by = models.CharField(max_length=255, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    #: The time of the last piece: projects take turns by it.
    worked_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [
            # For the worker: those that are not done.
            models.Index("worked_at", condition=Q(state__in=["discarding", "restoring"]), name="discard_open"),
            models.Index("project", name="discard_of_project"),
        ]

    def __str__(self) -> str:
        return str(self.uid)

    @property
    def is_open(self) -> bool:
        """Return whether workers work on it."""
        return self.state in self.OPEN

    @property
    def can_be_undone(self) -> bool:
        """Return whether it can be undone now."""
        is_young = self.created_at > timezone.now() - UNDO
        return is_young and self.state in (self.State.DISCARDING, self.State.DISCARDED, self.State.FAILED)


class DiscardedDelivery(models.Model):
    """The state that a delivery had when an operator discarded it, from which an undo restores it."""

    # Without constraints: deliveries are deleted by the thousand, and these rows live for UNDO only.
    delivery = models.OneToOneField(
        "events.EventDelivery", models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    discard = models.ForeignKey(Discard, models.CASCADE, db_constraint=False, db_index=False, related_name="+")
    status = models.CharField(max_length=10)
    description = models.TextField(blank=True, default="")
    due_at = models.DateTimeField()
    #: The delivery's `updated_at` at that moment. A later one shows that somebody has sent it again.
    discarded_at = models.DateTimeField()

    class Meta:
        indexes = [
            # For the undo, and for deleting what can no longer be undone.
            models.Index(fields=["discard", "delivery"], name="discarded_of_discard"),
        ]

    def __str__(self) -> str:
        return str(self.delivery_id)
