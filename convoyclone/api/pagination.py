"""Cursor pages: the ids are the cursors. Contract: api-conventions section 8.

One statement a page. `perPage` is held between 1 and 1000 and `sort` is ignored
(docs/compatibility.md).
"""

from typing import Any, NamedTuple

from django.db.models import Exists, QuerySet
from rest_framework.request import Request

DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 1000
# Sorts above every ULID.
NEWEST = "~"


class Page(NamedTuple):
    """The rows of one page, newest first, and the page object's `pagination`."""

    rows: list[Any]
    pagination: dict[str, Any]


def read_page(request: Request, rows: "QuerySet[Any]") -> Page:
    """The page of `rows` that a request's query asks for."""
    query = request.query_params
    per_page = _per_page(query.get("perPage", ""))
    if query.get("direction") == "prev":
        cursor = query.get("prev_page_cursor", "")
        # One row more than the page tells whether there is a next page, one more whether there is
        # a previous one.
        ascending = list(rows.filter(pk__gte=cursor).order_by("pk")[: per_page + 2])
        has_previous = len(ascending) > per_page + 1
        found = ascending[: per_page + 1][::-1]
    else:
        cursor = query.get("next_page_cursor", "") or NEWEST
        newer = Exists(rows.filter(pk__gt=cursor).order_by())
        found = list(rows.filter(pk__lte=cursor).order_by("-pk").annotate(is_preceded=newer)[: per_page + 1])
        has_previous = bool(found) and found[0].is_preceded
    has_next = len(found) > per_page
    return Page(
        found[:per_page],
        {
            "per_page": per_page,
            "has_next_page": has_next,
            "has_prev_page": has_previous,
            "prev_page_cursor": found[0].pk if found else "",
            # Inclusive: it names the first row of the next page. One row alone has no next page.
            "next_page_cursor": found[-1].pk if len(found) > 1 else "",
        },
    )


def _per_page(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        return DEFAULT_PER_PAGE
    return min(max(number, 1), MAX_PER_PAGE)
