"""Statements that lock states and endpoints at once never wait for each other, and none undoes the other's change."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg
import pytest
from django.db import connection, connections, transaction
from django.db.models.functions import Now

from core.conninfo import conninfo
from endpoints.models import Endpoint, EndpointHour, EndpointState
from endpoints.operations import activate_endpoint, reactivate_endpoints, update_endpoint
from engine import breaker
from engine.outcomes import Outcome, finish
from engine.queue import Claim
from engine.settle import settle
from projects.models import Project
from projects.operations import update_project
from tests.engine.claims import claim, failed, outcome
from tests.engine.engine import on_a_connection, queue_deliveries
from tests.engine.test_breaker import attempts
from tests.locks import WAITING
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.django_db(transaction=True)
MakeEndpoint = Callable[..., Endpoint]
STATE = "SELECT 1 FROM endpoints_endpointstate WHERE endpoint_id = %s FOR UPDATE"
ENDPOINT = "SELECT 1 FROM endpoints_endpoint WHERE uid = %s FOR NO KEY UPDATE"


@pytest.fixture
def endpoint(project: Project, make_endpoint: MakeEndpoint) -> Endpoint:
    """An endpoint that may be disabled, and has a state."""
    project.config["disable_endpoint"] = True
    project.save()
    endpoint = make_endpoint()
    EndpointState.objects.create(endpoint=endpoint, breaker="closed")
    return endpoint


def in_a_thread(work: Callable[[], object]) -> Callable[[], Coroutine[Any, Any, object]]:
    """`work` with a database connection of its own."""

    def run() -> object:
        try:
            return work()
        finally:
            connections.close_all()

    return lambda: asyncio.to_thread(run)


async def connected() -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(conninfo(connection.settings_dict), autocommit=True)


def while_a_worker_settles(endpoint: Endpoint, other: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Let `other` begin while somebody has the endpoint's state, and who then takes the endpoint, as a worker does.

    Two that take them in opposite orders wait for each other until the database ends one of them.
    """

    async def run() -> None:
        worker, watcher = await connected(), await connected()
        async with worker, watcher:
            async with worker.transaction():
                await worker.execute(STATE, [endpoint.uid])
                task = asyncio.create_task(other())
                await until_somebody_waits(watcher)
                await worker.execute("SET LOCAL lock_timeout = '5s'")
                await worker.execute(ENDPOINT, [endpoint.uid])
            await task

    asyncio.run(run())


async def until_somebody_waits(watcher: psycopg.AsyncConnection[Any]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = await (await watcher.execute(WAITING)).fetchone()
        if found and found[0]:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody waits for the lock")


class TestOrder:
    def test_an_activation(self, endpoint: Endpoint) -> None:
        Endpoint.objects.update(status="inactive")
        while_a_worker_settles(endpoint, in_a_thread(lambda: activate_endpoint(endpoint.project_id, endpoint.uid)))
        assert Endpoint.objects.get().status == "active"

    def test_another_rate_limit(self, endpoint: Endpoint) -> None:
        fields = {"url": endpoint.url, "name": endpoint.name, "rate_limit": 5, "rate_limit_duration": 60}
        update = in_a_thread(lambda: update_endpoint(endpoint.project_id, endpoint.uid, **fields))  # type: ignore[arg-type]
        while_a_worker_settles(endpoint, update)
        assert Endpoint.objects.get().rate_limit == 5

    def test_a_project_that_disables_no_more(self, endpoint: Endpoint, project: Project) -> None:
        Endpoint.objects.update(status="inactive")
        changes: dict[str, Any] = {"config": {"disable_endpoint": False}, "reactivate_endpoints": reactivate_endpoints}
        update = in_a_thread(lambda: update_project(project.uid, name="Orders", **changes))
        while_a_worker_settles(endpoint, update)
        assert Endpoint.objects.get().status == "active"

    def test_the_circuit_breaker(self, endpoint: Endpoint) -> None:
        about_to_disable(endpoint)

        async def look() -> None:
            async with await connected() as own:
                await breaker.look(own)

        while_a_worker_settles(endpoint, look)
        assert Endpoint.objects.get().status == "inactive"

    def test_a_worker_takes_the_state_first(self, endpoint: Endpoint) -> None:
        [_] = queue_deliveries(endpoint, retry_limit=1)
        [found] = on_a_connection(claim).claims
        failed = outcome(found, status="Failure", description="Retry limit exceeded")

        async def settling() -> None:
            async with await connected() as own:
                await settle(own, [failed])

        while_a_worker_settles(endpoint, settling)
        assert Endpoint.objects.get().status == "inactive"


def test_an_activation_while_the_breaker_looks_stands(endpoint: Endpoint) -> None:
    about_to_disable(endpoint)

    async def run() -> None:
        looker, watcher = await connected(), await connected()
        async with looker, watcher:
            activating, go_on = asyncio.Event(), asyncio.Event()

            def activate(done: Callable[[], None], wait: Callable[[], None]) -> None:
                with transaction.atomic():
                    EndpointState.objects.update(counted_from=Now(), consecutive_trips=0)
                    done()
                    wait()

            loop = asyncio.get_running_loop()

            def done() -> None:
                loop.call_soon_threadsafe(activating.set)

            def wait() -> None:
                asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(PATIENCE_SECONDS)

            activation = asyncio.create_task(in_a_thread(lambda: activate(done, wait))())
            await activating.wait()
            # It has read the state as it was before the activation, and waits to write it.
            look = asyncio.create_task(breaker.look(looker))
            await until_somebody_waits(watcher)
            go_on.set()
            await asyncio.gather(activation, look)

    asyncio.run(run())
    state = EndpointState.objects.get()
    assert (state.breaker, state.consecutive_trips, Endpoint.objects.get().status) == ("closed", 0, "active")
    assert state.counted_from is not None


@pytest.mark.slow
def test_two_workers_write_the_figures_of_the_same_endpoints(make_endpoint: MakeEndpoint) -> None:
    """Their batches are in opposite orders, and of both kinds: none waits in a circle, and every delivery counts."""
    endpoints = [make_endpoint() for _ in range(8)]
    rounds = 10
    for endpoint in endpoints:
        queue_deliveries(endpoint, 2 * rounds)
    claims: dict[str, list[Claim]] = {}
    for found in on_a_connection(lambda connection: claim(connection, slots=1000, cap=100)).claims:
        claims.setdefault(found.target.uid, []).append(found)
    batches = [[claims[endpoint.uid].pop() for endpoint in endpoints] for _ in range(2 * rounds)]

    async def work(own: list[list[Claim]], order: int, last: Callable[[Claim], Outcome]) -> None:
        async with await connected() as worker:
            for batch in own:
                *others, one = batch[::order]
                await finish(worker, [*map(outcome, others), last(one)])

    async def both() -> None:
        await asyncio.gather(work(batches[:rounds], 1, outcome), work(batches[rounds:], -1, failed))

    asyncio.run(both())
    hours = EndpointHour.objects.values_list("delivered", "failed")
    assert (sum(delivered for delivered, _ in hours), sum(failures for _, failures in hours)) == (150, 10)
    assert list(EndpointState.objects.values_list("events", flat=True)) == [2 * rounds] * len(endpoints)


def about_to_disable(endpoint: Endpoint) -> None:
    """One more look disables the endpoint."""
    EndpointState.objects.update(consecutive_trips=9)
    attempts(endpoint, failures=10)
