"""Read the part of a list that a request asks for. Contract: docs/contract/nahook.md#lists."""

import re
from collections.abc import Iterable
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.db.models.expressions import Combinable
from rest_framework.request import Request

from core.api.arrays import Array, Shown
from core.api.documents import D
from core.api.openapi import query
from core.api.pagination import fitting, read_whole
from nahook_api.base import FieldRefused

#: The rows of a list whose call has no parameters in Nahook's clients.
MOST_LISTED = 1_000
MOST_OFFSET = 100_000
Row = TypeVar("Row", bound=Model)


def limit_parameter(default: int, most: int) -> Any:
    """Return the parameter `limit` of a list."""
    return query("limit", "Rows at most.", {"type": "integer", "minimum": 1, "maximum": most, "default": default})


OFFSET = query("offset", "Rows to skip.", {"type": "integer", "minimum": 0, "maximum": MOST_OFFSET, "default": 0})


class Part(Array[Shown]):
    """The rows, or documents, of one answer. `rest` is the query for those for which it had no room."""

    @property
    def link(self) -> str:
        """Return the header `Link` that leads to the rest."""
        return f'<?{self.rest}>; rel="next"'

    def of(self, documents: Iterable[D]) -> "Part[D]":
        """Return the documents of these rows with the same rest."""
        part = Part(documents)
        part.rest = self.rest
        return part


def read_rows(request: Request, rows: "QuerySet[Row]", *, default: int, most: int, size: Combinable) -> Part[Row]:
    """Return the rows that `limit` and `offset` choose, up to MAX_PAGE_BYTES together, and at least one.

    `size` is the bytes of a row. Two statements, or one where there is none. Raises InvalidInput.
    """
    limit = read_number(request, "limit", 1, most, default)
    offset = read_number(request, "offset", 0, MOST_OFFSET, 0)
    chosen = list(rows.only("pk").annotate(page_bytes=size)[offset : offset + limit])
    ids = [row.pk for row in chosen[: fitting(chosen, limit)]]
    part = Part(read_whole(rows, ids))
    if len(ids) < len(chosen):
        part.rest = f"limit={limit - len(ids)}&offset={offset + len(ids)}"
    return part


def read_number(request: Request, name: str, least: int, most: int, default: int) -> int:
    """Return a number of the query. Raises InvalidInput."""
    text = request.query_params.get(name, str(default))
    if not re.fullmatch("[0-9]{1,6}", text) or not least <= int(text) <= most:
        raise FieldRefused(name=name, failure=f"must be a whole number from {least} to {most}")
    return int(text)
