"""Endpoints with their secrets and credentials, their state, and the notifications about them."""

from django.contrib.postgres.indexes import SpGistIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from core.encryption import EncryptedJSONField
from core.ulid import ULIDField
from projects.models import Project

DEFAULT_CONTENT_TYPE = "application/json"
CONTENT_TYPES = (DEFAULT_CONTENT_TYPE, "application/x-www-form-urlencoded")
#: The constraint that an owner has an external id once.
OF_EXTERNAL_ID = "endpoint_external_id"


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    """Reads of endpoints."""

    def for_project(self, project_id: str) -> "EndpointQuerySet":
        """Return the live endpoints of one project."""
        return self.filter(project_id=project_id, deleted_at=None)


#: The endpoints that the caller may reach, where that is not the whole project.
Scope = EndpointQuerySet | None


class Endpoint(models.Model):
    """One URL of a customer. `owner_id` names the customer; where it is blank, the project itself owns it."""

    class Status(models.TextChoices):
        """The statuses of an endpoint. Only an active one gets new deliveries."""

        ACTIVE = "active"
        INACTIVE = "inactive"
        PENDING = "pending"
        PAUSED = "paused"

    uid = ULIDField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="endpoints")
    owner_id = models.CharField(max_length=255, blank=True, default="", db_collation="C")
    name = models.CharField(max_length=255)
    url = models.CharField(max_length=2048)
    description = models.TextField(blank=True, default="")
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)
    #: The time of the last change of the status; None before the first.
    status_since = models.DateTimeField(null=True, blank=True, editable=False)
    #: The actor of that change (core/actors.py): {"kind", "uid", "name", "owner_id"}.
    status_actor = models.JSONField(null=True, blank=True, editable=False)
    #: The last answer before that change, where the server has made it.
    status_reason = models.TextField(blank=True, default="", db_default="", editable=False)
    advanced_signatures = models.BooleanField(default=True)
    http_timeout = models.PositiveIntegerField(default=0, help_text="In seconds; 0 stands for the default.")
    rate_limit = models.PositiveIntegerField(default=0, help_text="Requests in rate_limit_duration; 0: no limit.")
    rate_limit_duration = models.PositiveIntegerField(default=0, help_text="In seconds; 0: no limit.")
    content_type = models.CharField(max_length=64, default="application/json")
    support_email = models.CharField(max_length=254, blank=True, default="")
    slack_webhook_url = models.CharField(max_length=2048, blank=True, default="")
    teams_webhook_url = models.CharField(max_length=2048, blank=True, default="")
    #: A list of secret objects in the shape of the API, oldest first (secrets.py).
    secrets = EncryptedJSONField()
    #: An authentication object in the shape of the API, or None (authentication.py).
    authentication = EncryptedJSONField(null=True)
    #: {"client_cert", "client_key"} in PEM, or None.
    mtls_client_cert = EncryptedJSONField(null=True)
    #: The headers that each delivery carries beside its own, {"X-Tenant": "acme"}, or None.
    custom_headers = EncryptedJSONField(null=True)
    #: The company's own id for it, unique among the owner's endpoints.
    external_id = models.CharField(
        max_length=255, blank=True, default="", db_default="", editable=False, db_collation="C"
    )
    #: The first id of what belongs to its present owner; "" where it has had no other. What was sent before belongs to
    #: the owner of that time.
    held_from = models.CharField(max_length=26, blank=True, default="", db_default="", editable=False, db_collation="C")
    #: The company's own texts about it, at first those of the portal session in which it was created.
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        indexes = [
            # The list of a project's endpoints, newest first.
            models.Index("project", models.F("uid").desc(), condition=Q(deleted_at=None), name="endpoint_of_project"),
            # The scope of a portal link that names an owner, newest first.
            models.Index(
                "project",
                "owner_id",
                models.F("uid").desc(),
                condition=Q(deleted_at=None),
                name="endpoint_of_owner",
            ),
            # The admin, over all projects: the beginning of an owner_id or of a URL, and the states that
            # are rare. SP-GiST because a URL of 2048 characters can be too long for a B-tree's page.
            models.Index("owner_id", models.F("uid").desc(), condition=Q(deleted_at=None), name="endpoint_by_owner"),
            SpGistIndex(fields=["url"], condition=Q(deleted_at=None), name="endpoint_by_url"),
            # The operators' search by the beginning of a name, in any locale.
            models.Index(
                fields=["name"],
                opclasses=["varchar_pattern_ops"],
                condition=Q(deleted_at=None),
                name="endpoint_by_name",
            ),
            models.Index(
                "status",
                models.F("uid").desc(),
                condition=Q(deleted_at=None) & ~Q(status="active"),
                name="endpoint_by_status",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["active", "inactive", "pending", "paused"]), name="endpoint_status"
            ),
            models.UniqueConstraint(
                fields=["project", "owner_id", "external_id"],
                condition=~Q(external_id="") & Q(deleted_at=None),
                name=OF_EXTERNAL_ID,
            ),
        ]

    def __str__(self) -> str:
        return self.name


