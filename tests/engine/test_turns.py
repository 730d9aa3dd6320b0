"""Turns and shares of projects: none holds up another, however much it has to send and however long that takes."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import orjson
import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from core.conninfo import conninfo
from endpoints.models import Endpoint
from engine import queue, turns
from engine.beginning import BEGUN_AT_ONCE, POLLED_SECONDS, Beginning
from engine.parts import Place, View
from engine.queue import Claim, Claimed
from engine.shares import Shares
from engine.worker import Worker
from events.models import EventDelivery
from projects.models import Project
from tests.engine.claims import claim, holder
from tests.engine.engine import multiply, on_a_connection, queue_deliveries, working
from tests.outbound.receivers import Receiver
from tests.outbound.sending import LOOPBACK
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Endpoint]


@pytest.fixture
def other(make_endpoint: Make, other_project: Project) -> Endpoint:
    """An endpoint of another project."""
    return make_endpoint(project_id=other_project.uid)


def by_project(found: Claimed) -> Counter[str]:
    return Counter(claim.delivery.project_id for claim in found.claims)


class TestTurns:
    @pytest.mark.slow  # thousands of rows
    def test_the_first_look_into_a_backlog_finds_the_youngest_event_of_another_project(
        self, make_endpoint: Make, other: Endpoint
    ) -> None:
        backlog = make_endpoint()
        queue_deliveries(backlog, due_in=-100)
        multiply(backlog, 50_000)
        [late] = queue_deliveries(other)
        found = on_a_connection(lambda connected: claim(connected, slots=20, cap=1000))
        assert found.claims[1].delivery.uid == late.uid
        assert by_project(found) == {backlog.project_id: 19, other.project_id: 1}
        assert (found.turn, found.is_mixed) == ("", True)

    def test_two_backlogs_are_sent_alike(self, make_endpoint: Make, other: Endpoint) -> None:
        mine = make_endpoint()
        queue_deliveries(mine, 60, due_in=-100)
        queue_deliveries(other, 60)
        found = on_a_connection(lambda connected: claim(connected, slots=20, cap=1000))
        assert by_project(found) == {mine.project_id: 10, other.project_id: 10}
        assert not found.is_mixed

    def test_what_fits_into_one_look_is_read_by_age_in_one_statement(
        self, make_endpoint: Make, other: Endpoint
    ) -> None:
        queue_deliveries(make_endpoint(), 5)
        queue_deliveries(other, 5, due_in=-100)
        found = on_a_connection(lambda connected: claim(connected, slots=11))
        assert [claim.delivery.project_id for claim in found.claims[:5]] == [other.project_id] * 5
        assert len(found.claims) == 10
        assert found.turn is None

    def test_more_projects_than_a_look_goes_through_have_their_turn_in_the_next(
        self, make_endpoint: Make, other: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(turns, "HOPS", 1)
        queue_deliveries(make_endpoint(), 30)
        queue_deliveries(other, 30)

        async def look(connected: psycopg.AsyncConnection[Any]) -> list[list[str]]:
            looks: list[list[str]] = []
            turn: str | None = ""
            for _ in range(2):
                found = await claim(connected, slots=5, cap=1000, place=Place(turn=turn))
                looks.append(list(by_project(found)))
                turn = found.turn
            return looks

        looks = on_a_connection(look)
        assert sorted(looks) == sorted([[other.project_id], [make_endpoint().project_id]])

    def test_more_projects_than_places_have_their_turn_in_the_next_look(
        self, make_endpoint: Make, other: Endpoint
    ) -> None:
        queue_deliveries(make_endpoint(), 3)
        queue_deliveries(other, 3)

        async def look(connected: psycopg.AsyncConnection[Any]) -> set[str]:
            first = await claim(connected, slots=1, cap=1000, place=Place(turn=""))
            second = await claim(connected, slots=1, cap=1000, place=Place(turn=first.turn))
            return {found.claims[0].delivery.project_id for found in (first, second)}

        assert len(on_a_connection(look)) == 2

    def test_parked_deliveries_come_back_in_turns(self, make_endpoint: Make, other: Endpoint) -> None:
        mine = make_endpoint()
        queue_deliveries(mine, 10, due_in=-100)
        queue_deliveries(other, 2)
        EventDelivery.objects.update(is_parked=True)
        found = on_a_connection(lambda connected: claim(connected, slots=8))
        assert by_project(found) == {mine.project_id: 2, other.project_id: 2}

    @pytest.mark.slow  # tens of thousands of rows
    @pytest.mark.parametrize("analyzed", ["after the backlog came", "while the queue was empty"])
    def test_a_look_reads_few_rows_of_a_large_backlog(
        self, make_endpoint: Make, other: Endpoint, analyzed: str
    ) -> None:
        backlog = make_endpoint()
        with connection.cursor() as cursor:
            if analyzed == "while the queue was empty":
                # Dead rows make the index by project deeper than that by time alone.
                for _ in range(2):
                    queue_deliveries(backlog, due_in=-100)
                    multiply(backlog, 50_000)
                    cursor.execute("DELETE FROM events_eventdelivery")
                cursor.execute("ANALYZE events_eventdelivery")
            queue_deliveries(backlog, due_in=-100)
            multiply(backlog, 50_000)
            queue_deliveries(other)
            if analyzed == "after the backlog came":
                cursor.execute("ANALYZE events_eventdelivery")

        async def explain(connected: psycopg.AsyncConnection[Any]) -> list[dict[str, Any]]:
            given = {"projects": [other.project_id], "limits": [80], "window": 20, "part": None, "read": 0}
            given |= turns.walk_from(None)
            plans = []
            async with queue._claiming(connected, View(), window=20):
                for statement in (turns.TURNS, turns.WALK):
                    cursor = await connected.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", given)
                    [[[found]]] = await cursor.fetchall()
                    plans.append(found["Plan"])
            return plans

        of_turns, of_walk = on_a_connection(explain)
        assert of_turns["Shared Hit Blocks"] + of_turns["Shared Read Blocks"] < 50
        # How many blocks the walk reads depends on the dead rows that it passes in this index.
        for plan in (of_turns, of_walk):
            assert set(re.findall('"Index Name":"(.*?)"', orjson.dumps(plan).decode())) == {"delivery_turns"}


def make_due(delivery: EventDelivery) -> None:
    """Make a delivery due by a connection of its own, as another process would."""
    with psycopg.connect(conninfo(connection.settings_dict), autocommit=True) as connected:
        connected.execute("UPDATE events_eventdelivery SET due_at = now() WHERE uid = %s", [delivery.uid])


class TestBeginning:
    def test_an_event_that_comes_while_those_of_a_backlog_begin_does_not_wait_for_them(
        self, make_endpoint: Make, other: Endpoint, monkeypatch: pytest.MonkeyPatch, settings: Settings
    ) -> None:
        """The first request makes the event due, at a moment when all of the backlog is claimed."""
        settings.DELIVERY_ENDPOINT_CONCURRENCY = 60
        queue_deliveries(make_endpoint(), 60, due_in=-100)
        [event] = queue_deliveries(other, due_in=3600)
        begun: list[str] = []

        async def send(worker: Worker, claim: Claim, *_: Any) -> None:
            if not begun:
                make_due(event)
                worker._beginning.is_notified = True
            begun.append(claim.delivery.uid)
            worker._give_back([claim])

        monkeypatch.setattr(Worker, "_send", send)
        with working():
            eventually(lambda: len(begun) == 61, "all requests begin")
        assert begun.index(event.uid) == BEGUN_AT_ONCE

    @pytest.mark.slow
    def test_nor_where_nobody_tells_the_worker_that_it_has_come(
        self, make_endpoint: Make, other: Endpoint, monkeypatch: pytest.MonkeyPatch, settings: Settings
    ) -> None:
        settings.DELIVERY_ENDPOINT_CONCURRENCY = 120
        queue_deliveries(make_endpoint(), 120, due_in=-100)
        [event] = queue_deliveries(other, due_in=3600)
        begun: list[str] = []

        async def send(worker: Worker, claim: Claim, *_: Any) -> None:
            if not begun:
                make_due(event)
            begun.append(claim.delivery.uid)
            # The processor's time that a request takes.
            time.sleep(POLLED_SECONDS / 10)
            worker._give_back([claim])

        monkeypatch.setattr(Worker, "_send", send)
        with working(is_polling=True):
            eventually(lambda: len(begun) == 121, "all requests begin")
        assert begun.index(event.uid) <= 20

    @pytest.mark.parametrize("is_polling", [True, False])
    def test_a_worker_that_polls_looks_between_the_claims_that_take_long(self, is_polling: bool) -> None:
        """Nobody tells it that an event of another project is due, so that each look may find one."""
        claims = [cast(Claim, SimpleNamespace(target=holder("a", "acme"))) for _ in range(3 * BEGUN_AT_ONCE)]
        other = cast(Claim, SimpleNamespace(target=holder("b", "globex")))
        begun: list[Claim] = []

        def start(claim: Claim) -> None:
            begun.append(claim)
            time.sleep(POLLED_SECONDS / BEGUN_AT_ONCE)

        async def look() -> None:
            beginning = Beginning(is_polling=is_polling)
            beginning.add(claims)
            beginning.note_look(start)
            while beginning:
                await beginning.begin(start)
                if other not in begun:
                    beginning.note_look(start)
                    beginning.add([other])
            await beginning.begin(start)

        asyncio.run(look())
        assert begun.index(other) == (BEGUN_AT_ONCE if is_polling else len(claims))
        assert begun == [*claims[: begun.index(other)], other, *claims[begun.index(other) :]]

    def test_a_worker_that_polls_begins_what_takes_no_time_without_a_look(self) -> None:
        claims = [cast(Claim, SimpleNamespace(target=holder("a", "acme"))) for _ in range(3 * BEGUN_AT_ONCE)]
        begun: list[Claim] = []

        async def look() -> None:
            beginning = Beginning(is_polling=True)
            beginning.note_look(begun.append)
            beginning.add(claims)
            await beginning.begin(begun.append)

        asyncio.run(look())
        assert begun == claims

    @pytest.mark.slow
    def test_a_look_that_hangs_holds_up_no_claim(self) -> None:
        claims = [cast(Claim, SimpleNamespace(target=holder("a", "acme"))) for _ in range(3 * BEGUN_AT_ONCE)]

        async def look() -> list[Claim]:
            beginning, begun = Beginning(), list[Claim]()
            beginning.add(claims)
            beginning.is_notified = True
            await beginning.begin(begun.append)
            assert len(begun) == BEGUN_AT_ONCE
            beginning.note_look(begun.append)
            async with asyncio.timeout(60):
                while beginning:
                    await asyncio.sleep(0.01)
            return begun

        assert asyncio.run(look()) == claims


class TestShares:
    def test_the_rest_of_a_project_without_room_stays_in_the_queue(self, make_endpoint: Make, other: Endpoint) -> None:
        queue_deliveries(make_endpoint(), 20)
        queue_deliveries(other, 2)

        async def look(connected: psycopg.AsyncConnection[Any]) -> tuple[Claimed, Claimed]:
            shares = Shares(8, 8)
            first = await claim(connected, slots=8, cap=1000, offer=shares.offer())
            for each in first.claims:
                shares.take(each.delivery.uid, each.target)
            queue = await claim(connected, slots=1, cap=1000, place=Place(turn=first.turn), offer=shares.offer())
            return first, queue

        first, second = on_a_connection(look)
        counts = by_project(first)
        assert counts[other.project_id] == 2
        assert counts.total() < 8
        assert second.claims == []
        # A request that ends gives the project room.
        assert (first.waits_for_places, second.waits_for_places) == (True, True)
        assert not EventDelivery.objects.filter(is_parked=True).exists()

    def test_the_rest_of_an_owner_without_room_is_parked_and_another_owner_is_not_held_up(
        self, make_endpoint: Make
    ) -> None:
        hog, neighbour = make_endpoint(owner_id="hog"), make_endpoint(owner_id="neighbour")
        queue_deliveries(hog, 40, due_in=-100)
        [waiting] = queue_deliveries(neighbour)

        async def look(connected: psycopg.AsyncConnection[Any]) -> list[str]:
            shares, turn, found = Shares(16, 16), None, []
            for _ in range(10):
                looked = await claim(
                    connected, slots=shares.free, cap=1000, place=Place(turn=turn), offer=shares.offer()
                )
                turn = looked.turn
                for each in looked.claims:
                    shares.take(each.delivery.uid, each.target)
                found += [each.delivery.uid for each in looked.claims]
            return found

        found = on_a_connection(look)
        assert waiting.uid in found
        assert len(found) == 9
        assert EventDelivery.objects.filter(endpoint=hog, is_parked=True).exists()
        # They come back once the owner has room.
        EventDelivery.objects.filter(status="Processing").update(status="Success", due_at=None)
        offer = Shares(16, 16).offer()
        assert by_project(on_a_connection(lambda connected: claim(connected, offer=offer))).total() == 8

    @pytest.fixture
    def receiver(self) -> Iterator[Receiver]:
        with Receiver() as receiver:
            yield receiver

    @pytest.mark.slow  # its receivers take long
    def test_endpoints_that_take_long_leave_places_for_another_project(
        self, make_endpoint: Make, other: Endpoint, receiver: Receiver, settings: Settings
    ) -> None:
        settings.DELIVERY_CONCURRENCY = 40
        settings.DELIVERY_ALLOWED_NETWORKS = LOOPBACK
        receiver.answer("/slow", delay=3)
        for _ in range(6):
            queue_deliveries(make_endpoint(url=receiver.url("/slow")), 20, due_in=-10)
        Endpoint.objects.filter(pk=other.pk).update(url=receiver.url("/quick"))
        slow = EventDelivery.objects.filter(status="Processing")
        with working():
            eventually(lambda: slow.count() == 30, "the project holds its share of the places")
            queued_at = timezone.now()
            queue_deliveries(other)
            eventually(lambda: EventDelivery.objects.filter(endpoint=other, status="Success").exists(), "it arrives")
            # None of the slow ones has ended meanwhile: no place became free.
            assert slow.count() == 30
            assert (timezone.now() - queued_at).total_seconds() < 3
            EventDelivery.objects.exclude(status="Processing").update(due_at=None, status="Discarded", is_parked=False)
