"""Several workers claim at once, each a part of the queue, and no limit of an endpoint suffers from it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from core.conninfo import conninfo
from core.ulid import _DIGITS, new_ulid
from endpoints.models import Endpoint, EndpointState
from engine import looks, parts, queue, turns
from engine.looks import Looks
from engine.outcomes import finish
from engine.parts import PART, PARTS, Place, View, part_of
from engine.queue import Claimed
from events.models import DeliveryAttempt, EventDelivery
from projects.models import Project
from tests.engine.claims import claim, outcome
from tests.engine.engine import multiply, on_a_connection, queue_deliveries, working
from tests.outbound.receivers import Receiver
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
Make = Callable[..., Endpoint]
Connected = psycopg.AsyncConnection[Any]
ALL = (None, *range(PARTS))


@pytest.fixture
def endpoint_in(make_endpoint: Make) -> Make:
    """Makes an endpoint whose deliveries are in a part."""

    def make(part: int, **fields: Any) -> Endpoint:
        while part_of((endpoint := make_endpoint(**fields)).uid) != part:
            Endpoint.objects.filter(pk=endpoint.pk).delete()
        return endpoint

    return make


@asynccontextmanager
async def connections(number: int) -> AsyncIterator[list[Connected]]:
    async with AsyncExitStack() as stack:
        # A look waits for no lock.
        database = f"{conninfo(connection.settings_dict)} options='-c lock_timeout=5s'"
        yield [
            await stack.enter_async_context(await psycopg.AsyncConnection.connect(database, autocommit=True))
            for _ in range(number)
        ]


def view(part: int | None) -> View:
    """The view of a worker that looks at a part first, or at the whole queue: None."""
    if part is None:
        return View()
    return View(wants_all=False, parts=[(part + number) % PARTS for number in range(PARTS)])


def ids(found: Claimed) -> list[str]:
    return [each.delivery.uid for each in found.claims]


@pytest.fixture
def while_the_first_claims(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Claimed, Any]]:
    """Looks at a part, and lets others look when it has chosen its claims and not committed them yet."""
    commit = queue._claim_and_commit

    def look(first_at: int | None, others: Callable[[Connected], Awaitable[Any]], **given: Any) -> tuple[Claimed, Any]:
        async def run(first: Connected) -> tuple[Claimed, Any]:
            results: list[Any] = []

            async def claim_and_commit(connected: Connected, *args: Any) -> Any:
                if connected is first:
                    async with connections(1) as [second]:
                        results.append(await others(second))
                return await commit(connected, *args)

            monkeypatch.setattr(queue, "_claim_and_commit", claim_and_commit)
            return await claim(first, view=view(first_at), **given), results[0]

        return on_a_connection(run)

    return look


class TestParts:
    def test_python_and_the_database_agree_on_the_part_of_an_endpoint(self) -> None:
        endpoints = [new_ulid()[:-1] + digit for digit in _DIGITS]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {PART} FROM unnest(%s::text[]) d (endpoint_id)", [endpoints])  # noqa: S608
            found = [part for (part,) in cursor.fetchall()]
        assert found == [part_of(uid) for uid in endpoints]
        # The digits of an id are equally frequent, and so nearly are the parts.
        assert sorted(Counter(found).values()) == [7, 8, 8, 9]

    @pytest.mark.slow
    def test_a_look_at_a_part_claims_what_goes_to_its_endpoints(self, endpoint_in: Make) -> None:
        deliveries = {part: queue_deliveries(endpoint_in(part), 2) for part in range(PARTS)}
        for parked in (False, True):
            EventDelivery.objects.update(is_parked=parked)
            for part in range(PARTS):
                found = on_a_connection(partial(claim, view=view(part)))
                assert (found.part, set(ids(found))) == (part, {each.uid for each in deliveries[part]})
            EventDelivery.objects.update(status="Scheduled", lease=None, due_at=timezone.now())

    def test_while_one_part_is_claimed_others_take_other_parts(
        self, endpoint_in: Make, while_the_first_claims: Callable[..., tuple[Claimed, list[Claimed]]]
    ) -> None:
        deliveries = [queue_deliveries(endpoint_in(part))[0].uid for part in range(PARTS)]

        async def look(second: Connected) -> list[Claimed]:
            return [await claim(second, view=view(part)) for part in (0, None, 2)]

        first, found = while_the_first_claims(0, look)
        assert (first.part, ids(first)) == (0, [deliveries[0]])
        # It wanted the part that is locked; then the whole queue; then a part that is free, and now empty again.
        assert [each.part for each in found] == [1, 1, 2]
        assert [ids(each) for each in found] == [[deliveries[1]], [], [deliveries[2]]]

    def test_the_whole_queue_shuts_out_every_part(
        self, make_endpoint: Make, while_the_first_claims: Callable[..., tuple[Claimed, list[Claimed]]]
    ) -> None:
        queue_deliveries(make_endpoint())

        async def look(second: Connected) -> list[Claimed]:
            return [await claim(second, view=view(part)) for part in ALL]

        first, found = while_the_first_claims(None, look)
        assert (first.part, len(first.claims)) == (None, 1)
        assert [each.is_busy for each in found] == [True] * len(ALL)

    def test_a_worker_of_the_version_before_and_those_of_this_one_wait_for_each_other(
        self, make_endpoint: Make, while_the_first_claims: Callable[..., tuple[Claimed, bool]]
    ) -> None:
        """It locks the whole queue, and knows no parts."""
        lock = "SELECT pg_try_advisory_xact_lock(%s)"
        endpoint = make_endpoint()
        queue_deliveries(endpoint)

        async def try_for_it(second: Connected) -> bool:
            [(is_locked,)] = await (await second.execute(lock, [parts.LOCK_ID])).fetchall()
            return bool(is_locked)

        first, is_locked = while_the_first_claims(part_of(endpoint.uid), try_for_it)
        assert (len(first.claims), is_locked) == (1, False)

        async def look(first: Connected) -> list[bool]:
            async with connections(1) as [second], first.transaction():
                await first.execute(lock, [parts.LOCK_ID])
                return [(await claim(second, view=view(part))).is_busy for part in ALL]

        assert on_a_connection(look) == [True] * len(ALL)

    def test_a_look_that_gets_another_part_goes_on_from_the_place_in_that_part(
        self, endpoint_in: Make, other_project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Here the walk over the projects: a look goes through one, and the places in the parts differ."""
        monkeypatch.setattr(turns, "HOPS", 1)
        mine = endpoint_in(1)
        projects = sorted([mine.project_id, other_project.uid])
        for endpoint in (mine, endpoint_in(1, project_id=other_project.uid)):
            queue_deliveries(endpoint, 3)
        wanted = view(0)
        wanted.places[1] = Place(turn=projects[0])

        async def look(first: Connected) -> Claimed:
            async with connections(1) as [second], queue._claiming(first, view(0), window=1):
                return await claim(second, slots=5, view=wanted)

        found = on_a_connection(look)
        assert found.part == 1
        assert {each.delivery.project_id for each in found.claims} == {projects[1]}

    @pytest.mark.slow
    def test_projects_take_turns_within_a_part(self, endpoint_in: Make, other_project: Project) -> None:
        """The backlog of one project goes to endpoints of two parts, and its rows alternate."""
        [delivery] = queue_deliveries(endpoint_in(2), due_in=-100)
        multiply(delivery.endpoint, 2_000)
        EventDelivery.objects.filter(pk__gt=f"{1:026}").update(endpoint=endpoint_in(3))
        [late] = queue_deliveries(endpoint_in(3, project_id=other_project.uid))
        found = on_a_connection(lambda connected: claim(connected, slots=20, cap=1000, view=view(3)))
        assert found.claims[1].delivery.uid == late.uid
        assert len(found.claims) == 20
        assert {part_of(each.delivery.endpoint_id) for each in found.claims} == {3}


