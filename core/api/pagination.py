"""Read pages of lists, whose cursors are ids. Contract: docs/contract/conventions.md#pages.

Each page takes one statement. `perPage` is kept between 1 and 1000. Only the lists of events and deliveries honour
`sort` (docs/compatibility.md).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from django.db.models import Exists, Func, IntegerField, Model, QuerySet
from django.db.models.expressions import Combinable
from rest_framework.request import Request

from core.api.documents import D, PageOf, Pagination
from core.rows import read_rows

R = TypeVar("R", bound=Model)

DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 1000
#: The bytes of the rows' large members beyond which a page ends early. A page has one row at least.
MAX_PAGE_BYTES = 4 * 1024 * 1024
#: The first rows of a page whose documents are made together, to learn their size.
MEASURED_AT_ONCE = 100
# Sorts above every ULID.
NEWEST = "~"
#: The cursors before which no row stands: that of the oldest first, and that of the newest first.
BEGINNINGS = ("", NEWEST)
_LOOKUPS = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}


class Page(NamedTuple):
    """The rows of one page, in their order, and the page object's `pagination`."""

    rows: list[Any]
    pagination: Pagination
    #: Whether the rows were read from their end, with `direction=prev`.
    is_backwards: bool = False

    def of(self, documents: list[D]) -> PageOf[D]:
        """Return the page object whose rows are shown as `documents`."""
        return {"content": documents, "pagination": self.pagination}

    def measured(self, documents: Callable[[Sequence[Any]], Iterable[tuple[D, int]]]) -> PageOf[D]:
        """Return the page object of the rows whose documents come to MAX_PAGE_BYTES, and of one row at least.

        For documents that hold what is not in their rows, so that no column tells their size. `documents` makes those
        of a part of the rows, each with its bytes: of MEASURED_AT_ONCE first, and then of four times as many each time.
        """
        rows = self._from_cursor()
        made: list[D] = []
        left, at_once, begun = MAX_PAGE_BYTES, MEASURED_AT_ONCE, 0
        while begun < len(rows):
            for document, size in documents(rows[begun : begun + at_once]):
                left -= size
                if left < 0 and made:
                    return self._ended(rows, made)
                made.append(document)
            begun, at_once = begun + at_once, at_once * 4
        by_id = dict(zip((row.pk for row in rows), made, strict=True))
        return self.of([by_id[row.pk] for row in self.rows])

    def _from_cursor(self) -> list[Any]:
        """Return the rows in the order in which they are left out: the last ones first.

        Read backwards, the row of the cursor stands after the page, and is on it where there is room.
        """
        if not self.is_backwards:
            return self.rows
        rows = self.rows[::-1]
        return [*rows[1:], rows[0]] if self._holds_cursor else rows

    @property
    def _holds_cursor(self) -> bool:
        return len(self.rows) > 1 and self.rows[-1].pk == self.pagination["next_page_cursor"]

    def _ended(self, rows: list[Any], made: list[D]) -> PageOf[D]:
        """Return the page object of the documents `made` of the first of `rows`, beyond which the page has no room."""
        at: Pagination = {**self.pagination, "has_next_page": True}
        if not self.is_backwards:
            return {"content": made, "pagination": {**at, "next_page_cursor": rows[len(made)].pk}}
        at["has_prev_page"] = at["has_prev_page"] or len(made) < len(rows) - self._holds_cursor
        return {"content": made[::-1], "pagination": {**at, "prev_page_cursor": rows[len(made) - 1].pk}}

    def read(self, rows: "QuerySet[Any]") -> list[Any]:
        """Return the rows of this page as another queryset reads them. One statement, or none."""
        return read_whole(rows, [row.pk for row in self.rows])


class Bytes(Func):
    """The bytes of a text or of what is encrypted, which PostgreSQL knows without reading it; 0 for NULL."""

    template = "coalesce(octet_length(%(expressions)s), 0)"
    output_field = IntegerField()


class JsonBytes(Func):
    """The bytes of a JSON or array column's text; 0 for NULL."""

    template = "coalesce(octet_length((%(expressions)s)::text), 0)"
    output_field = IntegerField()


class Written(NamedTuple):
    """A list whose statement is written out: the ORM would compile it for each request (docs/adr/0003).

    `source` is what follows FROM, with the conditions that every row meets and placeholders for `parameters`. The table
    of the rows is `l` in it. `make` makes a row, which has a `pk`, of the values of `columns`. These may ask for the
    rows before theirs by the window `w` (`up_to_page`).
    """

    columns: str
    source: str
    parameters: Sequence[Any]
    make: Callable[[Sequence[Any]], Any]

    def read(self, comparison: str, cursor: str, order: str, count: int, before: str = "") -> tuple[list[Any], bool]:
        """Read rows, and tell whether a row stands `before` the cursor, as the function of a queryset does."""
        columns, parameters = f"{self.columns}, false", [*self.parameters, cursor]
        if before:
            is_preceded = f"EXISTS (SELECT 1 FROM {self.source} AND l.uid {before} %s)"  # noqa: S608 - our own texts
            columns = f"{self.columns}, {is_preceded}"
            parameters = [*parameters, *parameters]
        # The limit is inside, so that the window has no more rows than that, and large columns are not read for it.
        limited = f"SELECT l.* FROM {self.source} AND l.uid {comparison} %s ORDER BY l.uid {order} LIMIT {count}"  # noqa: S608
        ordered = f"WINDOW w AS (ORDER BY l.uid {order} ROWS UNBOUNDED PRECEDING) ORDER BY l.uid {order}"
        rows = read_rows(f"SELECT {columns} FROM ({limited}) l {ordered}", parameters)  # noqa: S608 - our own texts
        return [self.make(row[:-1]) for row in rows], bool(rows) and rows[0][-1]


