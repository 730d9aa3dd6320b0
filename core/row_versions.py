"""Cache values that were made of rows until the rows have another version (docs/adr/0015, docs/adr/0016)."""

from collections.abc import Callable
from typing import Any

from django.db.backends.signals import connection_created


def forget_at_new_connections(forget: Callable[[], None]) -> None:
    """Have `forget` called at each new connection.

    After a restore or a crash, a database may give the versions of its rows out again.
    """

    def receiver(**_: Any) -> None:
        forget()

    connection_created.connect(receiver, weak=False)
