"""Go through the rows of a table a stretch of ids at a time, so that no statement looks at more of them."""

from typing import Any

from django.db.models import Q, QuerySet


def next_stretch(rows: "QuerySet[Any, Any]", *, after: str, length: int) -> tuple[Q, str | None]:
    """Return the condition on the ids of the next `length` of `rows` after a place, and the last of these ids.

    At the end of `rows` the id is None, and the condition has no upper bound. The caller adds conditions of its own:
    however few rows meet them, its statement looks at no more than `length`.
    """
    edge = rows.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[length - 1 : length].first()
    return Q(pk__gt=after) if edge is None else Q(pk__gt=after, pk__lte=edge), edge
