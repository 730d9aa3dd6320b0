"""Retention: what is old and has ended goes, project by project, and nothing else."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from psycopg_pool import AsyncConnectionPool

from activity.models import Activity
from core.conninfo import conninfo
from core.ulid import first_ulid_at, new_ulid
from endpoints.models import Endpoint, EndpointHour, Notification
from engine.database import Pool
from engine.retention import delete_old
from events.models import BatchRetry, DeliveryAttempt, Event, EventDelivery
from jobs.models import Job
from meta_events.models import MetaEvent
from portal_links.delivery_links import DeliveryNamed, create_delivery_link
from portal_links.models import DeliveryLink
from projects.models import Project
from projects.operations import delete_project, update_project
from tests.activity.rows import make_activity
from tests.engine.engine import queue_deliveries, working
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Endpoint]

OLD = timedelta(hours=2)


@pytest.fixture
def endpoint(make_endpoint: Make, project: Project) -> Endpoint:
    """An endpoint of a project that keeps an hour."""
    keep(project, "1h")
    return make_endpoint()


def keep(project: Project, policy: str, *, enabled: bool = True) -> None:
    config = {"is_retention_policy_enabled": enabled, "retention_policy": {"policy": policy}}
    update_project(project.uid, name=project.name, config=config)


def aged(uid: str, age: timedelta) -> str:
    """Return the id of a row that was made `age` ago."""
    return first_ulid_at(timezone.now() - age)[:10] + uid[10:]


def deliver(endpoint: Endpoint, count: int = 1, *, age: timedelta = OLD, status: str = "Success", **fields: Any) -> str:
    """Store `count` deliveries of one event with an attempt each, made `age` ago. Returns the event's id."""
    if status in ("Success", "Failure", "Discarded"):
        fields = {"due_at": None} | fields
    deliveries = queue_deliveries(endpoint, count, status=status, **fields)
    event_id = aged(deliveries[0].event_id, age)
    Event.objects.filter(pk=deliveries[0].event_id).update(uid=event_id)
    with connection.cursor() as cursor:
        for delivery in deliveries:
            uid = aged(delivery.uid, age)
            cursor.execute(
                "UPDATE events_eventdelivery SET uid = %s, event_id = %s WHERE uid = %s", [uid, event_id, delivery.uid]
            )
            DeliveryAttempt.objects.create(
                delivery_id=uid,
                project_id=endpoint.project_id,
                endpoint=endpoint,
                url=endpoint.url,
                status=True,
                requested_at=timezone.now(),
            )
    return event_id


def sweep(*, batch: int = 1000, workers: int = 1, stopped: bool = False) -> list[int]:
    """Return the rows that several workers at once find to be old."""

    async def one() -> int:
        stopping = asyncio.Event()
        if stopped:
            stopping.set()
        pool: Pool = AsyncConnectionPool(
            conninfo(connection.settings_dict), min_size=1, open=False, kwargs={"autocommit": True}
        )
        async with pool:
            return await delete_old(pool, stopping, batch=batch)

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*(one() for _ in range(workers)))

    return asyncio.run(all_of_them())


def left() -> tuple[int, int, int]:
    """How many events, deliveries and attempts there are."""
    return Event.objects.count(), EventDelivery.objects.count(), DeliveryAttempt.objects.count()