class TestLimits:
    @pytest.mark.slow
    @pytest.mark.parametrize("first_at", ALL)
    def test_an_endpoint_has_no_more_under_way_than_it_may_have(
        self, endpoint_in: Make, while_the_first_claims: Callable[..., tuple[Claimed, list[Claimed]]], first_at: Any
    ) -> None:
        for number in range(3 * PARTS):
            queue_deliveries(endpoint_in(number % PARTS), 12)

        async def look(second: Connected) -> list[Claimed]:
            return [await claim(second, cap=5, slots=1000, view=view(part)) for part in ALL]

        # It leaves room at its endpoints, and what could fill it.
        first, others = while_the_first_claims(first_at, look, cap=5, slots=4)
        under_way = Counter(each.target.uid for found in (first, *others) for each in found.claims)
        assert max(under_way.values()) <= 5
        claims = [uid for found in (first, *others) for uid in ids(found)]
        assert len(claims) == len(set(claims))

    @pytest.mark.slow
    @pytest.mark.parametrize("first_at", ALL)
    def test_nor_is_it_sent_more_than_its_rate_limit(
        self, endpoint_in: Make, while_the_first_claims: Callable[..., tuple[Claimed, list[Claimed]]], first_at: Any
    ) -> None:
        for part in range(PARTS):
            queue_deliveries(endpoint_in(part, rate_limit=3, rate_limit_duration=3600), 8)

        async def look(second: Connected) -> list[Claimed]:
            return [await claim(second, view=view(part)) for part in ALL]

        first, others = while_the_first_claims(first_at, look, slots=2)
        sent = Counter(each.target.uid for found in (first, *others) for each in found.claims)
        assert max(sent.values()) <= 3
        assert not EndpointState.objects.filter(tokens__lt=0).exists()

    @pytest.mark.slow
    def test_they_hold_while_many_claim_send_and_settle_at_once(
        self, make_endpoint: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Six workers drain a backlog on connections of their own, at parts from the first time that they meet."""
        monkeypatch.setattr(looks, "MUCH", 1)
        monkeypatch.setattr(looks, "LONG_WAIT", 0)
        cap, claimers = 3, 6
        for _ in range(16):
            queue_deliveries(make_endpoint(), 30)
        sent: Counter[str] = Counter()
        under_way: Counter[str] = Counter()
        most: Counter[str] = Counter()
        looked_at: Counter[int | None] = Counter()

        async def work(connected: Connected, settling: Connected) -> None:
            own, freed = Looks(), set[str]()
            while sum(sent.values()) < 480:
                found = await claim(connected, slots=40, cap=cap, freed=freed, view=own.begin(is_woken=False))
                own.note(found, slots=40, has_more=bool(found.claims) or found.has_moved)
                freed = own.left(freed, found)
                looked_at[found.part] += not found.is_busy
                for each in found.claims:
                    sent[each.delivery.uid] += 1
                    under_way[each.target.uid] += 1
                    most[each.target.uid] = max(most[each.target.uid], under_way[each.target.uid])
                # The others look meanwhile.
                await asyncio.sleep(0)
                under_way.subtract(each.target.uid for each in found.claims)
                if found.claims:
                    await finish(settling, [outcome(each) for each in found.claims])
                    freed |= {each.target.uid for each in found.claims}

        async def all_of_them() -> None:
            async with connections(2 * claimers) as connected, asyncio.timeout(120):
                await asyncio.gather(*(work(*connected[each::claimers]) for each in range(claimers)))

        asyncio.run(all_of_them())
        assert set(sent.values()) == {1}
        assert EventDelivery.objects.filter(status="Success").count() == len(sent) == 480
        assert max(most.values()) == cap
        assert all(looked_at[part] for part in range(PARTS))

    @pytest.mark.slow  # several workers, and many deliveries
    @pytest.mark.usefixtures("loopback_is_allowed")
    def test_workers_that_share_the_queue_send_each_delivery_once(
        self, make_endpoint: Make, receiver: Receiver, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(looks, "MUCH", 1)
        monkeypatch.setattr(looks, "LONG_WAIT", 0)
        settings.DELIVERY_ENDPOINT_CONCURRENCY = 4
        for number in range(20):
            queue_deliveries(make_endpoint(url=receiver.url(f"/{number}")), 30)
        with working(4):
            eventually(lambda: EventDelivery.objects.filter(status="Success").count() == 600, "all 600 have arrived")
        sent = [request.header("webhook-id") for request in receiver.requests()]
        assert len(sent) == len(set(sent)) == 600
        assert DeliveryAttempt.objects.count() == 600
