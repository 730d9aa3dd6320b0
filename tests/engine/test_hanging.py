"""Workers that hang, and databases that do: the others go on, and the probes tell the truth."""

import asyncio
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from django.db import connection, connections, transaction

from endpoints.models import Endpoint
from engine import status
from engine import worker as worker_module
from engine.database import make_pool
from engine.parts import LOCK_ID
from engine.status import why_unhealthy
from engine.worker import Worker
from events.models import EventDelivery
from projects.models import Project
from tests.engine.engine import queue_deliveries, working
from tests.engine.process import Deliver
from tests.locks import somebody_waits
from tests.outbound.receivers import Receiver
from tests.proxy import Proxy
from tests.waiting import eventually

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("loopback_is_allowed"),
    pytest.mark.slow,  # it waits for timeouts
]
Make = Callable[..., Endpoint]


@pytest.mark.server
def test_a_worker_that_hangs_in_its_transaction_does_not_stop_another(
    project: Project, make_endpoint: Make, receiver: Receiver
) -> None:
    project.config["disable_endpoint"] = True
    project.save()
    receiver.answer_once("/in", status=500)
    endpoint = make_endpoint(url=receiver.url("/in"))
    with Deliver() as hanging:
        with transaction.atomic():
            # The worker writes the outcome, locks the endpoint's state, and wants to disable the endpoint.
            Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
            [refused] = _queue_outside(endpoint, retry_limit=1)
            eventually(somebody_waits, "the worker waits for the endpoint")
            hanging.process.send_signal(signal.SIGSTOP)
        [accepted] = queue_deliveries(endpoint)
        started = time.monotonic()
        with working():
            eventually(
                lambda: EventDelivery.objects.get(pk=accepted.pk).status == "Success", "the other worker has written"
            )
        assert time.monotonic() - started < 30
    assert EventDelivery.objects.get(pk=refused.pk).status == "Processing"


def _queue_outside(endpoint: Endpoint, **fields: Any) -> list[EventDelivery]:
    """Queue a delivery in a transaction of its own, although this thread is within one."""

    def queue() -> list[EventDelivery]:
        try:
            return queue_deliveries(endpoint, **fields)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(queue).result()


def test_a_lock_that_another_keeps_is_told_by_the_probe(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that has lost its database without a word holds the lock of all; the others could look healthy."""
    monkeypatch.setattr(status, "SILENT_SECONDS", 1.0)
    with working() as [worker]:
        eventually(lambda: why_unhealthy(worker) == "", "the worker reads the queue")
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_ID])
            eventually(lambda: "could not be read" in why_unhealthy(worker), "the probe says so")
        eventually(lambda: why_unhealthy(worker) == "", "the worker reads the queue again")


class TestADatabaseThatFallsSilent:
    def test_a_worker_delivers_again_when_it_is_back(
        self, make_endpoint: Make, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("CLAIM_SECONDS", "SETTLE_SECONDS", "CHORE_SECONDS"):
            monkeypatch.setattr(worker_module, name, 1)
        monkeypatch.setattr(status, "SILENT_SECONDS", 3.0)
        receiver.answer("/held", hold=True)
        held, later = make_endpoint(url=receiver.url("/held")), make_endpoint(url=receiver.url("/later"))
        with Proxy() as proxy, working(database=f"{proxy.url}?connect_timeout=2") as [worker]:
            queue_deliveries(held)
            receiver.wait_for(1, "/held")
            assert why_unhealthy(worker) == ""
            proxy.fall_silent()
            receiver.release()
            eventually(lambda: "could not be" in why_unhealthy(worker), "the probe says so")
            queue_deliveries(later)
            proxy.cut()
            receiver.wait_for(1, "/later")
            eventually(lambda: EventDelivery.objects.filter(status="Success").count() == 2, "both are written")
            eventually(lambda: why_unhealthy(worker) == "", "the probe says that all is well")

    def test_a_statement_without_an_answer_ends(self) -> None:
        async def ask(proxy: Proxy) -> str:
            async with make_pool(proxy.url, 1, statement_seconds=0.5) as pool:
                async with pool.connection() as own:
                    await own.execute("SELECT 1")
                    proxy.fall_silent()
                    with pytest.raises(Exception, match="the database did not answer within 1 seconds") as caught:
                        await own.execute("SELECT 2")
                    assert own.closed
                proxy.cut()
                async with pool.connection() as other:
                    await other.execute("SELECT 3")
                return type(caught.value).__name__

        with Proxy() as proxy:
            assert asyncio.run(ask(proxy)) == "OperationalError"

    @pytest.mark.server
    def test_readyz_of_a_worker_answers(self) -> None:
        with Proxy() as proxy, Deliver(DATABASE_URL=proxy.url) as deliver:
            assert deliver.get("/readyz").status_code == 200
            proxy.fall_silent()
            answer: httpx.Response = deliver.get("/readyz")
            assert (answer.status_code, answer.text) == (503, "the database is not available\n")
            assert answer.elapsed.total_seconds() < 2 * status.READY_SECONDS
            proxy.cut()
            eventually(lambda: deliver.get("/readyz").status_code == 200, "it is back")


def test_outcomes_that_cannot_be_written_make_a_worker_unhealthy() -> None:
    worker = Worker("")
    assert why_unhealthy(worker) == ""
    worker._writing_since = time.monotonic() - status.SILENT_SECONDS + 10
    assert why_unhealthy(worker) == ""
    worker._writing_since -= 11
    assert why_unhealthy(worker) == "outcomes could not be written for 31 seconds"
