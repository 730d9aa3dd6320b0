"""The places that endpoints have in the queue: the cap, turns and rate limits."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db.models import F
from django.utils import timezone

from applications.operations import create_application
from endpoints.models import Endpoint, EndpointState
from endpoints.operations import delete_endpoint
from engine import queue
from engine.outcomes import finish
from engine.parts import Place
from events.models import EventDelivery
from projects.models import Project
from tests.engine.claims import claim, claimed, outcome
from tests.engine.engine import on_a_connection, queue_deliveries

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Endpoint]


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

    @pytest.mark.slow
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

    @pytest.mark.slow
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
        monkeypatch.setattr(queue, "PARKED_HOPS", 3)
        deliveries = [queue_deliveries(make_endpoint())[0] for _ in range(8)]
        EventDelivery.objects.update(is_parked=True)

        async def look(connection: psycopg.AsyncConnection[Any]) -> list[list[str]]:
            after, looks = "", []
            while True:
                found = await claim(connection, place=Place(parked_after=after))
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
        monkeypatch.setattr(queue, "PARKED_HOPS", 1)
        _, [last] = (queue_deliveries(make_endpoint()) for _ in range(2))
        EventDelivery.objects.update(is_parked=True)
        found = on_a_connection(
            lambda connection: queue.claim(
                connection, slots=100, cap=10, lease_seconds=lambda target: 60, freed=[last.endpoint_id]
            )
        )
        assert last.uid in [claim.delivery.uid for claim in found.claims]

    @pytest.mark.slow
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

    @pytest.mark.parametrize(
        ("own", "of_application", "sent"),
        [
            ((0, 0), 2, 2),
            ((0, 60), 2, 2),
            ((60, 10), 2, 2),
            ((9, 3), 4, 9),
            ((2**31 - 1, 2**31 - 1), 2**31 - 1, 10),
            ((1, 60), 2, 1),
            ((3, 60), 0, 3),
            ((3, 60), None, 3),
        ],
    )
    def test_the_lower_of_an_endpoint_and_its_application(
        self,
        project: Project,
        make_endpoint: Make,
        own: tuple[int, int],
        of_application: int | None,
        sent: int,
    ) -> None:
        create_application(project.uid, owner_id="acme", name="Acme", rate_limit=of_application)
        limit, seconds = own
        queue_deliveries(make_endpoint(owner_id="acme", rate_limit=limit, rate_limit_duration=seconds), 10)
        assert len(claimed()) == sent

    def test_an_application_of_others_limits_nothing(
        self, project: Project, other_project: Project, make_endpoint: Make
    ) -> None:
        create_application(project.uid, owner_id="umbrella", name="Umbrella", rate_limit=1)
        create_application(other_project.uid, owner_id="acme", name="Acme", rate_limit=1)
        queue_deliveries(make_endpoint(owner_id="acme"), 5)
        assert len(claimed()) == 5
