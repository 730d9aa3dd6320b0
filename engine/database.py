"""Connect the engine to PostgreSQL, and outlast its outages."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, LiteralString

import orjson
import psycopg
from psycopg import AsyncConnection
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool

from core.postgres import bounded
from core.postgres.base import NOT_COMPILED
from engine.prepared import Statement

logger = logging.getLogger("convoyclone.deliver")

#: Errors of a database that is away, restarts or is a standby: the same statement can work later.
OUTAGES = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError, OSError)
#: Wait this long after an error of the database before the next try.
PAUSE_SECONDS = 1.0
#: A transaction whose worker hangs ends after this: other workers wait for its locks.
IDLE_IN_TRANSACTION_SECONDS = 5

Connection = AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]


def make_pool(
    conninfo: str,
    size: int,
    *,
    statement_seconds: float,
    is_durable: bool = True,
    is_shared: bool = False,
    plans_once: bool = False,
    statements: Sequence[Statement] = (),
) -> Pool:
    """Return a pool, not opened yet, whose connections give up on a statement after `statement_seconds`.

    A commit that is not durable may be undone by a crash of the database's machine. With `is_shared`, a pooler gives
    each transaction any server: nothing is prepared, and nothing is set that others on the same server would get.
    Without it, each connection prepares `statements`. One that `plans_once` never plans a prepared statement for the
    parameters at hand: PostgreSQL does so at each call where lists of a few ids promise a cheaper plan than others.
    """

    async def configure(connection: Connection) -> None:
        # Each endpoint is read with its project's configuration, which is JSON.
        set_json_loads(orjson.loads, connection)
        if not is_shared:
            # Not startup parameters, which connection poolers refuse.
            await connection.execute(
                f"{NOT_COMPILED}; SET statement_timeout = {round(statement_seconds * 1000)}; "
                f"SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_SECONDS}s'"
                + ("" if is_durable else "; SET synchronous_commit = off")
                + ("; SET plan_cache_mode = force_generic_plan" if plans_once else "")
            )
        if isinstance(connection, bounded.AsyncConnection):
            connection.wait_seconds = statement_seconds + bounded.GRACE_SECONDS
            for statement in () if is_shared else statements:
                await statement.prepare(connection)

    return AsyncConnectionPool(
        conninfo,
        min_size=1,
        max_size=size,
        open=False,
        # Reconnect soon after an outage.
        timeout=5,
        reconnect_timeout=5,
        kwargs={"autocommit": True, "prepare_threshold": None if is_shared else 1},
        connection_class=bounded.AsyncConnection,
        configure=configure,
    )


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
