"""Look at the database: list the statements that ran, and assert that no row changed."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

_table = re.compile(r'(?:FROM|INTO|UPDATE) "?(\w+)')
#: Statements that change no row. No function of ours writes, so that no SELECT does.
_reads = re.compile(r"\s*(?:SELECT|SAVEPOINT|RELEASE|ROLLBACK TO)\b")


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements of a block, in order, as "SELECT projects_apikey"; a SELECT … FOR UPDATE is a LOCK.

    The savepoints that a test's own transaction adds are left out. The list is filled when the
    block ends.
    """
    found: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        yield found
    for query in queries.captured_queries:
        sql = query["sql"]
        verb = "LOCK" if "FOR UPDATE" in sql or "FOR NO KEY UPDATE" in sql else sql.split()[0]
        if verb not in ("SAVEPOINT", "RELEASE"):
            table = (verb == "SELECT" and _table.search(_outermost(sql))) or _table.search(sql)
            found.append(f"{verb} {table[1]}" if table else verb)


def _outermost(sql: str) -> str:
    """A statement without what is in parentheses, so that a subquery does not give it its name."""
    inner = re.compile(r"\([^()]*\)")
    while (shorter := inner.sub("", sql)) != sql:
        sql = shorter
    return sql


@contextmanager
def nothing_changes() -> Iterator[None]:
    """The block leaves every row of every table of ours as it was."""
    before = _rows()
    yield
    assert _rows() == before


@contextmanager
def undone() -> Iterator[None]:
    """Roll back what the block changes in the test's database."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Undo:
    """Rolls back what each of many blocks changes in the test's database.

    Most requests of a matrix read, or are refused before they write. Blocks without a writing statement share a
    savepoint and roll nothing back, which spares three of the statements of each.
    """

    def __init__(self) -> None:
        self._savepoint = ""
        self._written: list[str] = []

    @contextmanager
    def watching(self) -> Iterator["Undo"]:
        """Note what is written from here to the end of the block, of which those of each() are parts."""
        with connection.execute_wrapper(self._note):
            yield self

    @contextmanager
    def each(self) -> Iterator[list[str]]:
        """Roll back what the block changes; yields the statements of it that may have changed a row, until its end."""
        if self._written or not self._savepoint:
            self._savepoint = transaction.savepoint()
            self._written.clear()
        callbacks = len(connection.run_on_commit)
        try:
            yield self._written
        finally:
            # An exception in a save() wants a rollback even where no statement was sent.
            if self._written or transaction.get_rollback():
                transaction.set_rollback(False)
                transaction.savepoint_rollback(self._savepoint)
                del connection.run_on_commit[callbacks:]
                self._written.clear()

    def _note(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if not _reads.match(str(sql)):
            self._written.append(str(sql))
        try:
            return execute(sql, params, many, context)
        except BaseException:
            # Until there is a rollback PostgreSQL refuses all further statements.
            self._written.append(str(sql))
            raise


def _rows() -> dict[str, list[str]]:
    """Every row of our tables, as PostgreSQL prints it, by table; in one statement, because thousands of checks ask."""
    with connection.cursor() as cursor:
        cursor.execute(_every_row())
        return dict(cursor.fetchall())


@cache
def _every_row() -> str:
    """The statement that reads every row of the tables of every app that is not Django's own."""
    tables = sorted(
        model._meta.db_table for model in apps.get_models() if not model.__module__.startswith("django.contrib.")
    )
    return " UNION ALL ".join(
        f"SELECT '{table}', array(SELECT t::text FROM \"{table}\" t ORDER BY 1)"  # noqa: S608
        for table in tables
    )
