"""Answer lists that the original does not page, as plain arrays of a bounded size.

Contract: docs/contract/conventions.md#arrays.
"""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from django.db.models import F, Q, QuerySet, Sum, Window
from django.db.models.expressions import Combinable
from django.db.models.functions import Lead, RowNumber
from rest_framework.request import Request

from core.api import pagination
from core.json_text import json_text

Shown = TypeVar("Shown")


class Array(list[Shown]):
    """The documents of one answer. `rest` is the id of the first row that is not among them; "" where there is none."""

    rest = ""

    @property
    def link(self) -> str:
        """Return the header `Link` that leads to the rest."""
        return f'<?next_page_cursor={quote(self.rest)}>; rel="next"'


def read_array(
    request: Request,
    rows: "QuerySet[Any, Any]",
    document: Callable[[Any], Shown],
    *,
    size: Combinable,
    is_oldest_first: bool = False,
    grows: bool = False,
) -> Array[Shown]:
    """Return the documents of `rows`, newest first, up to MAX_PAGE_BYTES together, and at least one. One statement.

    They begin at the request's `next_page_cursor`, where it has one. `size` is the bytes of a row, as for a page. Where
    a document can be much larger than that (`grows`), it is measured too.
    """
    beginning = request.query_params.get("next_page_cursor", "")
    if is_oldest_first:
        rows, order = rows.filter(pk__gte=beginning), F("pk").asc()
    else:
        rows, order = rows.filter(pk__lte=beginning or pagination.NEWEST), F("pk").desc()
    found = list(
        rows.annotate(
            number=Window(RowNumber(), order_by=order),
            together=Window(Sum(size), order_by=order),
            following=Window(Lead("pk"), order_by=order),
        )
        .filter(Q(together__lte=pagination.MAX_PAGE_BYTES) | Q(number=1))
        .order_by(order)
    )
    documents: Array[Shown] = Array()
    left = pagination.MAX_PAGE_BYTES
    for row in found:
        shown = document(row)
        left -= len(json_text(shown)) if grows else 0
        if left < 0 and documents:
            documents.rest = row.pk
            return documents
        documents.append(shown)
    if found:
        documents.rest = found[-1].following or ""
    return documents
