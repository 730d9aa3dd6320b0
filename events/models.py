"""Events, their deliveries, and the attempts of these. Contract: docs/contract/events.md, docs/contract/deliveries.md.

An EventDelivery is its own entry in the queue. `due_at` is the time from which a worker may take it: that of the
next attempt while it waits, the end of the worker's lease while it is sent, null once it is settled.
"""

import re

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.expressions import Combinable
from django.utils import timezone

from core.tracing import TRACEPARENT_LENGTH
from core.ulid import ULIDField
from endpoints.models import Endpoint
from outbound.states import Status
from projects.models import Project
from subscriptions.models import Subscription

#: The constraint that an owner has an external id once.
OF_EXTERNAL_ID = "event_external_id"
#: The header of a broker's message id, as events have it.
BROKER_HEADERS = ("x-broker-message-id", "X-Broker-Message-Id")


class Event(models.Model):
    """Something that has happened, as the company has posted it. `data` is the payload, byte for byte."""

    class Channel(models.TextChoices):
        """The operation that created it, which decides with which endpoints it is matched."""

        DIRECT = "direct"
        FANOUT = "fanout"
        BROADCAST = "broadcast"
        DYNAMIC = "dynamic"
        #: A test event, for one endpoint: neither listed, nor counted, nor replayed (events/trials.py).
        TEST = "test"

    uid = ULIDField()
    # No constraint: each event would lock the project's row, which is never removed (docs/performance.md).
    project = models.ForeignKey(Project, models.CASCADE, db_constraint=False, db_index=False, related_name="events")
    channel = models.CharField(max_length=9, choices=Channel)
    event_type = models.CharField(max_length=255)
    #: The endpoints to which it was addressed or, once matched, those of the subscriptions that took it.
    endpoints = ArrayField(models.CharField(max_length=26), default=list)
    #: The owner to whose endpoints a fanout was addressed; a replay needs it.
    owner_id = models.CharField(max_length=255, blank=True, default="")
    #: The custom headers: {"X-Tenant": ["acme"]}.
    headers = models.JSONField(default=dict, blank=True)
    #: Compact JSON text: what is signed and sent. Text, because jsonb would change it.
    data = models.TextField()
    idempotency_key = models.CharField(max_length=255, blank=True, default="")
    #: Free texts of Svix's messages: subscriptions with channels take an event that shares one; tags serve lists alone.
    channels = ArrayField(models.CharField(max_length=128), blank=True, default=list, db_default=[])
    tags = ArrayField(models.CharField(max_length=128), blank=True, default=list, db_default=[])
    #: The id that the company has given to a message, unique among those of the owner.
    external_id = models.CharField(max_length=256, blank=True, default="", db_default="", db_collation="C")
    #: The owner of the key: "" for the company, or the customer who has posted it in the portal (Access.customer).
    key_scope = models.CharField(max_length=300, blank=True, default="", db_default="")
    is_duplicate_event = models.BooleanField(default=False)
    status = models.CharField(max_length=10)
    failure_reason = models.TextField(blank=True, default="")
    #: The context of the request that posted it (core/tracing.py): a traceparent, or "".
    trace = models.CharField(max_length=TRACEPARENT_LENGTH, blank=True, default="", db_default="", editable=False)
    #: The time from which its payload, and the answers to it, are gone: it is sent no more (events/expunging.py).
    expunged_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [
            # For the list of a project's events, and retention.
            models.Index("project", models.F("uid").desc(), name="event_of_project"),
            # For the list of an endpoint's events, and of a customer's in the portal, who may have few of many.
            GinIndex(fields=["endpoints"], name="event_of_endpoint"),
            # For the list of a key's events: those that the constraint below leaves out, which are rare.
            models.Index(
                "project", "idempotency_key", condition=Q(is_duplicate_event=True), name="event_duplicate_of_key"
            ),
            # For the events of a type that is rare or does not occur, and so for its deliveries (events/reads.py).
            models.Index("project", "event_type", models.F("uid").desc(), name="event_of_type"),
            # For the list of an owner's messages, which reach no endpoint where it has none (svix_api/messages.py).
            models.Index(
                "project", "owner_id", models.F("uid").desc(), condition=~Q(owner_id=""), name="event_of_owner"
            ),
            # For the admin's list of events that no subscription took, which are rare.
            models.Index(
                "project", models.F("uid").desc(), condition=Q(status=Status.FAILURE), name="event_failed_of_project"
            ),
            # For the events of a broker's message, which few events have.
            GinIndex(
                fields=["headers"],
                opclasses=["jsonb_path_ops"],
                condition=Q(headers__has_any_keys=list(BROKER_HEADERS)),
                name="event_of_broker_message",
            ),
            # For the number of test events that a portal session has sent lately.
            models.Index("key_scope", "uid", condition=Q(channel="test"), name="event_test_of_session"),
        ]
        constraints = [
            # Of any number of events with one key of the company, or of one customer, one is sent.
            models.UniqueConstraint(
                fields=["project", "idempotency_key", "key_scope"],
                condition=Q(is_duplicate_event=False) & ~Q(idempotency_key=""),
                name="event_idempotency_key",
            ),
            # For a message that is looked up by its external id, too.
            models.UniqueConstraint(
                fields=["project", "owner_id", "external_id"],
                condition=~Q(external_id="") & Q(is_duplicate_event=False),
                name=OF_EXTERNAL_ID,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.uid}"


def of_present_owner() -> Combinable:
    """Return the condition that a delivery belongs to the present owner of its endpoint, and not to an earlier one."""
    return ~Exists(Endpoint.objects.filter(pk=OuterRef("endpoint_id"), held_from__gt=OuterRef("pk")))


class EventDelivery(models.Model):
    """The delivery of one event to one endpoint, and its entry in the queue."""

    class Test(models.TextChoices):
        """The kinds of test events. Contract: docs/contract/deliveries.md#tests."""

        NONE = ""
        TEST = "test"
        #: Signed with the newest secret only, so that a customer knows that it is in place.
        REHEARSAL = "rehearsal"

    uid = ULIDField()
    # These rows are written by the thousand, and the rows that they point to are never removed, only marked as
    # deleted: a check of four foreign keys would cost more than the insert.
    project = models.ForeignKey(Project, models.CASCADE, db_constraint=False, db_index=False)
    event = models.ForeignKey(Event, models.CASCADE, db_constraint=False, db_index=False, related_name="deliveries")
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, db_constraint=False, db_index=False)
    subscription = models.ForeignKey(Subscription, models.CASCADE, db_constraint=False, db_index=False)
    event_type = models.CharField(max_length=255)
    delivery_mode = models.CharField(max_length=13)
    status = models.CharField(max_length=10, choices=Status)
    test = models.CharField(max_length=9, choices=Test, blank=True, default=Test.NONE, db_default="")
    description = models.TextField(blank=True, default="")
    #: The project's retry strategy at the time of the event; see outbound/retries.py.
    strategy = models.CharField(max_length=11)
    interval_seconds = models.PositiveIntegerField()
    retry_limit = models.PositiveIntegerField(help_text="Attempts in all, the first included.")
    num_trials = models.PositiveIntegerField(default=0, help_text="Attempts that were made.")
    #: num_trials at the time of the last resend: each resend has the whole allowance of attempts.
    num_trials_before = models.PositiveIntegerField(default=0)
    next_send_time = models.DateTimeField()
    latency_seconds = models.FloatField(default=0)
    # The queue; see engine/queue.py
    due_at = models.DateTimeField(null=True)
    #: Whether it is out of the queue because its endpoint has as many requests under way as it may.
    is_parked = models.BooleanField(default=False)
    #: The last claim under which it was sent; an outcome is written only under the same one.
    lease = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "event deliveries"
        # For those who may send again and change nothing else.
        permissions = [("resend_eventdelivery", "Can send event deliveries again")]
        indexes = [
            # For the queue: the next due deliveries.
            models.Index("due_at", condition=Q(due_at__isnull=False, is_parked=False), name="delivery_due"),
            # For the same in turns of projects, where one has a backlog (engine/turns.py).
            models.Index(
                "project", "due_at", condition=Q(due_at__isnull=False, is_parked=False), name="delivery_turns"
            ),
            # For the deliveries that wait for a place at their endpoint.
            models.Index("endpoint", "next_send_time", condition=Q(is_parked=True), name="delivery_parked"),
            # For the number of deliveries under way to an endpoint.
            models.Index("endpoint", "due_at", condition=Q(status=Status.PROCESSING), name="delivery_in_flight"),
            # For the lists of a project and of an event, and retention.
            models.Index("project", models.F("uid").desc(), name="delivery_of_project"),
            models.Index("event", name="delivery_of_event"),
            # For the list and the retry of failed deliveries, which are rare.
            models.Index(
                "project",
                "status",
                models.F("uid").desc(),
                condition=Q(status__in=[Status.FAILURE, Status.DISCARDED, Status.RETRY]),
                name="delivery_by_status",
            ),
            # For the lists and counts of an endpoint (deliveries/reads.py), with the columns that these filter by.
            models.Index(fields=["endpoint", "-uid"], include=["event_type", "status", "test"], name="delivery_listed"),
            # The same of the statuses that are rare, and the number of those that wait for another attempt.
            models.Index(
                fields=["endpoint", "status", "-uid"],
                include=["event_type", "test"],
                condition=Q(status__in=[Status.FAILURE, Status.DISCARDED, Status.RETRY]),
                name="delivery_listed_by_status",
            ),
            # For the deliveries that an endpoint has missed since it was paused or disabled.
            models.Index(
                "endpoint", "updated_at", condition=Q(status=Status.DISCARDED, test=""), name="delivery_missed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.uid}"


def answered_with(code_class: int) -> Q:
    """Return the condition that an attempt was answered with a class of HTTP statuses, such as 400; 0: not at all."""
    return Q(http_status__startswith=str(code_class // 100)) if code_class else Q(http_status="")


class DeliveryAttempt(models.Model):
    """One request of a delivery and its outcome. Credentials are masked before it is stored."""

    uid = ULIDField()
    delivery = models.ForeignKey(
        EventDelivery, models.CASCADE, db_constraint=False, db_index=False, related_name="attempts"
    )
    project = models.ForeignKey(Project, models.CASCADE, db_constraint=False, db_index=False)
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, db_constraint=False, db_index=False)
    url = models.TextField()
    ip_address = models.CharField(max_length=45, blank=True, default="")
    request_http_header = models.JSONField(default=dict)
    response_http_header = models.JSONField(default=dict)
    http_status = models.TextField(blank=True, default="", help_text="Code and reason, such as 200 OK.")
    response_data = models.TextField(blank=True, default="")
    error = models.TextField(blank=True, default="")
    #: Whether the attempt has succeeded.
    status = models.BooleanField()
    #: Whether its delivery is a test event. The circuit breaker reads attempts alone.
    is_test = models.BooleanField(default=False, db_default=False)
    requested_at = models.DateTimeField()
    responded_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        indexes = [
            # For the attempts of a delivery, oldest first.
            models.Index("delivery", "uid", name="attempt_of_delivery"),
        ]

    def __str__(self) -> str:
        return f"{self.http_status or self.error}"

    @property
    def status_code(self) -> int | None:
        """Return the code of the answer; None where there was none."""
        code = re.match("[0-9]{3}", self.http_status)
        return int(code[0]) if code else None

    @property
    def milliseconds(self) -> int | None:
        """Return the time that the answer took; None where there was none."""
        if self.responded_at is None:
            return None
        return max(round((self.responded_at - self.requested_at).total_seconds() * 1000), 0)


class BatchRetry(models.Model):
    """A request to send many deliveries again in the background. Contract: docs/contract/deliveries.md#batch-retry."""

    uid = ULIDField()
    project = models.ForeignKey(Project, models.CASCADE, db_index=False)
    #: The caller: "" for the company, or a customer in the portal (Access.customer).
    customer = models.CharField(max_length=300, blank=True, default="", db_default="")
    #: The caller's filter (deliveries.filters.DeliveryFilter); `endpoint_ids` bounds it to a portal's scope.
    parameters = models.JSONField(default=dict)
    #: The worker's place: deliveries after this id are done.
    cursor = models.CharField(max_length=26, blank=True, default="", db_collation="C")
    retried = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "batch retries"
        constraints = [
            # One at a time of the company, and of each customer.
            models.UniqueConstraint(
                fields=["project", "customer"], condition=Q(finished_at=None), name="batch_retry_of_project"
            ),
        ]

    def __str__(self) -> str:
        return str(self.uid)
