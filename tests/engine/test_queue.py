"""The queue: who gets what, and what is written of it."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Set
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from endpoints.models import Endpoint, EndpointState
from endpoints.operations import delete_endpoint
from engine import queue
from engine.choice import Unsettled
from engine.outcomes import Attempt, Outcome, finish
from engine.queue import Claimed
from events.models import DeliveryAttempt, EventDelivery
from projects.models import Project
from projects.operations import delete_project
from tests.engine.engine import on_a_connection, queue_deliveries

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Endpoint]


async def claim(
    connection: psycopg.AsyncConnection[Any],
    slots: int = 100,
    cap: int = 10,
    unsettled: Set[Unsettled] = frozenset(),
) -> Claimed:
    return await queue.claim(connection, slots=slots, cap=cap, lease_seconds=lambda target: 60, unsettled=unsettled)


def claimed(slots: int = 100, cap: int = 10) -> list[str]:
    """The ids of what one look into the queue takes."""
    found = on_a_connection(lambda connection: claim(connection, slots, cap))
    return [claim.delivery.uid for claim in found.claims]


def outcome(claim: queue.Claim, **fields: Any) -> Outcome:
    now = timezone.now()
    attempt = Attempt(
        uid=uuid.uuid4().hex[:26],
        url=claim.target.url,
        ip_address="203.0.113.7",
        request_headers="{}",
        response_headers="{}",
        http_status="200 OK",
        response_data="ok",
        error="",
        succeeded=True,
        requested_at=now,
        responded_at=now,
    )
    given = {"status": "Success", "description": "", "delay": None, "latency_seconds": 0.1} | fields
    return Outcome(claim=claim, attempt=attempt, **given)


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

    def test_two_workers_never_claim_the_same(self, make_endpoint: Make) -> None:
        for _ in range(10):
            queue_deliveries(make_endpoint(), 5)

        async def both(first: psycopg.AsyncConnection[Any]) -> list[str]:
            second = await psycopg.AsyncConnection.connect(first.info.dsn, autocommit=True)
            async with second, first.transaction():
                # The first has claimed and not committed yet.
                one = await claim(first, slots=20)
                other = await claim(second, slots=50)
            return [claim.delivery.uid for found in (one, other) for claim in found.claims]

        found = on_a_connection(both)
        assert len(found) == len(set(found)) >= 20

    def test_a_lease_that_has_ended_makes_a_delivery_due_again(self, make_endpoint: Make) -> None:
        [delivery] = queue_deliveries(make_endpoint())
        assert claimed() == [delivery.uid]
        assert claimed() == []
        EventDelivery.objects.update(due_at=timezone.now())
        assert claimed() == [delivery.uid]

    def test_at_most_once_is_not_sent_again_after_a_crash(self, make_endpoint: Make) -> None:
        [delivery] = queue_deliveries(make_endpoint(), delivery_mode="at_most_once")
        claimed()
        EventDelivery.objects.update(due_at=timezone.now())
        assert claimed() == []
        delivery.refresh_from_db()
        assert (delivery.status, delivery.due_at) == ("Failure", None)
        assert "worker was lost" in delivery.description

    def test_statements_do_not_grow_with_the_deliveries(self, make_endpoint: Make) -> None:
        def count(deliveries: int) -> int:
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

        assert count(1) == count(30)


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


class TestFairness:
    def test_an_endpoint_has_so_many_under_way_and_no_more(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint(), 25)
        assert len(claimed()) == 10
        assert claimed() == []

    def test_a_place_that_gets_free_is_given_on(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint(), 12)
        found = on_a_connection(claim)
        on_a_connection(lambda connection: finish(connection, [outcome(found.claims[0])]))
        assert len(claimed()) == 1

    def test_a_backlog_of_one_does_not_stand_before_the_others(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint(), 500, due_in=-100)
        [healthy] = queue_deliveries(make_endpoint())

        async def look_until_nothing_moves(connection: psycopg.AsyncConnection[Any]) -> list[str]:
            found: list[str] = []
            for _ in range(20):
                looked = await claim(connection, slots=50)
                found += [claim.delivery.uid for claim in looked.claims]
                if not looked.has_moved:
                    return found
            raise AssertionError("it does not come to rest")

        found = on_a_connection(look_until_nothing_moves)
        assert healthy.uid in found
        assert len(found) == 11
        assert EventDelivery.objects.filter(is_parked=True).count() == 490

    def test_parked_ones_come_back_oldest_first(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint()
        late, early = (queue_deliveries(endpoint, due_in=due_in)[0] for due_in in (-1, -2))
        EventDelivery.objects.update(is_parked=True)
        assert claimed(cap=1) == [early.uid]
        EventDelivery.objects.filter(pk=early.uid).update(status="Success", due_at=None)
        assert claimed(cap=1) == [late.uid]

    def test_the_lease_of_a_lost_worker_takes_no_place_for_ever(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint(), 10)
        assert len(claimed()) == 10
        EventDelivery.objects.update(due_at=timezone.now())
        assert len(claimed()) == 10

    def test_one_free_place_goes_to_what_is_parked_and_to_what_is_not(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint(), 60)
        assert len(claimed(cap=1)) == 1
        [healthy] = queue_deliveries(make_endpoint())
        for _ in range(50):
            # The one that is slow comes to its end, and gives its only place back.
            EventDelivery.objects.filter(status="Processing").update(status="Success", due_at=None)
            if healthy.uid in claimed(slots=1, cap=1):
                return
        raise AssertionError("it never got the place")

    def test_the_cap_holds_over_all_workers(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint(), 40)

        async def both(first: psycopg.AsyncConnection[Any]) -> int:
            second = await psycopg.AsyncConnection.connect(first.info.dsn, autocommit=True)
            async with second:
                found = await asyncio.gather(claim(first, slots=3), claim(second, slots=100))
            return sum(len(each.claims) for each in found)

        for _ in range(10):
            assert on_a_connection(both) <= 10
            EventDelivery.objects.update(status="Scheduled", due_at=timezone.now(), lease=None, is_parked=False)

    def test_many_parked_endpoints_are_looked_through_piece_by_piece(
        self, make_endpoint: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queue, "HOPS", 3)
        deliveries = [queue_deliveries(make_endpoint())[0] for _ in range(8)]
        EventDelivery.objects.update(is_parked=True)

        async def look(connection: psycopg.AsyncConnection[Any]) -> list[list[str]]:
            after, looks = "", []
            while True:
                found = await queue.claim(
                    connection, slots=100, cap=10, lease_seconds=lambda target: 60, parked_after=after
                )
                looks.append([claim.delivery.uid for claim in found.claims])
                after = found.parked_after
                if not after:
                    return looks

        looks = on_a_connection(look)
        assert [len(found) for found in looks] == [3, 3, 2]
        assert sorted(uid for found in looks for uid in found) == sorted(delivery.uid for delivery in deliveries)

    def test_an_endpoint_that_got_a_place_free_need_not_wait_for_its_turn(
        self, make_endpoint: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(queue, "HOPS", 1)
        _, [last] = (queue_deliveries(make_endpoint()) for _ in range(2))
        EventDelivery.objects.update(is_parked=True)
        found = on_a_connection(
            lambda connection: queue.claim(
                connection, slots=100, cap=10, lease_seconds=lambda target: 60, freed=[last.endpoint_id]
            )
        )
        assert last.uid in [claim.delivery.uid for claim in found.claims]

    def test_parked_deliveries_of_a_deleted_endpoint_are_discarded_at_once(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint()
        queue_deliveries(endpoint, 600)
        EventDelivery.objects.update(is_parked=True)
        delete_endpoint(endpoint.project_id, endpoint.uid)
        assert claimed(slots=1) == []
        assert EventDelivery.objects.filter(status="Discarded", due_at=None, is_parked=False).count() == 600


class TestRateLimit:
    def test_of_two_at_once_one_waits_and_nothing_is_counted(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint(rate_limit=1, rate_limit_duration=60)
        deliveries = queue_deliveries(endpoint, 2)
        [sent] = claimed()
        [waiting] = [delivery for delivery in deliveries if delivery.uid != sent]
        waiting.refresh_from_db()
        assert (waiting.status, waiting.num_trials) == ("Scheduled", 0)
        assert claimed() == []
        EndpointState.objects.update(refilled_at=F("refilled_at") - timedelta(seconds=60), held_until=timezone.now())
        assert claimed() == [waiting.uid]

    def test_it_is_kept_across_workers(self, make_endpoint: Make) -> None:
        queue_deliveries(make_endpoint(rate_limit=3, rate_limit_duration=3600), 10)
        counts = Counter(len(claimed(slots=2)) for _ in range(4))
        assert counts == {2: 1, 1: 1, 0: 2}


class TestFinishing:
    def test_a_success(self, make_endpoint: Make) -> None:
        endpoint = make_endpoint()
        [delivery] = queue_deliveries(endpoint)
        [found] = on_a_connection(claim).claims
        written = on_a_connection(lambda connection: finish(connection, [outcome(found)]))
        assert written == {delivery.uid}
        delivery.refresh_from_db()
        assert (delivery.status, delivery.num_trials, delivery.due_at, delivery.lease) == ("Success", 1, None, None)
        attempt = DeliveryAttempt.objects.get()
        assert (attempt.delivery_id, attempt.endpoint_id, attempt.http_status) == (delivery.uid, endpoint.uid, "200 OK")
        assert EndpointState.objects.get().events == 1

    def test_a_failure_is_due_again_in_the_same_statement(self, make_endpoint: Make) -> None:
        [delivery] = queue_deliveries(make_endpoint())
        [found] = on_a_connection(claim).claims
        on_a_connection(lambda connection: finish(connection, [outcome(found, status="Retry", delay=100)]))
        delivery.refresh_from_db()
        assert (delivery.status, delivery.num_trials) == ("Retry", 1)
        assert delivery.due_at == delivery.next_send_time
        assert timedelta(seconds=90) < delivery.next_send_time - timezone.now() <= timedelta(seconds=100)

    def test_who_has_lost_the_lease_writes_nothing(self, make_endpoint: Make) -> None:
        [delivery] = queue_deliveries(make_endpoint())
        [slow] = on_a_connection(claim).claims
        EventDelivery.objects.update(due_at=timezone.now())
        [other] = on_a_connection(claim).claims
        assert on_a_connection(lambda connection: finish(connection, [outcome(slow)])) == set()
        delivery.refresh_from_db()
        assert (delivery.status, delivery.lease) == ("Processing", other.lease)
        assert not DeliveryAttempt.objects.exists()

    @pytest.mark.parametrize(("status", "delay"), [("Success", None), ("Retry", 1000)])
    def test_a_late_outcome_of_one_that_was_parked_is_its_last(
        self, make_endpoint: Make, status: str, delay: float | None
    ) -> None:
        [delivery] = queue_deliveries(make_endpoint())
        [found] = on_a_connection(claim).claims
        # Its lease ends, and its endpoint takes nothing now.
        EventDelivery.objects.update(due_at=timezone.now())
        Endpoint.objects.update(status="paused")
        assert claimed() == []
        on_a_connection(partial(finish, outcomes=[outcome(found, status=status, delay=delay)]))
        Endpoint.objects.update(status="active")
        assert claimed() == []
        delivery.refresh_from_db()
        assert (delivery.status, delivery.is_parked) == (status, False)

    def test_only_the_first_attempt_counts_an_event(self, make_endpoint: Make) -> None:
        [delivery] = queue_deliveries(make_endpoint())
        for _ in range(3):
            EventDelivery.objects.update(due_at=timezone.now())
            [found] = on_a_connection(claim).claims
            on_a_connection(partial(finish, outcomes=[outcome(found, status="Retry", delay=0)]))
        assert EndpointState.objects.get().events == 1
        delivery.refresh_from_db()
        assert delivery.num_trials == 3

    def test_a_row_that_is_gone_harms_no_other(self, make_endpoint: Make, project: Project) -> None:
        gone, stays = queue_deliveries(make_endpoint(), 2)
        claims = on_a_connection(claim).claims
        EventDelivery.objects.filter(pk=gone.uid).delete()
        written = on_a_connection(lambda connection: finish(connection, [outcome(found) for found in claims]))
        assert written == {stays.uid}

    def test_successes_and_failures_are_written_together(self, make_endpoint: Make, project: Project) -> None:
        """Whole numbers and fractions of seconds come together in one batch."""
        queued = queue_deliveries(make_endpoint(), 3)
        claims = on_a_connection(claim).claims
        ends: list[dict[str, Any]] = [
            {"latency_seconds": 0.25},
            {"status": "Retry", "delay": 100, "latency_seconds": 0},
            {"status": "Retry", "delay": 2.5, "latency_seconds": 0},
        ]
        outcomes = [outcome(found, **fields) for found, fields in zip(claims, ends, strict=True)]
        written = on_a_connection(lambda connection: finish(connection, outcomes))
        assert written == {delivery.uid for delivery in queued}
