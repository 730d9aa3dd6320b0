"""Lock a table from another connection: to who reads it, that is like rows that take long to find."""

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
