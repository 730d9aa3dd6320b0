"""Django's PostgreSQL backend, with connections that are bounded in time where the process asks for that."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection as of_this_thread
from django.db.backends.postgresql import base
from psycopg.pq import Format

from core.postgres.bounded import GRACE_SECONDS, Connection, outage

#: Ends a transaction whose process hangs: its locks would hold up all others.
IDLE_IN_TRANSACTION_SECONDS = 30
#: PostgreSQL compiles a statement that it takes for expensive (JIT), which takes a hundred times as long as most of
#: ours: what it expects to read of a large table is far more than a page.
NOT_COMPILED = "SET jit = off"
#: A cursor holds its last result. One with more rows is not kept, so that its memory is free.
MOST_KEPT_ROWS = 100


class _Driver:
    """The module psycopg, whose connections are of our class."""

    connect = Connection.connect

    def __getattr__(self, name: str) -> Any:
        return getattr(psycopg, name)


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's connection. `statement_seconds` bounds each statement; None, as in commands, bounds none."""

    Database = _Driver()  # type: ignore[assignment]
    statement_seconds: float | None = None
    _kept: Any = None

    def run(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> Any:
        """Run a statement by a cursor that the connection keeps, whose rows are to be read before the next one.

        Making a cursor for each statement, with what Django wraps around it, takes as long as sending the statement and
        reading its rows. Rows come in PostgreSQL's binary format: an encrypted value as text is twice as long.
        """
        if self.connection is None:
            self.ensure_connection()
        if self._kept is None or self._kept.connection is not self.connection:
            with self.wrap_database_errors:
                self._kept = self.create_cursor()
            self._kept.format = Format.BINARY
        cursor = self._kept
        if self.force_debug_cursor or self.execute_wrappers:
            # Tests and tools that look at each statement find it in Django's wrapper.
            self._prepare_cursor(cursor).execute(statement, parameters)  # type: ignore[attr-defined]
            return cursor
        self.validate_no_broken_transaction()
        with self.wrap_database_errors:
            cursor.execute(statement, parameters)
        return cursor

    def read_rows(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> list[Any]:
        """Run a statement as run() does, and return all of its rows."""
        rows: list[Any] = self.run(statement, parameters).fetchall()
        if len(rows) > MOST_KEPT_ROWS:
            self._kept = None
        return rows

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect. Raises OperationalError at once during an outage, while another thread tries."""
        seconds = self.statement_seconds
        if seconds is None:
            return super().get_new_connection(conn_params)
        with outage.noticing():
            connection = super().get_new_connection(conn_params)
        connection.wait_seconds = seconds + GRACE_SECONDS
        return connection

    def init_connection_state(self) -> None:
        """Set what a new connection needs. Not as startup parameters, which connection poolers refuse."""
        super().init_connection_state()
        # Behind a pooler that shares servers it would be set for others, who need something else.
        if self.settings_dict["DISABLE_SERVER_SIDE_CURSORS"]:
            return
        settings = [NOT_COMPILED]
        if self.statement_seconds is not None:
            settings += [
                f"SET statement_timeout = {round(self.statement_seconds * 1000)}",
                f"SET idle_in_transaction_session_timeout = '{IDLE_IN_TRANSACTION_SECONDS}s'",
            ]
        with self.cursor() as cursor:
            cursor.execute("; ".join(settings))


def bound_statements(seconds: float) -> None:
    """Bound each statement of every connection that this process makes from now on."""
    DatabaseWrapper.statement_seconds = seconds


@contextmanager
def waiting(seconds: float) -> Iterator[None]:
    """Wait for up to `seconds` for each statement of a block, which sets a statement_timeout of its own."""
    of_this_thread.ensure_connection()
    connection = of_this_thread.connection
    before = getattr(connection, "wait_seconds", None)
    if before is None:
        yield
        return
    connection.wait_seconds = max(before, seconds + GRACE_SECONDS)
    try:
        yield
    finally:
        connection.wait_seconds = before
