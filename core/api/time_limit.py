"""A bound on how long the database may look for something that nobody has an index for."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from core.exceptions import DomainError


class TookTooLong(DomainError):
    """The database was given up on."""

    status = 504


@contextmanager
def time_limit(seconds: float, message: str) -> Iterator[None]:
    """A block whose statements may take `seconds` each. Raises TookTooLong with `message`.

    It is a transaction of its own. Its statements are planned for their values: a plan for any value
    would read a whole table where what is asked for is rare.
    """
    inside = connection.in_atomic_block
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true), "
                "set_config('plan_cache_mode', 'force_custom_plan', true)",
                [str(int(seconds * 1000))],
            )
            yield
            if inside:  # of another transaction, as in tests: the end of the block takes nothing back
                cursor.execute(
                    "SELECT set_config('statement_timeout', '0', true), set_config('plan_cache_mode', 'auto', true)"
                )
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TookTooLong(message) from None
        raise
