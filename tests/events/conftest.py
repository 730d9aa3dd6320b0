"""Fixtures of the tests of events: subscriptions, events by every call, and their deliveries."""

from collections.abc import Callable
from typing import Any

import pytest

from endpoints.models import Endpoint
from events.models import Event, EventDelivery
from projects.models import Project
from subscriptions.models import Filter, Subscription
from tests.conftest import API, Answer

MakeSubscription = Callable[..., Subscription]
Post = Callable[..., Answer]


@pytest.fixture
def path(project: Project) -> str:
    """The project's events."""
    return f"/projects/{project.uid}/events"


@pytest.fixture
def endpoint(make_endpoint: Callable[..., Endpoint]) -> Endpoint:
    """An active endpoint of acme's."""
    return make_endpoint(owner_id="acme")


@pytest.fixture
def subscribe() -> MakeSubscription:
    """Makes a subscription: `types` with conditions by event type, None for a filter that is switched off."""

    def make(endpoint: Endpoint, types: dict[str, dict[str, Any] | None] | None = None, **fields: Any) -> Subscription:
        types = {"*": {}} if types is None else types
        subscription = Subscription.objects.create(
            project_id=endpoint.project_id, endpoint=endpoint, name="All", event_types=list(types), **fields
        )
        for name, conditions in types.items():
            enabled_at = None if conditions is None else subscription.created_at
            Filter.objects.create(
                subscription=subscription, event_type=name, enabled_at=enabled_at, conditions=conditions or {}
            )
        return subscription

    return make


@pytest.fixture
def post(api: API, path: str) -> Post:
    """Posts an event that is good but for `fields`; the event that was stored is the newest."""

    def send(call: str = "", **fields: Any) -> Answer:
        return api.post(f"{path}{call}", {"event_type": "invoice.paid", "data": {"invoice": 991}} | fields)

    return send


@pytest.fixture
def configure(project: Project) -> Callable[..., None]:
    """Changes members of the project's config."""

    def change(**config: Any) -> None:
        Project.objects.filter(pk=project.pk).update(config=project.config | config)

    return change


def newest() -> Event:
    """The event that was stored last."""
    event = Event.objects.order_by("pk").last()
    assert event is not None
    return event


def deliveries(event: Event | None = None) -> list[EventDelivery]:
    """The deliveries of an event, oldest first; without one, of the newest."""
    return list(EventDelivery.objects.filter(event=event or newest()).order_by("pk"))
