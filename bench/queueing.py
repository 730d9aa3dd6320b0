"""Make the rows that the engine's benchmarks deliver: a project, endpoints, and events with their deliveries."""

import itertools
from collections.abc import Sequence

import orjson
from django.db import connection, transaction
from django.utils import timezone

from endpoints.operations import create_endpoint
from events.models import Event, EventDelivery
from outbound.states import Status
from projects.models import EVERY_TYPE, Project
from projects.operations import create_project
from subscriptions.models import Filter, Subscription

EVENT_TYPE = "order.created"
#: Padding that makes a payload 1 KB, with its names and ids.
PAYLOAD_PADDING = 920


def make_project(name: str) -> tuple[Project, str]:
    """Make a project. Returns it and its API key."""
    project, _, key = create_project(name=name, type=Project.Type.OUTGOING)
    return project, key


def make_subscriptions(project: Project, urls: Sequence[str], *, owner_id: str = "") -> list[Subscription]:
    """Make an endpoint for each URL, with a subscription to all event types."""
    now = timezone.now()
    subscriptions, filters = [], []
    with transaction.atomic():
        for number, url in enumerate(urls):
            name = f"{owner_id} {number}"
            endpoint = create_endpoint(project.uid, url=url, name=name, owner_id=owner_id, advanced_signatures=False)
            subscription = Subscription(project=project, endpoint=endpoint, name=name, event_types=[EVERY_TYPE])
            subscriptions.append(subscription)
            filters.append(Filter(subscription=subscription, event_type=EVERY_TYPE, enabled_at=now))
        Subscription.objects.bulk_create(subscriptions)
        Filter.objects.bulk_create(filters)
    with connection.cursor() as cursor:
        # As autovacuum does in its first minute. Without it, 1,000 subscriptions are read as if they were few.
        cursor.execute("ANALYZE")
    return subscriptions


def payload(uid: str) -> bytes:
    """Return a payload of 1 KB that begins with an id, by which the sink identifies it."""
    return orjson.dumps({"id": uid, "type": EVENT_TYPE, "note": "x" * PAYLOAD_PADDING})


def event_body(endpoint_id: str, uid: str) -> bytes:
    """Return the body of POST /events for an event with that payload."""
    return orjson.dumps({"endpoint_id": endpoint_id, "event_type": EVENT_TYPE, "data": orjson.Fragment(payload(uid))})


def fanout_body(owner_id: str, uid: str) -> bytes:
    """Return the body of POST /events/fanout for an event with that payload."""
    return orjson.dumps({"owner_id": owner_id, "event_type": EVENT_TYPE, "data": orjson.Fragment(payload(uid))})


def insert_deliveries(project: Project, subscriptions: Sequence[Subscription], ids: Sequence[str]) -> None:
    """Insert events with these ids, each with one delivery, to the endpoints in turn.

    No worker is notified; the deliveries are due once the caller's transaction commits.
    """
    now, strategy = timezone.now(), project.config["strategy"]
    events, deliveries = [], []
    for uid, subscription in zip(ids, itertools.cycle(subscriptions), strict=False):
        event = Event(
            uid=uid,
            project=project,
            channel=Event.Channel.DIRECT,
            event_type=EVENT_TYPE,
            endpoints=[subscription.endpoint_id],
            data=payload(uid).decode(),
            status=Status.SUCCESS,
        )
        events.append(event)
        deliveries.append(
            EventDelivery(
                project=project,
                event=event,
                endpoint_id=subscription.endpoint_id,
                subscription=subscription,
                event_type=EVENT_TYPE,
                delivery_mode=subscription.delivery_mode,
                status=Status.SCHEDULED,
                strategy=strategy["type"],
                interval_seconds=strategy["duration"],
                retry_limit=strategy["retry_count"],
                next_send_time=now,
                due_at=now,
            )
        )
    Event.objects.bulk_create(events, batch_size=1000)
    EventDelivery.objects.bulk_create(deliveries, batch_size=1000)


def clear() -> None:
    """Delete all events, deliveries and attempts, and the state and figures of endpoints."""
    with connection.cursor() as cursor:
        cursor.execute(
            "TRUNCATE events_event, events_eventdelivery, events_deliveryattempt, endpoints_endpointstate, "
            "endpoints_endpointhour"
        )
