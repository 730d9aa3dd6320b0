"""Let projects take turns with work that is done one row at a time."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet

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
