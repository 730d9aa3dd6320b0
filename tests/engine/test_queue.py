"""The queue: deliveries that are claimed, kept or discarded."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from endpoints.models import Endpoint, EndpointState
from endpoints.operations import delete_endpoint
from engine import queue
from engine.choice import Unsettled
from engine.lost import LOST_ATTEMPT
from engine.outcomes import finish
from engine.parts import LOCK_ID, View
from engine.worker import Worker
from events.expunging import expunge_events
from events.models import DeliveryAttempt, Event, EventDelivery
from projects.operations import delete_project
from tests.engine.claims import claim, claimed, outcome
from tests.engine.engine import on_a_connection, queue_deliveries

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Endpoint]


class TestClaiming:
    def test_what_is_due_is_claimed_under_a_lease(self, make_endpoint: Make) -> None:
        [delivery] = queue_deliveries(make_endpoint(), data='{"a":1.50}', headers={"X-A": ["1"]}, idempotency_key="k")
        [found] = on_a_connection(claim).claims
        assert found.delivery.uid == delivery.uid
        assert (found.payload.data, found.payload.headers, found.payload.idempotency_key) == (
            '{"a":1.50}',
            {"X-A": ["1"]},
            "k",
        )
        assert found.target.url == "https://hooks.example.com/in"
        delivery.refresh_from_db()
        assert (delivery.status, delivery.lease) == ("Processing", found.lease)
        assert delivery.due_at is not None
        assert timedelta(seconds=50) < delivery.due_at - timezone.now() <= timedelta(seconds=60)

    def test_what_is_not_due_yet_waits(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint(), due_in=60)
        assert claimed() == []

    def test_the_oldest_come_first(self, make_endpoint: Make) -> None:
        late, early = (queue_deliveries(make_endpoint(), due_in=due_in)[0] for due_in in (-1, -2))
        assert claimed(slots=1) == [early.uid]
        assert claimed() == [late.uid]

    @pytest.mark.slow
    def test_two_workers_never_claim_the_same(self, make_endpoint: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(10):
            queue_deliveries(make_endpoint(), 5)
        commit = queue._claim_and_commit

        async def both(first: psycopg.AsyncConnection[Any]) -> list[str]:
            others: list[queue.Claimed] = []

            async def claim_and_commit(connection: Any, *given: Any) -> Any:
                if connection is first:
                    # The first has chosen and not committed yet.
                    others.append(await claim(second, slots=50))
                return await commit(connection, *given)

            monkeypatch.setattr(queue, "_claim_and_commit", claim_and_commit)
            second = await psycopg.AsyncConnection.connect(first.info.dsn, autocommit=True)
            async with second:
                one = await claim(first, slots=20)
            [other] = others
            return [claim.delivery.uid for found in (one, other) for claim in found.claims]

        found = on_a_connection(both)
        assert len(found) == len(set(found)) >= 20

    def test_a_worker_without_the_queues_lock_locks_no_delivery(self, make_endpoint: Make) -> None:
        [delivery] = queue_deliveries(make_endpoint())

        async def look(first: psycopg.AsyncConnection[Any]) -> tuple[queue.Claimed, Any]:
            second = await psycopg.AsyncConnection.connect(first.info.dsn, autocommit=True)
            async with second, first.transaction():
                await first.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_ID])
                async with queue._claiming(second, View(), window=10, by_age=True) as opening:
                    assert opening is None
                    free = "SELECT uid FROM events_eventdelivery WHERE due_at <= clock_timestamp() FOR UPDATE NOWAIT"
                    row = await (await first.execute(free)).fetchone()
                return await claim(second), row

        found, row = on_a_connection(look)
        assert (found.is_busy, found.claims, row) == (True, [], (delivery.uid,))

    def test_no_statement_of_a_look_is_compiled(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint())

        async def look(connection: psycopg.AsyncConnection[Any]) -> list[tuple[str]]:
            await connection.execute("SET jit = on")
            async with queue._claiming(connection, View(), window=10, by_age=True):
                within = await (await connection.execute("SHOW jit")).fetchall()
            return [*within, *await (await connection.execute("SHOW jit")).fetchall()]

        assert on_a_connection(look) == [("off",), ("on",)]

    def test_whether_a_request_that_ends_may_let_another_be_sent(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint()
        queue_deliveries(endpoint)
        assert not on_a_connection(partial(claim, cap=2)).waits_for_places
        queue_deliveries(endpoint)
        assert on_a_connection(partial(claim, cap=2)).waits_for_places, "the endpoint is full"
        queue_deliveries(endpoint)
        assert on_a_connection(partial(claim, cap=2)).waits_for_places, "a delivery was parked"
        assert on_a_connection(partial(claim, cap=2)).waits_for_places, "a delivery is parked"

    @pytest.mark.parametrize("waits", [True, False])
    def test_a_written_outcome_is_a_reason_to_look_again_where_deliveries_wait(
        self, make_endpoint: Make, waits: bool
    ) -> None:
        """An event that comes in meanwhile would wait for that look."""
        queue_deliveries(make_endpoint(), 2)
        claimed = on_a_connection(partial(claim, slots=2))
        idle = Worker("")
        idle._waits_for_places = waits
        for each in claimed.claims:
            idle._shares.take(each.delivery.uid, each.target)
        idle._give_back(claimed.claims)
        assert idle._woken.is_set() is waits

    @pytest.mark.slow
    def test_a_lease_that_has_ended_makes_a_delivery_due_again(self, make_endpoint: Make) -> None:
        [delivery] = queue_deliveries(make_endpoint())
        assert claimed() == [delivery.uid]
        assert claimed() == []
        assert not DeliveryAttempt.objects.exists()
        delivery.refresh_from_db()
        EventDelivery.objects.update(due_at=timezone.now())
        assert claimed() == [delivery.uid]
        # The receiver may have got the request, so it is shown.
        [lost] = DeliveryAttempt.objects.all()
        assert (lost.delivery_id, lost.status, lost.http_status, lost.error) == (delivery.uid, False, "", LOST_ATTEMPT)
        assert (lost.url, lost.requested_at, lost.responded_at) == (
            delivery.endpoint.url,
            delivery.updated_at,
            None,
        )
        # It is no attempt of those that the delivery has.
        assert EventDelivery.objects.get().num_trials == 0

    def test_a_lost_attempt_is_recorded_once_while_it_is_parked(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint()
        queue_deliveries(endpoint)
        claimed()
        EventDelivery.objects.update(due_at=timezone.now())
        Endpoint.objects.update(status="paused")
        assert claimed() == claimed() == []
        assert EventDelivery.objects.get().is_parked
        assert not DeliveryAttempt.objects.exists()
        Endpoint.objects.update(status="active")
        assert len(claimed()) == 1
        assert DeliveryAttempt.objects.count() == 1

    def test_a_lost_attempt_is_recorded_when_its_endpoint_is_deleted_while_it_is_parked(
        self, make_endpoint: Make
    ) -> None:
        endpoint = make_endpoint()
        [lost] = queue_deliveries(endpoint)
        claimed()
        EventDelivery.objects.update(due_at=timezone.now())
        Endpoint.objects.update(status="paused")
        [never_sent] = queue_deliveries(endpoint)
        assert claimed() == []
        Endpoint.objects.update(deleted_at=timezone.now())
        assert claimed() == claimed() == []
        assert set(EventDelivery.objects.values_list("pk", "status")) == {
            (lost.pk, "Discarded"),
            (never_sent.pk, "Discarded"),
        }
        [attempt] = DeliveryAttempt.objects.all()
        assert (attempt.delivery_id, attempt.error) == (lost.pk, LOST_ATTEMPT)

    def test_at_most_once_is_not_sent_again_after_a_crash(self, make_endpoint: Make) -> None:
        [delivery] = queue_deliveries(make_endpoint(), delivery_mode="at_most_once")
        claimed()
        EventDelivery.objects.update(due_at=timezone.now())
        assert claimed() == []
        delivery.refresh_from_db()
        assert (delivery.status, delivery.due_at) == ("Failure", None)
        assert "worker was lost" in delivery.description
        assert DeliveryAttempt.objects.get().error == LOST_ATTEMPT

    @pytest.mark.slow
    def test_statements_do_not_grow_with_the_deliveries(self, make_endpoint: Make) -> None:
        def count(deliveries: int) -> int:
            EventDelivery.objects.update(due_at=None)
            for _ in range(deliveries):
                queue_deliveries(make_endpoint())

            async def counted(connection: psycopg.AsyncConnection[Any]) -> int:
                sent = 0
                execute = connection.cursor_factory.execute

                class Counting(connection.cursor_factory):  # type: ignore[name-defined, misc]
                    async def execute(self, *args: Any, **kwargs: Any) -> Any:
                        nonlocal sent
                        sent += 1
                        return await execute(self, *args, **kwargs)

                connection.cursor_factory = Counting
                assert len((await claim(connection)).claims) == deliveries
                return sent

            return on_a_connection(counted)

        # Of a few, the endpoints are read together with the deliveries.
        assert count(1) == count(queue.FEW)
        assert count(1) + 1 == count(queue.FEW + 1) == count(30)


class TestUnsettled:
    """Deliveries whose lease has ended, while the worker still has to write their outcomes."""

    @pytest.mark.parametrize(
        ("status", "change"),
        [
            pytest.param("active", {}, id="an endpoint that takes more"),
            pytest.param("paused", {}, id="an endpoint that takes no more"),
            pytest.param("inactive", {}, id="an endpoint that is gone"),
            pytest.param("active", {"delivery_mode": "at_most_once"}, id="at_most_once"),
            pytest.param("active", {"is_parked": True}, id="parked by another worker"),
        ],
    )
    def test_a_worker_does_not_claim_them_again(self, make_endpoint: Make, status: str, change: dict[str, Any]) -> None:
        [delivery] = queue_deliveries(make_endpoint())
        [found] = on_a_connection(claim).claims
        Endpoint.objects.update(status=status)
        EventDelivery.objects.update(due_at=timezone.now(), **change)
        looked = on_a_connection(partial(claim, unsettled={(delivery.uid, found.lease)}))
        assert looked.claims == []
        delivery.refresh_from_db()
        assert (delivery.status, delivery.lease, delivery.is_parked) == ("Processing", found.lease, False)
        assert delivery.due_at is not None
        assert timedelta(seconds=5) < delivery.due_at - timezone.now() <= timedelta(seconds=queue.EXTENSION_SECONDS)
        assert on_a_connection(partial(finish, outcomes=[outcome(found)])) == {delivery.uid}

    def test_one_that_another_worker_has_claimed_since_is_due_when_that_lease_ends(self, make_endpoint: Make) -> None:
        [delivery] = queue_deliveries(make_endpoint())
        [slow] = on_a_connection(claim).claims
        for unsettled in (set[Unsettled](), {(delivery.uid, slow.lease)}):
            EventDelivery.objects.update(due_at=timezone.now())
            looked = on_a_connection(partial(claim, unsettled=unsettled))
            assert [claim.delivery.uid for claim in looked.claims] == [delivery.uid]

    def test_they_make_way_for_others(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint(), 3)
        unsettled = {(found.delivery.uid, found.lease) for found in on_a_connection(claim).claims}
        EventDelivery.objects.update(due_at=timezone.now() - timedelta(minutes=1))
        [other] = queue_deliveries(make_endpoint())
        first, second = (on_a_connection(partial(claim, slots=2, unsettled=unsettled)) for _ in range(2))
        assert (first.claims, first.has_moved) == ([], True)
        assert [claim.delivery.uid for claim in second.claims] == [other.uid]

    def test_they_keep_their_places_at_the_endpoint(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint()
        queue_deliveries(endpoint, 2)
        unsettled = {(found.delivery.uid, found.lease) for found in on_a_connection(claim).claims}
        # Those that wait have been due for longer.
        queue_deliveries(endpoint, 3, due_in=-60)
        EventDelivery.objects.filter(status="Processing").update(due_at=timezone.now())
        assert len(on_a_connection(partial(claim, cap=3, unsettled=unsettled)).claims) == 1


class TestWhatIsNotSent:
    @pytest.mark.parametrize(
        ("change", "status", "description"),
        [
            (lambda e: delete_endpoint(e.project_id, e.uid), "Discarded", "endpoint not found"),
            (lambda e: delete_project(e.project_id), "Discarded", "project not found"),
            (lambda e: Endpoint.objects.update(status="inactive"), "Discarded", "the endpoint is inactive"),
        ],
        ids=["deleted endpoint", "deleted project", "inactive endpoint"],
    )
    def test_is_discarded(
        self, make_endpoint: Make, change: Callable[[Endpoint], Any], status: str, description: str
    ) -> None:
        endpoint = make_endpoint()
        [delivery] = queue_deliveries(endpoint)
        change(endpoint)
        assert claimed() == []
        delivery.refresh_from_db()
        assert (delivery.status, delivery.description, delivery.due_at) == (status, description, None)
        assert delivery.num_trials == 0

    def test_a_pause_holds_what_is_queued(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint()
        [delivery] = queue_deliveries(endpoint)
        Endpoint.objects.update(status="paused")
        assert claimed() == []
        delivery.refresh_from_db()
        assert (delivery.status, delivery.num_trials) == ("Scheduled", 0)
        Endpoint.objects.update(status="active")
        assert claimed() == [delivery.uid]

    def test_an_open_breaker_holds_until_its_time(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint()
        [delivery] = queue_deliveries(endpoint)
        state = EndpointState.objects.create(
            endpoint=endpoint, breaker="open", open_until=timezone.now() + timedelta(seconds=30)
        )
        assert claimed() == []
        assert claimed() == []
        delivery.refresh_from_db()
        assert (delivery.status, delivery.num_trials, delivery.is_parked) == ("Scheduled", 0, True)
        state.open_until = timezone.now()
        state.save()
        assert claimed() == [delivery.uid]

    def test_a_delivery_whose_event_is_gone_stops_no_other(self, make_endpoint: Make) -> None:
        [bad], [good] = (queue_deliveries(make_endpoint()) for _ in range(2))
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM events_event WHERE uid = %s", [bad.event_id])
        assert claimed() == [good.uid]
        bad.refresh_from_db()
        assert (bad.status, bad.description) == ("Discarded", "event not found")

    def test_a_delivery_whose_payload_is_gone_stops_no_other(self, make_endpoint: Make) -> None:
        [bad], [good] = (queue_deliveries(make_endpoint()) for _ in range(2))
        assert expunge_events(bad.project_id, Event.objects.filter(pk=bad.event_id), owner_id="") == 1
        assert claimed() == [good.uid]
        bad.refresh_from_db()
        assert (bad.status, bad.description) == ("Discarded", "the payload of the event has been deleted")


class TestTestEvents:
    @pytest.mark.parametrize("status", ["paused", "inactive"])
    @pytest.mark.parametrize("test", ["test", "rehearsal"])
    def test_they_are_sent_whatever_the_endpoint_is(self, make_endpoint: Make, status: str, test: str) -> None:
        endpoint = make_endpoint()
        Endpoint.objects.update(status=status)
        [event] = queue_deliveries(endpoint, test=test)
        [other] = queue_deliveries(endpoint)
        assert claimed() == [event.uid]
        other.refresh_from_db()
        assert (other.status, other.is_parked) == (
            ("Discarded", False) if status == "inactive" else ("Scheduled", True)
        )

    def test_nothing_of_the_endpoint_holds_them(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint(rate_limit=1, rate_limit_duration=3600)
        hour = timezone.now() + timedelta(hours=1)
        EndpointState.objects.create(
            endpoint=endpoint, tokens=0, refilled_at=timezone.now(), held_until=hour, open_until=hour
        )
        queue_deliveries(endpoint, 3, status="Processing", due_in=60)
        [event] = queue_deliveries(endpoint, test="test")
        queue_deliveries(endpoint)
        assert claimed(cap=1) == [event.uid]

    def test_they_use_no_token_of_the_rate_limit(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint(rate_limit=1, rate_limit_duration=3600)
        [event] = queue_deliveries(endpoint, test="test")
        assert claimed() == [event.uid]
        [other] = queue_deliveries(endpoint)
        assert claimed() == [other.uid]

    def test_those_of_an_endpoint_that_is_gone_are_discarded(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint()
        [event] = queue_deliveries(endpoint, test="test")
        delete_endpoint(endpoint.project_id, endpoint.uid)
        assert claimed() == []
        event.refresh_from_db()
        assert event.status == "Discarded"