class EndpointState(models.Model):
    """The state that all workers share of one endpoint: figures, circuit breaker and rate limit.

    A table of its own, because these change with each batch of attempts and the endpoint does not.
    """

    class Breaker(models.TextChoices):
        """The states of the circuit breaker (docs/contract/deliveries.md#circuit-breaker)."""

        CLOSED = "closed"
        HALF_OPEN = "half-open"
        OPEN = "open"

    endpoint = models.OneToOneField(Endpoint, models.CASCADE, primary_key=True, related_name="state")
    #: The deliveries of which at least one attempt was made.
    events = models.PositiveBigIntegerField(default=0)
    breaker = models.CharField(max_length=9, choices=Breaker, null=True)  # noqa: DJ001 - null: nothing was counted yet
    failure_rate = models.FloatField(default=0, help_text="In percent, of the attempts in the window.")
    consecutive_trips = models.PositiveIntegerField(default=0)
    #: The end of the time for which the breaker is open; None while it is closed.
    open_until = models.DateTimeField(null=True)
    #: Attempts before this are not counted: the breaker closed, or the endpoint was activated, then.
    counted_from = models.DateTimeField(null=True)
    #: The token bucket of rate_limit.
    tokens = models.FloatField(null=True)
    refilled_at = models.DateTimeField(null=True)
    #: Nothing is sent before this: the bucket is empty, or the receiver said so (Retry-After).
    held_until = models.DateTimeField(null=True)
    # The course of its deliveries, test events apart. A delivery has finished when no further attempt is made.
    #: The deliveries that have failed since the last one was delivered, and the other way round.
    failed_in_a_row = models.PositiveIntegerField(default=0, db_default=0)
    delivered_in_a_row = models.PositiveIntegerField(default=0, db_default=0)
    #: The time of the first failed attempt after the last one that succeeded; None while attempts succeed.
    failing_since = models.DateTimeField(null=True)
    #: The last failed attempt: its kind (outbound/answers.py), the answer or error as text, and its time.
    last_failure = models.CharField(max_length=32, blank=True, default="", db_default="")
    last_failure_text = models.TextField(blank=True, default="", db_default="")
    last_failure_at = models.DateTimeField(null=True)
    last_delivered_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # For the number of open breakers on the operators' start page.
            models.Index("open_until", condition=Q(breaker="open"), name="state_breaker_open"),
        ]

    def __str__(self) -> str:
        return str(self.endpoint_id)


class EndpointHour(models.Model):
    """The deliveries of an endpoint that have finished in one hour, by the kind of their last answer.

    Test events are left out. docs/adr/0010 says why this is a table.
    """

    pk = models.CompositePrimaryKey("endpoint", "hour", "answer")
    # Endpoints are never removed, only marked as deleted.
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, db_constraint=False, db_index=False, related_name="hours")
    #: The beginning of the hour, in UTC.
    hour = models.DateTimeField()
    #: The kind (outbound/answers.py).
    answer = models.CharField(max_length=32, db_collation="C")
    delivered = models.PositiveIntegerField(default=0, db_default=0)
    failed = models.PositiveIntegerField(default=0, db_default=0)

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.hour:%Y-%m-%dT%H}"


class AlertSettings(models.Model):
    """A customer's choice of the alerts about an endpoint. There is no row while nothing is chosen.

    A table of its own, because few endpoints have it, and it is read only where alerts are due or set.
    """

    class Kind(models.TextChoices):
        """The occasions for an alert."""

        FAILING = "failing"
        DISABLED = "disabled"
        RECOVERED = "recovered"

    # Endpoints are never removed, only marked as deleted.
    endpoint = models.OneToOneField(
        Endpoint, models.CASCADE, primary_key=True, db_constraint=False, related_name="alert_settings"
    )
    #: {"on": kinds, "email", "slack", "teams", "hook": addresses, of which at least one is set}.
    chosen = EncryptedJSONField()
    #: The digest of the e-mail address whose reader has confirmed it. Any other only gets the mail that asks for this.
    email_confirmed = models.BinaryField(null=True, editable=False)
    #: The state that the customer was last told of: FAILING, DISABLED, or "" while all is well.
    alerted = models.CharField(max_length=9, choices=Kind, blank=True, default="", db_default="")
    alerted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.endpoint_id)


class Notification(models.Model):
    """A message to people about an endpoint, kept until the mail server or the chat has accepted it."""

    class Channel(models.TextChoices):
        """The channels of a message."""

        EMAIL = "email"
        SLACK = "slack"
        TEAMS = "teams"
        #: A webhook of the customer's own, for alerts only.
        HOOK = "hook"

    #: The `alert` of a mail that asks the reader of an address to confirm it.
    CONFIRM = "confirm"

    uid = ULIDField()
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="notifications")
    channel = models.CharField(max_length=5, choices=Channel)
    #: The kind of alert (AlertSettings), which is sent to the addresses that are set there; "" for other messages.
    alert = models.CharField(max_length=9, blank=True, default="", db_default="")
    subject = models.CharField(max_length=255)
    text = models.TextField()
    num_trials = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True)
    # The queue, as that of deliveries, by the clock of the database
    due_at = models.DateTimeField(null=True, db_default=Now())
    lease = models.UUIDField(null=True)

    class Meta:
        indexes = [models.Index("due_at", condition=Q(due_at__isnull=False), name="notification_due")]

    def __str__(self) -> str:
        return str(self.subject)
