"""Answer lists that the original does not page: plain arrays, of which each answer is bounded all the same.

Contract: docs/contract/conventions.md#arrays.
"""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

import orjson
from django.db.models import QuerySet
from rest_framework.request import Request

from core.api import pagination

#: Rows that one statement reads. They may be large, and those beyond the answer's bytes are read for nothing.
ROWS_AT_ONCE = 100

Shown = TypeVar("Shown")


class Array(list[Shown]):
    """The documents of one answer. `rest` is the id of the first row that is not among them; "" where none is."""

    rest = ""

    @property
    def link(self) -> str:
        """Return the header `Link` that leads to the rest."""
        return f'<?next_page_cursor={quote(self.rest)}>; rel="next"'


def read_array(request: Request, rows: "QuerySet[Any, Any]", document: Callable[[Any], Shown]) -> Array[Shown]:
    """Return the documents of `rows`, newest first, until they come to MAX_PAGE_BYTES; one at least.

    They begin at the request's `next_page_cursor`, where it has one.
    """
    found: Array[Shown] = Array()
    size = 0
    after = {"pk__lte": request.query_params.get("next_page_cursor", "") or pagination.NEWEST}
    while True:
        piece = list(rows.filter(**after).order_by("-pk")[:ROWS_AT_ONCE])
        for row in piece:
            shown = document(row)
            size += len(orjson.dumps(shown))
            if size > pagination.MAX_PAGE_BYTES and found:
                found.rest = row.pk
                return found
            found.append(shown)
        if len(piece) < ROWS_AT_ONCE:
            return found
        after = {"pk__lt": piece[-1].pk}
