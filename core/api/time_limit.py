"""Bound the time that the database may take for a search that no index answers."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from core.exceptions import DomainError
from core.postgres.base import waiting


class TookTooLong(DomainError):
    """The database took too long, and the search was given up."""

    status = 504


@contextmanager
def time_limit(seconds: float, message: str) -> Iterator[None]:
    """Let each statement of a block take `seconds` at most. Raises TookTooLong with `message`.

    The block is a transaction of its own. Its statements are planned for their values: PostgreSQL's plan for any value
    would read the whole table where the value searched for is rare.
    """
    inside = connection.in_atomic_block
    try:
        with waiting(seconds), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true), "
                "set_config('plan_cache_mode', 'force_custom_plan', true)",
                [str(int(seconds * 1000))],
            )
            yield
            if inside:  # another transaction, as in tests: the end of the block does not reset the settings
                cursor.execute(
                    "SELECT set_config('statement_timeout', '0', true), set_config('plan_cache_mode', 'auto', true)"
                )
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TookTooLong(message) from None
        raise
