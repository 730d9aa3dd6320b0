"""Send a test event to one endpoint. Contract: docs/contract/events.md#tests."""

from datetime import timedelta

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from activity.operations import Verb, record
from core.json_text import json_text
from core.tracing import traceparent
from core.ulid import first_ulid_at, new_ulid
from core.wake import wake_workers
from endpoints.exceptions import EndpointNotFound
from endpoints.models import Endpoint, Scope
from endpoints.secrets import is_live
from events.exceptions import NoOverlap, TooManyTests
from events.models import Event, EventDelivery
from outbound import payload
from outbound.states import Status
from projects.config import REQUEST_ID_HEADER
from projects.models import EventType
from subscriptions.examples import make_example
from subscriptions.models import Subscription
from subscriptions.schema_reading import Schema

#: A portal session may send this many test events in WINDOW_SECONDS.
MOST_TESTS = 10
WINDOW_SECONDS = 60


def send_test_event(
    project_id: str,
    endpoint_id: str,
    *,
    event_type: str,
    raw: bytes | None = None,
    is_rehearsal: bool = False,
    scope: Scope = None,
    session_id: str = "",
) -> EventDelivery:
    """Store an event for one endpoint, with a delivery that is marked as a test and has a single attempt.

    It goes to this endpoint whatever its state and its subscriptions are. `raw` is the payload's JSON text; without
    it an example is made of the event type's schema. A rehearsal is signed with the newest secret only. `session_id`
    is the portal session that sends it, of which MOST_TESTS in WINDOW_SECONDS are accepted.
    Raises EndpointNotFound, NoOverlap, TooManyTests.
    """
    rows = Endpoint.objects.for_project(project_id) if scope is None else scope.order_by()
    endpoint = rows.filter(pk=endpoint_id).select_related("project").first()
    if endpoint is None:
        raise EndpointNotFound
    now = timezone.now()
    if is_rehearsal and sum(is_live(secret, now) for secret in endpoint.secrets) < 2:
        raise NoOverlap
    data = json_text(make_example(schema_of(project_id, event_type))).encode() if raw is None else payload.compact(raw)
    config, uid = endpoint.project.config, new_ulid()
    own_header = config["request_id_header"] not in ("", REQUEST_ID_HEADER)
    with transaction.atomic():
        if session_id:
            _count(session_id)
        event = Event.objects.create(
            uid=uid,
            project_id=project_id,
            channel=Event.Channel.TEST,
            event_type=event_type,
            endpoints=[endpoint.uid],
            data=data.decode(),
            # The project's own header carries it, and a webhook without that header is not sent.
            idempotency_key=uid if own_header else "",
            key_scope=_scope(session_id) if session_id else "",
            trace=traceparent(),
            status=Status.SUCCESS,
        )
        delivery = EventDelivery.objects.create(
            project_id=project_id,
            event=event,
            endpoint=endpoint,
            subscription_id=_subscription_id(endpoint),
            event_type=event_type,
            delivery_mode=Subscription.DeliveryMode.AT_LEAST_ONCE,
            status=Status.SCHEDULED,
            test=EventDelivery.Test.REHEARSAL if is_rehearsal else EventDelivery.Test.TEST,
            strategy=config["strategy"]["type"],
            interval_seconds=config["strategy"]["duration"],
            retry_limit=1,
            # By the clock of the database, as the workers read it.
            next_send_time=Now(),
            due_at=Now(),
        )
        record(
            project_id,
            Verb.TEST_SENT,
            owner_id=endpoint.owner_id,
            endpoint_id=endpoint.uid,
            object_uid=delivery.uid,
            object_name=event_type,
        )
        wake_workers()
    return delivery


def schema_of(project_id: str, event_type: str) -> Schema | None:
    """Return the JSON schema of an event type; None where it has none, or the project does not know it."""
    found = EventType.objects.filter(project_id=project_id, name=event_type).only("json_schema").first()
    return None if found is None else found.json_schema or None


def _subscription_id(endpoint: Endpoint) -> str:
    """Return the endpoint's first subscription, which a delivery names; blank where it has none."""
    rows = Subscription.objects.filter(endpoint=endpoint, deleted_at=None).order_by("pk")
    return rows.values_list("pk", flat=True).first() or ""


def _scope(session_id: str) -> str:
    return f"test:{session_id}"


def _count(session_id: str) -> None:
    """Raise TooManyTests where a session has sent as many as it may, within the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"test events {session_id}"])
    now = timezone.now()
    since = now - timedelta(seconds=WINDOW_SECONDS)
    rows = Event.objects.filter(
        channel=Event.Channel.TEST, key_scope=_scope(session_id), pk__gte=first_ulid_at(since)
    ).order_by("pk")
    sent = list(rows.values_list("created_at", flat=True)[:MOST_TESTS])
    if len(sent) == MOST_TESTS:
        wait = WINDOW_SECONDS - (now - sent[0]).total_seconds()
        raise TooManyTests(seconds=max(1, round(wait)))
