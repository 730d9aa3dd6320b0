"""The record of who did what in a project. Contract: docs/contract/activity.md."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.actors import ActorKind
from core.ulid import ULIDField
from projects.models import Project

#: The rows are deleted after this time, whatever the project's retention.
KEPT = timedelta(days=90)
#: The kinds of actors that are a customer's.
CUSTOMERS = (ActorKind.PORTAL_LINK, ActorKind.PORTAL_SESSION)


class ActivityQuerySet(models.QuerySet["Activity"]):
    """Reads of the record."""

    def for_project(self, project_id: str) -> "ActivityQuerySet":
        """Return the rows of one project."""
        return self.filter(project_id=project_id)


class Activity(models.Model):
    """One thing that somebody did, as it was then: names stay when the object is renamed or deleted."""

    class Verb(models.TextChoices):
        """The things that are recorded. A value is the wire value."""

        ENDPOINT_CREATED = "endpoint.created"
        ENDPOINT_UPDATED = "endpoint.updated"
        ENDPOINT_PAUSED = "endpoint.paused"
        ENDPOINT_RESUMED = "endpoint.resumed"
        ENDPOINT_DISABLED = "endpoint.disabled"
        ENDPOINT_ENABLED = "endpoint.enabled"
        ENDPOINT_DELETED = "endpoint.deleted"
        SECRET_ROTATED = "secret.rotated"
        SECRET_REVEALED = "secret.revealed"
        SUBSCRIPTION_CREATED = "subscription.created"
        SUBSCRIPTION_UPDATED = "subscription.updated"
        SUBSCRIPTION_DELETED = "subscription.deleted"
        FILTER_CREATED = "filter.created"
        FILTER_UPDATED = "filter.updated"
        FILTER_DELETED = "filter.deleted"
        DELIVERY_RETRIED = "delivery.retried"
        DELIVERIES_RETRIED = "deliveries.retried"
        DELIVERIES_PAUSED = "deliveries.paused"
        DELIVERIES_RESUMED = "deliveries.resumed"
        DELIVERIES_DISCARDED = "deliveries.discarded"
        DELIVERIES_RESTORED = "deliveries.restored"
        EVENT_REPLAYED = "event.replayed"
        EVENTS_REPLAYED = "events.replayed"
        CONTENT_EXPUNGED = "content.expunged"
        TEST_SENT = "test.sent"
        PORTAL_LINK_CREATED = "portal_link.created"
        PORTAL_LINK_UPDATED = "portal_link.updated"
        PORTAL_LINK_REVOKED = "portal_link.revoked"
        PORTAL_SESSION_OPENED = "portal_session.opened"
        PORTAL_SESSION_REVOKED = "portal_session.revoked"
        PORTAL_PREVIEWED = "portal.previewed"
        DELIVERY_LINK_CREATED = "delivery_link.created"
        DELIVERY_LINK_REVOKED = "delivery_link.revoked"
        #: Of the instance.
        WORKER_DRAINED = "worker.drained"
        WORKER_REFILLED = "worker.refilled"

    uid = ULIDField()
    #: None for what concerns the whole instance.
    project = models.ForeignKey(
        Project, models.CASCADE, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    actor_kind = models.CharField(max_length=15, choices=[(kind.value, kind.value) for kind in ActorKind])
    #: The id of the key, link, session or operator; "" where the actor has none.
    actor_uid = models.CharField(max_length=26, blank=True, default="", db_collation="C")
    actor_name = models.CharField(max_length=255, blank=True, default="")
    #: A Verb; without `choices`, so that a new one needs no migration.
    verb = models.CharField(max_length=32)
    #: The customer whom it concerns.
    owner_id = models.CharField(max_length=255, blank=True, default="", db_collation="C")
    endpoint_id = models.CharField(max_length=26, blank=True, default="", db_collation="C")
    object_uid = models.CharField(max_length=26, blank=True, default="", db_collation="C")
    object_name = models.CharField(max_length=255, blank=True, default="")
    #: {field: [before, after]}; [null, null] where the values are secret.
    changes = models.JSONField(default=dict, blank=True)
    #: The objects that it concerns, where these are many.
    count = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ActivityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "activity"
        indexes = [
            # The list of a project, newest first.
            models.Index("project", models.F("uid").desc(), name="activity_of_project"),
            # The list with endpointId, and the rows of a customer's endpoints.
            models.Index(
                "endpoint_id", models.F("uid").desc(), condition=~Q(endpoint_id=""), name="activity_of_endpoint"
            ),
            # The list with ownerId, and the rows of a customer.
            models.Index(
                "project",
                "owner_id",
                models.F("uid").desc(),
                condition=~Q(owner_id=""),
                name="activity_of_owner",
            ),
            # The rows of a portal link that has no owner.
            models.Index(
                "actor_uid",
                models.F("uid").desc(),
                condition=Q(actor_kind__in=["portal_link", "portal_session"]),
                name="activity_of_customer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.object_name}"
