"""Fixtures of the tests of event types, subscriptions and filters."""

from collections.abc import Callable

import pytest

from endpoints.models import Endpoint
from projects.models import EventType, Project
from subscriptions.models import Filter, Subscription
from subscriptions.operations import create_subscription

MakeSubscription = Callable[..., Subscription]


@pytest.fixture
def event_types(project: Project) -> str:
    return f"/projects/{project.uid}/event-types"


@pytest.fixture
def subscriptions(project: Project) -> str:
    return f"/projects/{project.uid}/subscriptions"


@pytest.fixture
def endpoint(make_endpoint: Callable[..., Endpoint]) -> Endpoint:
    """An active endpoint of the project."""
    return make_endpoint(owner_id="acme", secret="the signing secret")


@pytest.fixture
def make_subscription(project: Project, make_endpoint: Callable[..., Endpoint]) -> MakeSubscription:
    """Return a function that creates a subscription, on a new endpoint where none is given."""

    def make(*types: str, endpoint: Endpoint | None = None, name: str = "orders", **conditions: object) -> Subscription:
        on = endpoint or make_endpoint()
        config = {"event_types": list(types), "filter": conditions}
        return create_subscription(on.project_id, name=name, endpoint_id=on.uid, filter_config=config)

    return make


@pytest.fixture
def make_event_types(project: Project) -> Callable[..., None]:
    """Return a function that creates event types of the project."""

    def make(*names: str) -> None:
        EventType.objects.bulk_create(EventType(project=project, name=name) for name in names)

    return make


def filters_of(subscription: str | Subscription) -> dict[str, tuple[bool, dict[str, object]]]:
    """Return a subscription's filters by event type: whether each is enabled, and its conditions."""
    rows = Filter.objects.filter(subscription=subscription)
    return {row.event_type: (row.enabled_at is not None, row.conditions) for row in rows}
