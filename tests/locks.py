"""Lock rows and tables from another connection, and tell who waits for a lock and who has had one.

A locked table is like rows that take long to find. The tests need `transaction=True`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

#: Whether any connection to the database waits for a lock.
WAITING = """
SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')
"""


@contextmanager
def another_transaction() -> Iterator[CursorWrapper]:
    """Begin a transaction on another connection, and commit it when the block ends."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            yield cursor
            cursor.execute("COMMIT")
    finally:
        other.close()


@contextmanager
def locked(model: type[Model]) -> Iterator[None]:
    """Hold up everybody who reads the table, until the block ends."""
    with another_transaction() as cursor:
        cursor.execute(f"LOCK TABLE {model._meta.db_table} IN ACCESS EXCLUSIVE MODE")
        yield


def somebody_waits() -> bool:
    """Return whether any connection to the database waits for a lock."""
    with connection.cursor() as cursor:
        # Within a transaction the database shows the same activity again.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


def last_lock(row: Model) -> str:
    """Return the id of the last transaction that has locked a row."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT xmax::text FROM {row._meta.db_table} WHERE uid = %s", [row.pk])  # noqa: S608
        return str(cursor.fetchone()[0])
