"""Let projects take turns with work that is done one row at a time, and do a piece of the row whose turn it is."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Model, QuerySet

logger = logging.getLogger("convoyclone.deliver")

Row = TypeVar("Row", bound=Model)


class Turns:
    """The place of one worker in the order of the projects' ids, so that each is next in its turn."""

    def __init__(self) -> None:
        self._after = ""

    def take(self, rows: "QuerySet[Row, Any]") -> Row | None:
        """Return the first of `rows`, in their order, of the next project that has any; None where there are none."""
        wanted: QuerySet[Any] = rows
        order = ("project_id", *wanted.query.order_by)
        row = wanted.filter(project_id__gt=self._after).order_by(*order).first()
        if row is None and self._after:
            row = wanted.order_by(*order).first()
        self._after = "" if row is None else row.project_id
        return row


def do_piece(
    *,
    waiting: "QuerySet[Row, Any]",
    take: Callable[[], Row | None],
    work: Callable[[Row], None],
    put_back: Callable[[Row], None],
    give_up: Callable[[Row], None],
) -> bool:
    """Do a piece of the row that `take` returns locked, in one transaction. Return whether there was one.

    `take` chooses among the rows `waiting`. Mostly there are none, and that is found out without a transaction.
    A row whose piece raises an error is given up: it would fail again, and hold up the others. Errors of the database
    are raised, and the piece is tried again; in case the row is at fault, it is put back behind the others.
    """
    if not waiting.exists():
        return False
    row: Row | None = None
    try:
        with transaction.atomic():
            row = take()
            if row is None:
                return False
            with connection.cursor() as cursor:
                # The values of a filter decide which index serves it.
                cursor.execute("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")
            work(row)
    except Exception as error:
        if row is None:
            raise
        if isinstance(error, (OperationalError, InterfaceError)):
            put_back(row)
            raise
        logger.exception("%s %s cannot be worked at", row._meta.verbose_name, row.pk)
        give_up(row)
    return True
