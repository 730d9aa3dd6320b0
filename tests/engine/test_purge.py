"""The rows of deleted projects: gone a piece at a time, all of them, and nobody else's."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from applications.models import Application
from core.chores import CHORES
from endpoints.models import AlertSettings, Endpoint, EndpointHour, EndpointState, Notification
from engine import purge
from engine.purge import IDLE_SECONDS, WAIT, purge_deleted
from events.models import BatchRetry, Event, EventDelivery
from onboarding.operations import accept
from portal_links.delivery_links import DeliveryNamed, create_delivery_link
from portal_links.operations import create_portal_link
from projects.models import APIKey, APIRateWindow, EventType, Project
from projects.operations import delete_project
from subscriptions.operations import create_subscription
from switches.models import Discard, DiscardedDelivery, Pause
from tests.activity.rows import make_activity
from tests.conftest import API
from tests.deliveries.rows import make_attempt, make_delivery
from tests.jobs.rows import make_job
from tests.meta_events.rows import make_meta_event

MakeEndpoint = Callable[..., Endpoint]
#: Tables without a row for each project.
OTHERS = {"projects_project", "portal_links_checkwindow", "switches_worker"}


def counts() -> dict[str, int]:
    """The number of rows of each table of ours."""
    ours = [model for model in apps.get_models() if not model.__module__.startswith(("django.", "axes."))]
    with connection.cursor() as cursor:
        found = {}
        for table in sorted({model._meta.db_table for model in ours} - OTHERS):
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - our own tables
            found[table] = cursor.fetchone()[0]
    return found


def fill(project: Project, make_endpoint: MakeEndpoint) -> None:
    """Make a row in each table."""
    now = timezone.now()
    endpoint = make_endpoint(project_id=project.uid, owner_id="acme")
    create_subscription(project.uid, name="All", endpoint_id=endpoint.uid)
    delivery = make_delivery(endpoint, "Failure")
    make_attempt(delivery)
    Pause.objects.create(project=project)
    discard = Discard.objects.create(project=project)
    DiscardedDelivery.objects.create(delivery=delivery, discard=discard, status="Retry", due_at=now, discarded_at=now)
    EndpointHour.objects.create(endpoint=endpoint, hour=now, answer="200", delivered=1)
    EndpointState.objects.get_or_create(endpoint=endpoint)
    AlertSettings.objects.create(endpoint=endpoint, chosen={"on": []})
    Notification.objects.create(endpoint=endpoint, channel="email", subject="s", text="t")
    BatchRetry.objects.create(project=project)
    make_job(project)
    make_meta_event(project, {"name": "x"})
    accept(project, [{"name": "a", "url": "https://a.example.com/in"}])
    create_portal_link(project.uid, name="acme", owner_id="acme", auth_type="refresh_token")
    named = DeliveryNamed(project.uid, delivery.uid, "acme", endpoint.uid, delivery.event_type)
    create_delivery_link(named, shows_payload=True)
    make_activity(project.uid)
    Application.objects.create(project=project, owner_id="acme", name="Acme")
    key = APIKey.objects.filter(project=project)[0]
    APIRateWindow.objects.create(key=key, started_at=now, requests=1)


def purge_all() -> int:
    """Purge until there is nothing to do. Returns the number of pieces."""
    for number in range(500):
        if purge_deleted() == IDLE_SECONDS:
            return number
    raise AssertionError("there is no end to it")


def mark_deleted(project: Project, age: timedelta = WAIT + timedelta(minutes=1)) -> None:
    delete_project(project.uid)
    Project.objects.filter(pk=project.pk).update(deleted_at=timezone.now() - age)


@pytest.mark.slow
def test_everything_of_a_deleted_project_goes_and_nothing_of_another(
    api: API, other_api: API, project: Project, other_project: Project, make_endpoint: MakeEndpoint
) -> None:
    fill(other_project, make_endpoint)
    before = counts()
    assert [table for table, number in before.items() if not number] == []
    fill(project, make_endpoint)
    mark_deleted(project)
    assert purge_all() > 10
    after = counts()
    for model in (APIKey, EventType):
        # The project had some before it was filled.
        assert not model.objects.filter(project=project).exists()
        after[model._meta.db_table] = before[model._meta.db_table]
        assert model.objects.filter(project=other_project).exists()
    assert after == before
    project.refresh_from_db()
    assert project.deleted_at is not None
    connection.check_constraints()


def test_a_piece_is_small(project: Project, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "PIECE", 2)
    endpoint = make_endpoint()
    APIKey.objects.create(project=project, name="k", role="project_admin", mask="m", digest=b"d")
    for _ in range(5):
        make_delivery(endpoint, "Success")
    mark_deleted(project)
    seen = []
    for _ in range(6):
        purge_deleted()
        seen.append((EventDelivery.objects.count(), Event.objects.count()))
    assert seen == [(3, 5), (1, 5), (0, 5), (0, 3), (0, 1), (0, 0)]


@pytest.mark.parametrize("age", [timedelta(0), WAIT - timedelta(minutes=1)])
def test_one_that_was_deleted_lately_or_is_not_deleted_keeps_its_rows(
    api: API, project: Project, other_project: Project, make_endpoint: MakeEndpoint, age: timedelta
) -> None:
    fill(project, make_endpoint)
    mark_deleted(project, age)
    before = counts()
    assert purge_deleted() == IDLE_SECONDS
    assert counts() == before


def test_the_workers_do_it() -> None:
    assert purge_deleted in CHORES
