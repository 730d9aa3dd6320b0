"""Give up on a database that does not answer, instead of waiting for as long as the operating system does.

A connection can die without a word: a firewall forgets it, the machine behind it is gone, or its server process hangs.
TCP notices some of that (core/conninfo.py). Only a limit of time notices the rest.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import ConnectionTimeout, FeatureNotSupported, OperationalError
from psycopg.errors import _WaitTimeout as WaitTimeout

Result = TypeVar("Result")

SILENT = "the database did not answer within {0:g} seconds"
AWAY = "the database does not answer, and another thread is trying it"
OTHER_TYPES = "a migration has changed a table: a new connection prepares its statements again"
#: The function of PostgreSQL that refuses a prepared statement whose columns have other types now. Its text may be in
#: any language, and its code is that of many refusals.
_REVALIDATES = "RevalidateCachedQuery"
#: The database ends a statement that takes too long by itself; a wait ends this many seconds later.
GRACE_SECONDS = 0.5
#: A wait of the engine looks up after this many seconds. psycopg's own 0.1 is for signals, which asyncio handles.
LOOK_UP_SECONDS = 1.0


class Outage:
    """An outage of the database, as this process sees it: meanwhile one thread at a time tries to reach it.

    The others are refused at once, so that they serve what needs no database.
    """

    def __init__(self) -> None:
        self.is_on = False
        self._trying = threading.RLock()

    @contextmanager
    def noticing(self) -> Iterator[None]:
        """Note whether the database answers within a block. Raises OperationalError where another thread tries."""
        holds = False
        if self.is_on:
            # Another thread may end the outage within the block, and the lock is released nevertheless.
            holds = self._trying.acquire(blocking=False)
            if not holds:
                raise OperationalError(AWAY)
        try:
            yield
        except (WaitTimeout, ConnectionTimeout):
            self.is_on = True
            raise
        except psycopg.Error:
            raise
        else:
            self.is_on = False
        finally:
            if holds:
                self._trying.release()


outage = Outage()


def _has_other_types(error: FeatureNotSupported) -> bool:
    return error.diag.source_function == _REVALIDATES


class Connection(psycopg.Connection[Any]):
    """A connection that closes itself when the database takes longer than `wait_seconds` to answer a statement.

    So it does where a migration has given the columns of a prepared statement other types: each call of the statement
    would fail for as long as the connection is kept.
    """

    #: None: wait without end, as management commands do.
    wait_seconds: float | None = None

    def wait(self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None) -> Result:
        """Consume a generator of psycopg's. Raises OperationalError when the connection is of no more use."""
        is_bounded = timeout is None and self.wait_seconds is not None
        seconds = self.wait_seconds if is_bounded else timeout
        try:
            if not is_bounded or not outage.is_on:
                # The quiet case, without the cost of a context manager.
                return super().wait(gen, interval, seconds)
            with outage.noticing():
                return super().wait(gen, interval, seconds)
        except FeatureNotSupported as error:
            if not _has_other_types(error):
                raise
            self.close()
            raise OperationalError(OTHER_TYPES) from error
        except WaitTimeout:
            if not is_bounded:
                raise
            outage.is_on = True
            self.close()
            raise OperationalError(SILENT.format(self.wait_seconds)) from None


class AsyncConnection(psycopg.AsyncConnection[Any]):
    """A connection of the engine, each of which notices by itself that the database is away, or has changed."""

    wait_seconds: float | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        #: The names of the statements that were prepared by PREPARE (engine/prepared.py).
        self.prepared: set[str] = set()

    async def wait(self, gen: PQGen[Result], interval: float = LOOK_UP_SECONDS, timeout: float | None = None) -> Result:
        """Consume a generator of psycopg's. Raises OperationalError when the connection is of no more use."""
        is_bounded = timeout is None and self.wait_seconds is not None
        try:
            return await super().wait(gen, interval, self.wait_seconds if is_bounded else timeout)
        except FeatureNotSupported as error:
            if not _has_other_types(error):
                raise
            await self.close()
            raise OperationalError(OTHER_TYPES) from error
        except WaitTimeout:
            if not is_bounded:
                raise
            await self.close()
            raise OperationalError(SILENT.format(self.wait_seconds)) from None