class TestWhatGoes:
    @pytest.mark.parametrize("status", ["Success", "Failure", "Discarded"])
    def test_what_has_ended_and_is_old_goes(self, endpoint: Endpoint, status: str) -> None:
        deliver(endpoint, 3, status=status)
        young = deliver(endpoint, 2, age=timedelta(minutes=50), status=status)
        sweep()
        assert left() == (1, 2, 2)
        assert Event.objects.get().uid == young
        assert set(DeliveryAttempt.objects.values_list("delivery_id", flat=True)) == set(
            EventDelivery.objects.values_list("uid", flat=True)
        )

    def test_an_event_that_nobody_took_goes(self, endpoint: Endpoint) -> None:
        for age in (OLD, timedelta(0)):
            Event.objects.create(
                uid=aged(new_ulid(), age), project_id=endpoint.project_id, channel="direct", data="{}", status="Failure"
            )
        sweep()
        assert Event.objects.count() == 1

    @pytest.mark.slow
    def test_a_big_batch_goes_in_small_ones(self, endpoint: Endpoint) -> None:
        for _ in range(5):
            deliver(endpoint, 21)
        waiting = deliver(endpoint, 10, status="Scheduled")
        assert sweep(batch=10) == [5 * 21 + 5]
        assert left() == (1, 10, 10)
        assert Event.objects.get().uid == waiting

    @pytest.mark.slow
    def test_two_workers_at_once_do_each_row_once(self, endpoint: Endpoint) -> None:
        for _ in range(20):
            deliver(endpoint, 10)
        assert sum(sweep(batch=7, workers=2)) >= 200
        # One of them may have skipped the rows that the other had locked.
        sweep()
        assert left() == (0, 0, 0)

    def test_the_key_of_an_event_is_free_again(self, endpoint: Endpoint) -> None:
        for _ in range(2):
            deliver(endpoint, idempotency_key="k")
            sweep()
        assert left() == (0, 0, 0)

    def test_a_deleted_project_goes_on(self, endpoint: Endpoint) -> None:
        deliver(endpoint)
        delete_project(endpoint.project_id)
        sweep()
        assert left() == (0, 0, 0)

    def test_the_records_of_the_project_itself(self, endpoint: Endpoint, other_project: Project) -> None:
        now = timezone.now()

        def make(age: timedelta, project_id: str, *, ended: bool) -> None:
            due = {"due_at": None if ended else now}
            MetaEvent.objects.create(
                uid=aged(new_ulid(), age),
                project_id=project_id,
                event_type="endpoint.created",
                body="{}",
                strategy="linear",
                interval_seconds=1,
                retry_limit=1,
                **due,
            )
            if project_id == endpoint.project_id:
                Notification.objects.create(uid=aged(new_ulid(), age), endpoint=endpoint, channel="email", **due)
            BatchRetry.objects.create(
                uid=aged(new_ulid(), age), project_id=project_id, finished_at=now if ended else None
            )
            Job.objects.create(
                uid=aged(new_ulid(), age), project_id=project_id, kind="any", finished_at=now if ended else None
            )

        make(OLD, endpoint.project_id, ended=True)
        make(OLD, endpoint.project_id, ended=False)
        make(timedelta(0), endpoint.project_id, ended=True)
        make(OLD, other_project.uid, ended=True)
        assert sweep() == [4]
        assert MetaEvent.objects.filter(event_type="endpoint.created", body="{}").count() == 3
        assert (Notification.objects.count(), BatchRetry.objects.count(), Job.objects.count()) == (2, 3, 3)
        assert not Notification.objects.filter(due_at=None, uid__lt=aged("0" * 26, timedelta(hours=1))).exists()


@pytest.mark.slow
def test_a_worker_does_it_beside_its_work(endpoint: Endpoint) -> None:
    deliver(endpoint, 3)
    with working():
        eventually(lambda: left() == (0, 0, 0), "nothing is left")