def up_to_page(column: str, size: str) -> str:
    """Return SQL for a column of Written, NULL in rows beyond those whose `size`, SQL for bytes, fills a page.

    The first two rows have it always: where a page is read backwards, the first row is not on it.
    """
    return f"CASE WHEN row_number() OVER w <= 2 OR sum({size}) OVER w <= {MAX_PAGE_BYTES} THEN {column} END"


def read_page(
    request: Request,
    rows: "QuerySet[Any] | Written",
    *,
    sortable: bool = False,
    default: int = DEFAULT_PER_PAGE,
    size: Combinable | None = None,
) -> Page:
    """Return the page of `rows` that a request asks for: newest first unless, where `sortable`, it has `sort=ASC`.

    `default` is the number of rows where the request names none. With `size`, the bytes of a row, the page ends before
    it exceeds MAX_PAGE_BYTES; `rows` should then be without what is large, which is read by Page.read() afterwards.
    """
    read = (
        rows.read
        if isinstance(rows, Written)
        else partial(_read, rows if size is None else rows.annotate(page_bytes=size))
    )
    query = request.query_params
    per_page = _per_page(query.get("perPage", ""), default)
    ascending = sortable and query.get("sort", "").strip().upper() == "ASC"
    oldest_first, newest_first = ("", "ASC", ">=", "<"), (NEWEST, "DESC", "<=", ">")
    start, order, onwards, before = oldest_first if ascending else newest_first
    if query.get("direction") == "prev":
        start, order, backwards, _ = newest_first if ascending else oldest_first
        cursor = query.get("prev_page_cursor", "")
        # One row more than the page shows whether there is a next page, a second one whether there is a previous one.
        found, _ = read(backwards, cursor or start, order, per_page + 2)
        # The first row read is the cursor's, which stands after the page.
        shown = fitting(found[1:], per_page)
        # As in the original, nothing comes before a page that no cursor names.
        has_previous = bool(cursor) and len(found) > shown + 1
        found = found[: shown + 1][::-1]
    else:
        cursor = query.get("next_page_cursor", "") or start
        # Nothing stands before a list's own beginning, which saves the question.
        asked = "" if cursor in BEGINNINGS else before
        found, has_previous = read(onwards, cursor, order, per_page + 1, asked)
        shown = fitting(found, per_page)
        found = found[: shown + 1]
    has_next = len(found) > shown
    return Page(
        found[:shown],
        {
            "per_page": per_page,
            "has_next_page": has_next,
            "has_prev_page": has_previous,
            "prev_page_cursor": found[0].pk if found else "",
            # Inclusive: it names the first row of the next page. One row alone has no next page.
            "next_page_cursor": found[-1].pk if len(found) > 1 else "",
        },
        query.get("direction") == "prev",
    )


def _read(
    rows: "QuerySet[Any]", comparison: str, cursor: str, order: str, count: int, before: str = ""
) -> tuple[list[Any], bool]:
    """Read the first `count` rows on one side of the cursor, and tell whether a row stands `before` it."""
    following = rows.filter(**{f"pk__{_LOOKUPS[comparison]}": cursor}).order_by("pk" if order == "ASC" else "-pk")
    if before:
        preceding = rows.filter(**{f"pk__{_LOOKUPS[before]}": cursor}).order_by()
        following = following.annotate(is_preceded=Exists(preceding))
    found = list(following[:count])
    return found, bool(before and found) and found[0].is_preceded


def read_whole(rows: "QuerySet[R]", ids: Sequence[str]) -> list[R]:
    """Return the rows of these ids in their order, without those that have gone. One statement, or none."""
    if not ids:
        return []
    found = {row.pk: row for row in rows.order_by().filter(pk__in=ids)}
    return [found[uid] for uid in ids if uid in found]


def fitting(rows: list[Any], per_page: int) -> int:
    """Return the number of rows of a page: `per_page`, or fewer where these would be too large."""
    total = 0
    for count, row in enumerate(rows[:per_page]):
        total += getattr(row, "page_bytes", 0)
        if total > MAX_PAGE_BYTES and count:
            return count
    return per_page


def _per_page(text: str, default: int) -> int:
    try:
        number = int(text)
    except ValueError:
        return default
    return min(max(number, 1), MAX_PER_PAGE)
