"""Read the operators' switches for a worker, and note that the worker is alive (switches/models.py).

Both are apart from the claim, which costs no more than without them: a worker obeys within READ_SECONDS.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable

import psycopg

from core.ulid import new_ulid
from engine.database import Pool
from engine.shares import NOBODY, Held

logger = logging.getLogger("convoyclone.deliver")

READ_SECONDS = 0.5
WRITE_SECONDS = 5.0

_READ = """
SELECT project_id, owner_id FROM switches_pause
UNION ALL SELECT NULL, NULL FROM switches_worker WHERE uid = %s AND drained_at IS NOT NULL
"""
_WRITE = """
INSERT INTO switches_worker (uid, name, started_at, seen_at, in_flight) VALUES (%s, %s, now(), now(), %s)
ON CONFLICT (uid) DO UPDATE SET seen_at = now(), in_flight = excluded.in_flight
"""
#: Workers that have ended without a word.
_FORGET = "DELETE FROM switches_worker WHERE seen_at < now() - interval '1 day'"
_END = "DELETE FROM switches_worker WHERE uid = %s"


class Switchboard:
    """The switches as one worker knows them."""

    def __init__(self, in_flight: Callable[[], int]) -> None:
        self.uid = new_ulid()
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.held = NOBODY
        #: Whether this worker is to claim nothing more.
        self.is_drained = False
        self._in_flight = in_flight
        self._written_at = float("-inf")

    async def look(self, pool: Pool) -> bool:
        """Read the switches, and note at times that the worker is alive. Returns whether a switch has changed."""
        before = self.held, self.is_drained
        async with pool.connection() as connection:
            cursor = await connection.execute(_READ, [self.uid])
            rows = await cursor.fetchall()
            self.is_drained = (None, None) in rows
            self.held = Held(
                frozenset(project_id for project_id, owner_id in rows if owner_id == ""),
                frozenset((project_id, owner_id) for project_id, owner_id in rows if owner_id),
            )
            has_changed = before != (self.held, self.is_drained)
            now = asyncio.get_running_loop().time()
            # While an operator waits for the drain, each finished delivery is reported at once.
            if has_changed or self.is_drained or now - self._written_at >= WRITE_SECONDS:
                await connection.execute(_WRITE, [self.uid, self.name, self._in_flight()])
                self._written_at = now
        return has_changed

    async def begin(self, pool: Pool, stopping: asyncio.Event) -> None:
        """Read the switches before anything is claimed; repeats that until the database answers."""
        while not stopping.is_set():
            try:
                await self.look(pool)
                async with pool.connection() as connection:
                    await connection.execute(_FORGET)
            except (psycopg.Error, OSError) as error:
                logger.error("cannot read the switches: %s", error)
                await _wait(stopping)
            else:
                return

    async def run(self, pool: Pool, stopping: asyncio.Event, changed: Callable[[], None]) -> None:
        """Read the switches every READ_SECONDS until the worker stops, and call `changed` when one has changed.

        While the database is away, the switches stay as they are known.
        """
        while not stopping.is_set():
            await _wait(stopping)
            try:
                if await self.look(pool):
                    changed()
            except (psycopg.Error, OSError) as error:
                logger.error("cannot read the switches: %s", error)

    async def end(self, pool: Pool) -> None:
        """Take the worker off the list; where the database is away, its row is left to grow old."""
        with contextlib.suppress(psycopg.Error, OSError):
            async with pool.connection() as connection:
                await connection.execute(_END, [self.uid])


async def _wait(stopping: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), READ_SECONDS)