class TestWhatStays:
    def test_everything_by_default(self, make_endpoint: Make) -> None:
        deliver(make_endpoint(), age=timedelta(days=3000))
        assert sweep() == [0]
        assert left() == (1, 1, 1)

    def test_everything_where_it_is_switched_off(self, endpoint: Endpoint) -> None:
        keep(endpoint.project, "1h", enabled=False)
        deliver(endpoint)
        sweep()
        assert left() == (1, 1, 1)

    def test_what_another_project_has(self, endpoint: Endpoint, make_endpoint: Make, other_project: Project) -> None:
        keep(other_project, "3h")
        deliver(endpoint)
        theirs = deliver(make_endpoint(project_id=other_project.uid))
        sweep()
        assert left() == (1, 1, 1)
        assert Event.objects.get().uid == theirs

    @pytest.mark.parametrize(
        "fields",
        [
            {"status": "Scheduled"},
            {"status": "Scheduled", "is_parked": True},
            {"status": "Retry", "due_in": 3600},
            {"status": "Processing"},
            {"status": "Failure", "due_at": timezone.now()},
        ],
        ids=["scheduled", "parked", "to be tried again", "being sent", "failed and due"],
    )
    def test_what_is_queued_or_under_way(self, endpoint: Endpoint, fields: dict[str, Any]) -> None:
        deliver(endpoint, **fields)
        sweep()
        assert left() == (1, 1, 1)

    def test_an_event_with_one_delivery_left(self, endpoint: Endpoint) -> None:
        deliver(endpoint, 3)
        kept = EventDelivery.objects.order_by("pk")[0]
        EventDelivery.objects.filter(pk=kept.pk).update(status="Retry", due_at=timezone.now())
        sweep()
        assert left() == (1, 1, 1)

    @pytest.mark.slow
    def test_the_figures_of_hours_long_ago(self, make_endpoint: Make, project: Project) -> None:
        """In every project, a batch of endpoints at a time, those of a deleted endpoint too."""
        now = timezone.now()
        for _ in range(5):
            for age in (timedelta(0), timedelta(days=89), timedelta(days=91)):
                EndpointHour.objects.create(endpoint=make_endpoint(), hour=now - age, answer="200", delivered=1)
        Endpoint.objects.update(deleted_at=now)
        assert sweep(batch=4, stopped=True) == [0]
        assert EndpointHour.objects.count() == 15
        sweep(batch=4)
        assert EndpointHour.objects.count() == 10
        assert not EndpointHour.objects.filter(hour__lt=now - timedelta(days=90)).exists()

    def test_what_somebody_holds_is_not_waited_for(self, endpoint: Endpoint) -> None:
        held, _ = deliver(endpoint), deliver(endpoint)
        with psycopg.connect(conninfo(connection.settings_dict)) as other:
            other.execute("SELECT FROM events_eventdelivery WHERE event_id = %s FOR UPDATE", [held])
            sweep()
            assert left() == (1, 1, 1)
        sweep()
        assert left() == (0, 0, 0)

    def test_an_event_that_is_being_replayed(self, endpoint: Endpoint) -> None:
        event_id = deliver(endpoint)
        with psycopg.connect(conninfo(connection.settings_dict)) as other:
            other.execute("SELECT FROM events_event WHERE uid = %s FOR UPDATE", [event_id])
            sweep()
            assert left() == (1, 0, 0)

    def test_the_rest_once_the_worker_stops(self, endpoint: Endpoint) -> None:
        deliver(endpoint)
        assert sweep(stopped=True) == [0]
        assert left() == (1, 1, 1)


class TestActivity:
    @pytest.mark.parametrize("enabled", [True, False])
    def test_it_goes_after_ninety_days_whatever_the_project_keeps(
        self, endpoint: Endpoint, project: Project, enabled: bool
    ) -> None:
        keep(project, "1h", enabled=enabled)
        Activity.objects.all().delete()
        old, young = timedelta(days=90, minutes=1), timedelta(days=89)
        for age in (old, young, old):
            make_activity(project.uid, uid=aged(new_ulid(), age), object_name=f"{age.days}")
        assert sweep(batch=1) == [2]
        assert [row.object_name for row in Activity.objects.all()] == ["89"]


class TestDeliveryLinks:
    @pytest.mark.parametrize("enabled", [True, False])
    def test_they_go_a_week_after_their_day(self, endpoint: Endpoint, project: Project, enabled: bool) -> None:
        keep(project, "1h", enabled=enabled)
        named = DeliveryNamed(project.uid, new_ulid(), "", endpoint.uid, "order.paid")
        old, young = timedelta(days=8, minutes=1), timedelta(days=7, hours=23)
        for age in (old, young, old):
            made = create_delivery_link(named, shows_payload=False).link
            DeliveryLink.objects.filter(pk=made.pk).update(uid=aged(made.uid, age))
        assert sweep(batch=1) == [2]
        [left] = DeliveryLink.objects.values_list("pk", flat=True)
        assert left > first_ulid_at(timezone.now() - timedelta(days=8))


def test_projects_take_turns(endpoint: Endpoint, make_endpoint: Make, other_project: Project) -> None:
    """A look into the middle of the work: after one batch of each, neither is done, and both have begun."""
    keep(other_project, "1h")
    other = make_endpoint(project_id=other_project.uid)
    for each in (endpoint, other):
        deliver(each, 6)

    async def run() -> None:
        stopping = asyncio.Event()
        async with AsyncConnectionPool(
            conninfo(connection.settings_dict), open=False, kwargs={"autocommit": True}
        ) as pool:
            batches = 0

            @asynccontextmanager
            async def counted() -> AsyncIterator[Any]:
                nonlocal batches
                async with original() as connected:
                    yield connected
                batches += 1
                if batches == 3:  # the policies, and one batch of each project
                    stopping.set()

            original = pool.connection
            pool.connection = counted  # type: ignore[method-assign, assignment]
            await delete_old(pool, stopping, batch=2)

    asyncio.run(run())
    left = Counter(EventDelivery.objects.values_list("project_id", flat=True))
    assert left == {endpoint.project_id: 4, other_project.uid: 4}
