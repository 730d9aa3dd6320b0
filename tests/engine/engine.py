"""Set up the tests of the engine: deliveries in the queue, and a connection as a worker has it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import psycopg
from django.db import connection
from django.utils import timezone

from core.conninfo import conninfo
from endpoints.models import Endpoint
from engine.worker import Worker
from events.models import Event, EventDelivery
from subscriptions.models import Subscription

Result = TypeVar("Result")


def on_a_connection(work: Callable[[psycopg.AsyncConnection[Any]], Awaitable[Result]]) -> Result:
    """The result of `work` on a connection of its own, in an event loop of its own.

    The test must be marked django_db(transaction=True).
    """

    async def run() -> Result:
        connected = await psycopg.AsyncConnection.connect(conninfo(connection.settings_dict), autocommit=True)
        async with connected:
            return await work(connected)

    return asyncio.run(run())


def make_subscription(endpoint: Endpoint, **fields: Any) -> Subscription:
    """A subscription of an endpoint, without filters: enough for a delivery to belong to."""
    return Subscription.objects.create(project=endpoint.project, endpoint=endpoint, name="All", **fields)


def queue_deliveries(endpoint: Endpoint, count: int = 1, *, due_in: float = 0, **fields: Any) -> list[EventDelivery]:
    """Store `count` deliveries of one event to an endpoint, which become due in `due_in` seconds."""
    data = fields.pop("data", '{"n":1}')
    headers = fields.pop("headers", {})
    idempotency_key = fields.pop("idempotency_key", "")
    event = Event.objects.create(
        project=endpoint.project,
        channel=Event.Channel.DIRECT,
        event_type="order.created",
        endpoints=[endpoint.uid],
        data=data,
        headers=headers,
        idempotency_key=idempotency_key,
        status="Success",
    )
    due_at: datetime = timezone.now() + timedelta(seconds=due_in)
    given = {
        "event_type": event.event_type,
        "delivery_mode": "at_least_once",
        "status": "Scheduled",
        "strategy": "linear",
        "interval_seconds": 100,
        "retry_limit": 10,
        "next_send_time": due_at,
        "due_at": due_at,
    } | fields
    subscription = make_subscription(endpoint)
    return EventDelivery.objects.bulk_create(
        EventDelivery(project=endpoint.project, event=event, endpoint=endpoint, subscription=subscription, **given)
        for _ in range(count)
    )


@contextmanager
def working(count: int = 1, *, database: str = "", is_polling: bool = False) -> Iterator[list[Worker]]:
    """Run `count` workers, each in a thread, until the block ends and they have drained.

    `database` is a way to the test's database other than the usual one. With `is_polling`, it tells them nothing.
    """
    workers = [Worker(database or conninfo(connection.settings_dict), is_shared=is_polling) for _ in range(count)]
    loops = [asyncio.new_event_loop() for _ in workers]
    with ThreadPoolExecutor(count, "worker") as threads:
        runs = [
            threads.submit(loop.run_until_complete, worker.run()) for worker, loop in zip(workers, loops, strict=True)
        ]
        try:
            yield workers
        finally:
            for worker, loop in zip(workers, loops, strict=True):
                loop.call_soon_threadsafe(worker.stop)
            for run in runs:
                run.result(60)
            for loop in loops:
                loop.close()


def multiply(endpoint: Endpoint, times: int, **changes: Any) -> None:
    """Copy the only delivery to an endpoint, so often that inserting each by itself would take too long."""
    [delivery] = EventDelivery.objects.filter(endpoint=endpoint).values()
    names = [str(field.column) for field in EventDelivery._meta.concrete_fields]
    values = ["lpad(n::text, 26, '0')" if name == "uid" else name for name in names]
    with connection.cursor() as cursor:
        statement = (
            "INSERT INTO events_eventdelivery ({}) SELECT {} FROM events_eventdelivery, generate_series(1, %s) AS n"
        )
        cursor.execute(
            f"{statement.format(', '.join(names), ', '.join(values))} WHERE uid = %s", [times, delivery["uid"]]
        )
