"""Read the part of a list that a request asks for. Contract: docs/contract/nahook.md#lists."""

import re
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from core.api.openapi import query
from nahook_api.base import FieldRefused

#: The rows of a list whose call has no parameters in Nahook's clients.
MOST_LISTED = 1_000
MOST_OFFSET = 100_000
Row = TypeVar("Row", bound=Model)


def limit_parameter(default: int, most: int) -> Any:
    """Return the parameter `limit` of a list."""
    return query("limit", "Rows at most.", {"type": "integer", "minimum": 1, "maximum": most, "default": default})


OFFSET = query("offset", "Rows to skip.", {"type": "integer", "minimum": 0, "maximum": MOST_OFFSET, "default": 0})


def read_rows(request: Request, rows: "QuerySet[Row]", *, default: int, most: int) -> list[Row]:
    """Return the rows that `limit` and `offset` choose. Raises InvalidInput."""
    limit = read_number(request, "limit", 1, most, default)
    offset = read_number(request, "offset", 0, MOST_OFFSET, 0)
    return list(rows[offset : offset + limit])


def read_number(request: Request, name: str, least: int, most: int, default: int) -> int:
    """Return a number of the query. Raises InvalidInput."""
    text = request.query_params.get(name, str(default))
    if not re.fullmatch("[0-9]{1,6}", text) or not least <= int(text) <= most:
        raise FieldRefused(name=name, failure=f"must be a whole number from {least} to {most}")
    return int(text)
