"""Deliveries and attempts as intake and workers leave them."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from core.ulid import first_ulid_at, new_ulid
from endpoints.models import Endpoint
from events.models import DeliveryAttempt, Event, EventDelivery
from outbound.states import Status
from subscriptions.models import Subscription

SETTLED = (Status.SUCCESS, Status.FAILURE, Status.DISCARDED)


def make_event(project_id: str, **fields: Any) -> Event:
    """An event that has its deliveries."""
    given = {"channel": Event.Channel.DIRECT, "event_type": "invoice.paid", "data": '{"invoice":991}'}
    return Event.objects.create(**given | {"project_id": project_id, "status": Status.SUCCESS} | fields)


def make_delivery(
    endpoint: Endpoint, status: str = Status.SCHEDULED, *, at: datetime | None = None, **fields: Any
) -> EventDelivery:
    """A delivery in one of its states; made `at` a time, now if none is given."""
    now = timezone.now()
    event = fields.pop("event", None) or make_event(endpoint.project_id, endpoints=[endpoint.uid])
    subscription = fields.pop("subscription", None) or make_subscription(endpoint)
    given: dict[str, Any] = {
        "uid": new_ulid() if at is None else first_ulid_at(at)[:10] + new_ulid()[10:],
        "project_id": endpoint.project_id,
        "event": event,
        "endpoint": endpoint,
        "subscription": subscription,
        "event_type": event.event_type,
        "delivery_mode": subscription.delivery_mode,
        "status": status,
        "strategy": "linear",
        "interval_seconds": 100,
        "retry_limit": 10,
        "num_trials": 0 if status == Status.SCHEDULED else 3,
        "next_send_time": now,
        "due_at": None if status in SETTLED else now + timedelta(seconds=60),
        "created_at": at or now,
        "updated_at": at or now,
    }
    return EventDelivery.objects.create(**given | fields)


def make_subscription(endpoint: Endpoint) -> Subscription:
    """Return the endpoint's subscription; make one of all events if there is none yet."""
    found = Subscription.objects.filter(endpoint=endpoint).first()
    return found or Subscription.objects.create(
        project_id=endpoint.project_id, endpoint=endpoint, name="All", event_types=["*"]
    )


def make_attempt(delivery: EventDelivery, *, status: bool = True, **fields: Any) -> DeliveryAttempt:
    """An attempt that was answered."""
    now = timezone.now()
    given: dict[str, Any] = {
        "delivery": delivery,
        "project_id": delivery.project_id,
        "endpoint_id": delivery.endpoint_id,
        "url": "https://hooks.example.com/in",
        "ip_address": "203.0.113.7",
        "request_http_header": {"Content-Type": "application/json", "X-Tenant": "acme"},
        "response_http_header": {"Content-Length": "5", "Set-Cookie": "session=1"},
        "http_status": "200 OK" if status else "503 Service Unavailable",
        "response_data": "hello" if status else "busy",
        "status": status,
        "requested_at": now,
        "responded_at": now,
    }
    return DeliveryAttempt.objects.create(**given | fields)
