"""The cursor that a connection keeps for written-out statements."""

from typing import cast

import psycopg
import pytest
from django.db import (
    DEFAULT_DB_ALIAS,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connections,
    transaction,
)
from django.test.utils import CaptureQueriesContext

from core.conninfo import conninfo
from core.postgres.base import MOST_KEPT_ROWS, DatabaseWrapper
from core.rows import array_text, read_rows, run

pytestmark = pytest.mark.django_db(transaction=True)

NUMBERS = "SELECT n FROM generate_series(1, %s) n"


@pytest.fixture
def database() -> DatabaseWrapper:
    return cast(DatabaseWrapper, connections[DEFAULT_DB_ALIAS])


def test_statements_follow_one_another() -> None:
    first = read_rows(NUMBERS, [3])
    run("NOTIFY nobody")
    assert read_rows("SELECT %s::bytea, 'text'", [b"\x00\xff"]) == [(b"\x00\xff", "text")]
    assert first == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("text", ["01JZ8QP7B2E4G6J8M0Q2S4V6X8", "at_least_once", None]),
        ("int", [3, -1, None]),
        ("float", [0.1, 62.5, 1e-7, 1e22]),
        ("bool", [True, False, None]),
        ("text", []),
    ],
)
def test_an_array_arrives_as_it_is(type_: str, values: list[str | float | None]) -> None:
    assert read_rows(f"SELECT %s::{type_}[]", [array_text(values)]) == [(values,)]


def test_a_statement_that_fails() -> None:
    with pytest.raises(ProgrammingError):
        read_rows("SELECT * FROM nothing", [])
    assert read_rows(NUMBERS, [1]) == [(1,)]


def test_within_a_transaction_that_is_broken() -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            read_rows(NUMBERS, [1])


def test_a_new_connection_has_a_new_cursor(database: DatabaseWrapper) -> None:
    (before,) = read_rows("SELECT pg_backend_pid()", [])
    database.close()
    (after,) = read_rows("SELECT pg_backend_pid()", [])
    assert before != after


def test_a_connection_that_was_lost_raises_djangos_error(database: DatabaseWrapper) -> None:
    read_rows(NUMBERS, [MOST_KEPT_ROWS + 1])
    assert database._kept is None
    database.connection.close()
    with pytest.raises(OperationalError):
        read_rows(NUMBERS, [1])
    assert database.errors_occurred
    database.close_if_unusable_or_obsolete()
    assert read_rows(NUMBERS, [1]) == [(1,)]


def test_a_long_result_is_not_kept_in_memory(database: DatabaseWrapper) -> None:
    read_rows(NUMBERS, [MOST_KEPT_ROWS])
    kept = database._kept
    assert kept.rowcount == MOST_KEPT_ROWS
    assert len(read_rows(NUMBERS, [MOST_KEPT_ROWS + 1])) == MOST_KEPT_ROWS + 1
    assert database._kept is None


def test_tools_that_look_at_statements_see_them(database: DatabaseWrapper) -> None:
    with CaptureQueriesContext(database) as seen:
        read_rows(NUMBERS, [2])
    assert [query["sql"] for query in seen.captured_queries] == ["SELECT n FROM generate_series(1, 2) n"]


def test_statements_are_prepared_again_where_a_migration_has_changed_types(database: DatabaseWrapper) -> None:
    reading = "SELECT number FROM changing"
    # A session that changes a table itself prepares its statements again.
    with psycopg.connect(conninfo(database.settings_dict), autocommit=True) as migrating:
        migrating.execute("CREATE TABLE changing AS SELECT 1 AS number")
        try:
            for _ in range(10):
                assert read_rows(reading, []) == [(1,)]
            migrating.execute("ALTER TABLE changing ALTER COLUMN number TYPE text")
            with pytest.raises(OperationalError, match="a migration has changed a table"):
                read_rows(reading, [])
            # As each request ends.
            database.close_if_unusable_or_obsolete()
            assert read_rows(reading, []) == [("1",)]
        finally:
            migrating.execute("DROP TABLE changing")


def test_another_refusal_keeps_the_connection(database: DatabaseWrapper) -> None:
    [(before,)] = read_rows("SELECT pg_backend_pid()", [])
    with pytest.raises(NotSupportedError):
        read_rows("SELECT count(*) FROM pg_class GROUP BY relname FOR UPDATE", [])
    assert read_rows("SELECT pg_backend_pid()", []) == [(before,)]


def test_no_statement_is_compiled(database: DatabaseWrapper) -> None:
    assert read_rows("SHOW jit", []) == [("off",)]
