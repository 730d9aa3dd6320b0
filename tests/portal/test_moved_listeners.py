"""Endpoints that change while a customer moves them to another event type. Contract: docs/portal.md#catalogue."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.utils import timezone

from endpoints.models import Endpoint
from portal.catalogue import move_listeners
from portal_links.access import Access
from portal_links.capabilities import EVERYTHING
from projects.models import EventType, Project
from subscriptions.models import Filter
from subscriptions.operations import create_subscription
from tests.locks import another_transaction, somebody_waits
from tests.portal.customers import OWNER, MakeEndpoint
from tests.waiting import PATIENCE_SECONDS, eventually


@pytest.fixture
def old(project: Project) -> EventType:
    EventType.objects.create(project=project, name="order.paid")
    return EventType.objects.create(
        project=project,
        name="order.updated",
        json_schema={"x-replaced-by": "order.paid"},
        deprecated_at=timezone.now(),
    )


@pytest.fixture
def subscribed(project: Project, old: EventType, make_endpoint: MakeEndpoint) -> list[Endpoint]:
    """Two endpoints, in the order in which they are moved."""
    made = sorted((make_endpoint(owner_id=OWNER, name=name) for name in ("One", "Two")), key=lambda each: each.uid)
    for each in made:
        config = {"event_types": ["ping", old.name]}
        create_subscription(project.uid, name="Events", endpoint_id=each.uid, filter_config=config)
    return made


def in_a_thread(work: Callable[[], int]) -> int:
    try:
        return work()
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_one_that_has_dropped_the_type_by_then_is_left_alone(
    project: Project, old: EventType, subscribed: list[Endpoint]
) -> None:
    first, last = subscribed
    access = Access(project=project, owner_id=OWNER, capabilities=EVERYTHING)
    with ThreadPoolExecutor(1) as pool:
        with another_transaction() as cursor:
            cursor.execute("SELECT 1 FROM endpoints_endpoint WHERE uid = %s FOR UPDATE", [first.pk])
            moved = pool.submit(in_a_thread, lambda: move_listeners(access, old))
            eventually(somebody_waits, "the first endpoint is being moved")
            Filter.objects.filter(subscription__endpoint=last, event_type=old.name).delete()
        assert moved.result(PATIENCE_SECONDS) == 1
    found = Filter.objects.order_by("event_type")
    assert list(found.filter(subscription__endpoint=first).values_list("event_type", flat=True)) == [
        "order.paid",
        "ping",
    ]
    assert list(found.filter(subscription__endpoint=last).values_list("event_type", flat=True)) == ["ping"]
