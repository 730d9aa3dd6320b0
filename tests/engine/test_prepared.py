"""Statements that are planned once for a connection, and sent together with others."""

import re
from typing import Any, cast

import orjson
import psycopg
import pytest
from django.db import connection

from core.conninfo import conninfo
from engine import queue
from engine.database import make_pool
from engine.parts import View
from engine.prepared import Statement
from tests.engine.claims import claim
from tests.engine.engine import multiply, on_a_connection, queue_deliveries

pytestmark = pytest.mark.django_db(transaction=True)


def looked(*, is_shared: bool) -> tuple[list[str], dict[str, tuple[int, int]]]:
    """Look once, and return the deliveries that were claimed, and how often each prepared statement was planned."""

    async def look(_: psycopg.AsyncConnection[Any]) -> tuple[list[str], dict[str, tuple[int, int]]]:
        database = conninfo(connection.settings_dict)
        made = make_pool(
            database, 1, statement_seconds=5, is_shared=is_shared, plans_once=True, statements=queue.STATEMENTS
        )
        async with made as pool, pool.connection() as claiming:
            found = await claim(claiming)
            cursor = await claiming.execute("SELECT name, generic_plans, custom_plans FROM pg_prepared_statements")
            planned = {name: (once, each) for name, once, each in await cursor.fetchall()}
            return [each.delivery.uid for each in found.claims], planned

    return on_a_connection(look)


def test_the_statements_of_a_look_are_planned_once(make_endpoint: Any) -> None:
    [delivery] = queue_deliveries(make_endpoint())
    claimed, planned = looked(is_shared=False)
    assert claimed == [delivery.uid]
    ours = {statement.name for statement in queue.STATEMENTS}
    assert {name for name, (once, _) in planned.items() if once} >= ours - {"queue_walk"}
    assert {name: each for name, (_, each) in planned.items() if each} == {}


@pytest.mark.slow  # tens of thousands of rows
def test_a_plan_for_any_parameters_reads_a_backlog_in_order(make_endpoint: Any) -> None:
    with connection.cursor() as cursor:
        # PostgreSQL expects a queue without deliveries.
        cursor.execute("ANALYZE events_eventdelivery")
    backlog = make_endpoint()
    queue_deliveries(backlog, due_in=-100)
    multiply(backlog, 20_000)

    async def explain(_: psycopg.AsyncConnection[Any]) -> dict[str, Any]:
        database = conninfo(connection.settings_dict)
        made = make_pool(database, 1, statement_seconds=5, plans_once=True, statements=queue.STATEMENTS)
        async with (
            made as pool,
            pool.connection() as claiming,
            queue._claiming(claiming, View(), window=20, by_age=True),
        ):
            cursor = await claiming.execute("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE queue_due (20)")
            [[[found]]] = await cursor.fetchall()
        return cast(dict[str, Any], found["Plan"])

    plan = orjson.dumps(on_a_connection(explain)).decode()
    assert set(re.findall('"Index Name":"(.*?)"', plan)) == {"delivery_due"}
    assert set(re.findall(r'"Actual Rows":(\d+)', plan)) == {"20"}


def test_behind_a_pooler_that_shares_servers_nothing_is_prepared(make_endpoint: Any) -> None:
    [delivery] = queue_deliveries(make_endpoint())
    assert looked(is_shared=True) == ([delivery.uid], {})


def test_a_parameter_may_be_used_twice_and_a_statement_needs_none() -> None:
    async def run(_: psycopg.AsyncConnection[Any]) -> list[Any]:
        twice = Statement("twice", "SELECT %(a)s::int + %(b)s::int + %(a)s::int")
        without = Statement("without", "SELECT 3")
        made = make_pool(conninfo(connection.settings_dict), 1, statement_seconds=5, statements=(twice, without))
        rows: list[Any] = []
        async with made as pool, pool.connection() as kept:
            other = await psycopg.AsyncConnection.connect(kept.info.dsn)
            async with other:
                for each in (kept, other):
                    async with psycopg.AsyncClientCursor(each) as cursor:
                        for statement in (twice, without):
                            await cursor.execute(statement.over(each).encode(), {"a": 1, "b": 5})
                            rows += await cursor.fetchall()
            assert twice.over(kept).startswith("EXECUTE twice")
        return rows

    assert on_a_connection(run) == [(7,), (3,), (7,), (3,)]
