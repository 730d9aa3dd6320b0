"""Read pages of lists, whose cursors are ids. Contract: docs/contract/conventions.md#pages.

Each page takes one statement. `perPage` is kept between 1 and 1000. Only the lists of events and deliveries honour
`sort` (docs/compatibility.md).
"""

from typing import Any, NamedTuple

from django.db.models import Exists, QuerySet
from rest_framework.request import Request

from core.api.documents import D, PageOf, Pagination

DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 1000
# Sorts above every ULID.
NEWEST = "~"


class Page(NamedTuple):
    """The rows of one page, in their order, and the page object's `pagination`."""

    rows: list[Any]
    pagination: Pagination

    def of(self, documents: list[D]) -> PageOf[D]:
        """Return the page object whose rows are shown as `documents`."""
        return {"content": documents, "pagination": self.pagination}


def read_page(
    request: Request, rows: "QuerySet[Any]", *, sortable: bool = False, default: int = DEFAULT_PER_PAGE
) -> Page:
    """Return the page of `rows` that a request asks for: newest first unless, where `sortable`, it has `sort=ASC`.

    `default` is the number of rows where the request names none.
    """
    query = request.query_params
    per_page = _per_page(query.get("perPage", ""), default)
    ascending = sortable and query.get("sort", "").strip().upper() == "ASC"
    oldest_first, newest_first = ("", "pk", "gte", "lt"), (NEWEST, "-pk", "lte", "gt")
    start, order, onwards, before = oldest_first if ascending else newest_first
    if query.get("direction") == "prev":
        start, order, backwards, _ = newest_first if ascending else oldest_first
        cursor = query.get("prev_page_cursor", "")
        # One row more than the page shows whether there is a next page, a second one whether there is a previous one.
        read = list(rows.filter(**{f"pk__{backwards}": cursor or start}).order_by(order)[: per_page + 2])
        # As in the original, nothing comes before a page that no cursor names.
        has_previous = bool(cursor) and len(read) > per_page + 1
        found = read[: per_page + 1][::-1]
    else:
        cursor = query.get("next_page_cursor", "") or start
        preceding = Exists(rows.filter(**{f"pk__{before}": cursor}).order_by())
        following = rows.filter(**{f"pk__{onwards}": cursor}).order_by(order)
        found = list(following.annotate(is_preceded=preceding)[: per_page + 1])
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


def _per_page(text: str, default: int) -> int:
    try:
        number = int(text)
    except ValueError:
        return default
    return min(max(number, 1), MAX_PER_PAGE)
