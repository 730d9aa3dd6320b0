"""Connect the engine to PostgreSQL, and outlast its outages."""

import asyncio
import logging
from typing import Any, LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

logger = logging.getLogger("convoyclone.deliver")

#: Errors of a database that is away, restarts or is a standby: the same statement can work later.
OUTAGES = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError, OSError)
#: Wait this long after an error of the database before the next try.
PAUSE_SECONDS = 1.0

Connection = AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]


async def write_outcome(pool: Pool, statement: LiteralString, parameters: dict[str, Any]) -> None:
    """Execute the statement that writes the outcome of one request, and repeat it as long as an outage prevents it.

    Only the caller knows the outcome: if it were lost, the request would be sent again. Raises errors of the
    database that are not OUTAGES.
    """
    while True:
        try:
            async with pool.connection() as connection:
                await connection.execute(statement, parameters)
                return
        except OUTAGES as error:
            logger.error("cannot write an outcome, trying again: %s", error)
            await asyncio.sleep(PAUSE_SECONDS)
