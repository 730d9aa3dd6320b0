"""Do the chores of a worker: periodic work, each piece of which one worker does."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections

from core.chores import CHORES
from deliveries import batch_retry
from engine import breaker, retention
from engine.database import Pool
from onboarding import operations as onboarding

logger = logging.getLogger("convoyclone.deliver")

TICK_SECONDS = 1.0
#: The breakers take at most this share of the time, but are looked at every SAMPLE_RATE_SECONDS at least.
BREAKER_SHARE = 0.02
SAMPLE_RATE_SECONDS = 30.0
RETENTION_SECONDS = 600.0


async def run(pool: Pool, stopping: asyncio.Event) -> None:
    """Do all chores until `stopping` is set."""
    with ThreadPoolExecutor(1, "chores") as thread:
        chores = [
            _repeat(stopping, lambda: _in_thread(thread, batch_retry.work_off)),
            _repeat(stopping, lambda: _in_thread(thread, onboarding.work_off)),
            _repeat(stopping, lambda: _delete_old(pool, stopping)),
        ]
        chores += [_repeat(stopping, partial(_in_thread_for, thread, chore)) for chore in CHORES]
        if settings.CIRCUIT_BREAKER:
            chores.append(_repeat(stopping, lambda: _look_at_breakers(pool)))
        try:
            # When this task is cancelled, a group waits for its tasks to end; gather does not.
            async with asyncio.TaskGroup() as group:
                for chore in chores:
                    group.create_task(chore)
        finally:
            thread.submit(connections.close_all)


async def _repeat(stopping: asyncio.Event, chore: Callable[[], Awaitable[float]]) -> None:
    """Repeat a chore until `stopping` is set, each time after the pause in seconds that it returns."""
    while not stopping.is_set():
        try:
            pause = await chore()
        except (psycopg.Error, DatabaseError, OSError) as error:
            logger.error("%s", error)
            pause = TICK_SECONDS
        except Exception:
            logger.exception("a chore has failed")
            pause = TICK_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)


async def _in_thread(thread: ThreadPoolExecutor, work: Callable[[], bool]) -> float:
    """Run work that uses Django's database and tells whether there is more to do. Returns the pause in seconds."""

    def run() -> bool:
        # A broken connection is not used again.
        close_old_connections()
        return work()

    return 0 if await asyncio.get_running_loop().run_in_executor(thread, run) else TICK_SECONDS


async def _in_thread_for(thread: ThreadPoolExecutor, work: Callable[[], float]) -> float:
    """Run a chore that uses Django's database. Returns the pause in seconds that it wants."""

    def run() -> float:
        close_old_connections()
        return work()

    return await asyncio.get_running_loop().run_in_executor(thread, run)


async def _look_at_breakers(pool: Pool) -> float:
    async with pool.connection() as connection:
        took = await breaker.look(connection)
    return min(max(took / BREAKER_SHARE, TICK_SECONDS), SAMPLE_RATE_SECONDS)


async def _delete_old(pool: Pool, stopping: asyncio.Event) -> float:
    await retention.delete_old(pool, stopping)
    return RETENTION_SECONDS
