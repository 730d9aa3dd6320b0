"""Lock a table from another connection, which is like rows that take long to find. Tell who has locked a row."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.models import Model


@contextmanager
def locked(model: type[Model]) -> Iterator[None]:
    """Hold up everybody who reads the table, until the block ends. The test needs `transaction=True`."""
    blocker = connection.copy()
    try:
        with blocker.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"LOCK TABLE {model._meta.db_table} IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        blocker.close()


def last_lock(row: Model) -> str:
    """Return the id of the last transaction that has locked a row. The test needs `transaction=True`."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT xmax::text FROM {row._meta.db_table} WHERE uid = %s", [row.pk])  # noqa: S608
        return str(cursor.fetchone()[0])
