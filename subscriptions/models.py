"""Subscriptions and their filters. Contract: docs/contract/subscriptions.md, docs/contract/event-types.md."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.ulid import ULIDField
from endpoints.models import Endpoint
from projects.models import Project


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """Reads of subscriptions."""

    def for_project(self, project_id: str) -> "SubscriptionQuerySet":
        """Return the live subscriptions of one project; those on a deleted endpoint are not."""
        return self.filter(project_id=project_id, deleted_at=None, endpoint__deleted_at=None)


class Subscription(models.Model):
    """A choice of events for an endpoint. Events are matched with its filters, one for each event type."""

    class DeliveryMode(models.TextChoices):
        """The choice to send a request again, or not, when it is not known to have arrived."""

        AT_LEAST_ONCE = "at_least_once"
        AT_MOST_ONCE = "at_most_once"

    uid = ULIDField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="subscriptions", db_index=False)
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="subscriptions", db_index=False)
    name = models.CharField(max_length=255)
    source_id = models.CharField(max_length=255, blank=True, default="")
    delivery_mode = models.CharField(max_length=13, choices=DeliveryMode, default=DeliveryMode.AT_LEAST_ONCE)
    event_types = ArrayField(models.CharField(max_length=255), default=list)
    #: {"headers", "body", "query", "path"}: the conditions as they were sent, for all event types alike.
    filter = models.JSONField(default=dict, blank=True)
    #: Where there are any, it takes only events that share one (Event.channels).
    channels = ArrayField(models.CharField(max_length=128), blank=True, default=list, db_default=[])
    # Stored and shown without effect: the project's strategy and the endpoint's limits count.
    alert_config = models.JSONField(null=True, blank=True)
    retry_config = models.JSONField(null=True, blank=True)
    rate_limit_config = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        indexes = [
            # The list of a project's subscriptions, newest first.
            models.Index(
                "project", models.F("uid").desc(), condition=Q(deleted_at=None), name="subscription_of_project"
            ),
            # Matching an event, and the list of an endpoint's subscriptions.
            models.Index("endpoint", "uid", condition=Q(deleted_at=None), name="subscription_of_endpoint"),
        ]

    def __str__(self) -> str:
        return self.name


class Filter(models.Model):
    """The conditions under which a subscription takes events of one type."""

    uid = ULIDField()
    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="filters", db_index=False)
    event_type = models.CharField(max_length=255, db_collation="C")
    #: None while it is disabled.
    enabled_at = models.DateTimeField(null=True, blank=True)
    #: The scopes that have conditions, out of headers, body, query and path (filters/), as they were sent.
    conditions = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subscription", "event_type"], name="filter_of_event_type")]

    def __str__(self) -> str:
        return self.event_type
