"""Make a worker's pool of connections to the tests' database, and run its code with it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import TypeVar

from django.db import connection
from psycopg_pool import AsyncConnectionPool

from core.conninfo import conninfo
from engine.database import Pool
from outbound.client import Outbound

Result = TypeVar("Result")

#: Receivers of the tests are on this machine.
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def with_pool(work: Callable[[Pool], Awaitable[Result]]) -> Result:
    """The result of `work(pool)`. The test must be marked django_db(transaction=True): it sees what is committed."""

    async def run() -> Result:
        database = conninfo(connection.settings_dict)
        pool: Pool = AsyncConnectionPool(database, min_size=1, max_size=4, open=False, kwargs={"autocommit": True})
        async with pool:
            return await work(pool)

    return asyncio.run(run())


def with_outbound(work: Callable[[Pool, Outbound], Awaitable[Result]]) -> Result:
    """The result of `work(pool, outbound)`, where `outbound` reaches this machine."""

    async def run(pool: Pool) -> Result:
        async with Outbound(allowed_networks=LOOPBACK) as outbound:
            return await work(pool, outbound)

    return with_pool(run)


@contextmanager
def outcomes_refused(table: str, *, times: int) -> Iterator[None]:
    """Let PostgreSQL refuse, as a standby does, the next `times` updates of `table` that take a lease away."""
    with connection.cursor() as cursor:
        # A sequence counts on although what has counted is rolled back.
        cursor.execute("CREATE SEQUENCE refusals")
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF nextval('refusals') <= {times} THEN RAISE 'a standby' USING ERRCODE = 'read_only_sql_transaction'; "
            "END IF; RETURN NEW; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER refusing BEFORE UPDATE ON {table} FOR EACH ROW "
            "WHEN (NEW.lease IS NULL) EXECUTE FUNCTION refuse()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse CASCADE")
            cursor.execute("DROP SEQUENCE refusals")
