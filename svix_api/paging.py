"""Read pages of lists in Svix's shape, whose iterators are ids. Contract: docs/contract/svix.md#pages."""

import re
from collections.abc import Callable
from functools import reduce
from typing import Annotated, Any, Generic, TypedDict

from django.db.models import Q, QuerySet
from django.db.models.expressions import Combinable
from rest_framework.request import Request

from core.api.documents import D, Example, Row
from core.api.openapi import query
from core.api.pagination import Bytes, fitting, read_whole
from core.prefixed_ids import prefixed, uid_in
from svix_api.base import WrongFields, wrong_field

DEFAULT_LIMIT = 50
MAX_LIMIT = 250
#: The id of the rows in examples.
EXAMPLE_UID = "01JZ8QK3V7M2N4P6R8T0W2Y4A6"
#: The prefix of the iterator that leads to the previous page.
BACKWARDS = "-"

LIMIT = query(
    "limit", "Rows in a page.", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
)
ITERATOR = query("iterator", "`iterator` or `prevIterator` of another page.")


def order_parameter(default: str) -> Any:
    """Return the parameter `order` of a list."""
    schema = {"type": "string", "enum": ["ascending", "descending"], "default": default}
    return query("order", "The order of the rows by age.", schema)


class PageDocument(TypedDict, Generic[Row]):
    """A page of rows in Svix's shape."""

    data: Annotated[list[Row], "The rows of the page."]
    iterator: Annotated[str | None, "Send it to get the next page; null where there are no rows."]
    prevIterator: Annotated[str | None, "Send it to get the previous page."]
    done: Annotated[bool, Example(True), "Whether this is the last page."]


def page_example(*rows: Row, prefix: str) -> PageDocument[Row]:
    """Return an example of a page that holds `rows`, which have one id."""
    uid = EXAMPLE_UID
    return {
        "data": list(rows),
        "iterator": prefixed(prefix, uid),
        "prevIterator": f"-{prefixed(prefix, uid)}",
        "done": True,
    }


def read_page(
    request: Request,
    rows: "QuerySet[Any]",
    prefix: str,
    document: Callable[[Any], D],
    *,
    descending: bool = False,
    large: str = "",
    size: Combinable | None = None,
    within: str = "",
    by_name: bool = False,
) -> "PageDocument[D]":
    """Return the page of `rows` that a request asks for, each shown by `document`. One statement.

    `prefix` is that of the rows' ids, and `descending` the order where the request names none. `large` is a column of
    texts that may be long: the page ends before they exceed MAX_PAGE_BYTES, and a second statement reads them. Where
    several things may be long, `size` is the bytes of a row, and the second statement reads the whole rows.
    With `within`, the rows are ordered by this column first, and those of one value by their ids, as an index has them.
    With `by_name` the rows are in the order of their names, which the iterators hold in place of the ids.
    Raises WrongFields.
    """
    sent = request.query_params
    limit = _limit(sent.get("limit", str(DEFAULT_LIMIT)))
    order = sent.get("order", "descending" if descending else "ascending")
    if order not in ("ascending", "descending"):
        raise wrong_parameter("order", "must be one of ascending, descending")
    iterator = sent.get("iterator", "")
    backwards = iterator.startswith(BACKWARDS)
    text = iterator.removeprefix(BACKWARDS)
    column = "name" if by_name else "pk"
    cursor = _name_in(prefix, text) if by_name else uid_in(prefix, text)
    if iterator and not cursor:
        raise wrong_parameter("iterator", "is not an iterator of this list")
    falling = (order == "descending") != backwards
    whole = rows
    if large:
        rows = rows.defer(large).annotate(page_bytes=Bytes(large))
    elif size is not None:
        rows = rows.select_related(None).only("pk", column, *([within] if within else [])).annotate(page_bytes=size)
    sign, beyond = ("-", "lt") if falling else ("", "gt")
    if cursor:
        rows = rows.filter(_after(cursor, rows, within, beyond) if within else Q(**{f"{column}__{beyond}": cursor}))
    ordering = [f"{sign}{within}", f"{sign}pk"] if within else [f"{sign}{column}"]
    # One row more than the page shows whether there is another page.
    found = list(rows.order_by(*ordering)[: limit + 1])
    most = fitting(found, limit)
    shown = found[:most][::-1] if backwards else found[:most]
    if large:
        _read_texts(shown, large)
    elif size is not None:
        shown = read_whole(whole, [row.pk for row in shown])
    return {
        "data": [document(row) for row in shown],
        "iterator": prefixed(prefix, getattr(shown[-1], column)) if shown else iterator or None,
        "prevIterator": f"{BACKWARDS}{prefixed(prefix, getattr(shown[0], column))}" if shown else None,
        "done": len(found) <= most,
    }


def _after(cursor: str, rows: "QuerySet[Any]", within: str, beyond: str) -> Q:
    """Return the condition of the rows after a cursor, in the order of `within` and the id. Raises WrongFields."""
    place = rows.model._base_manager.filter(pk=cursor).values_list(within, flat=True).first()
    if place is None:
        raise wrong_parameter("iterator", "names no row any more: begin again without it")
    later = Q(**{f"{within}__{beyond}": place}) | Q(**{within: place, f"pk__{beyond}": cursor})
    # The first condition is implied by the second, but by it PostgreSQL finds the place in the index.
    return Q(**{f"{within}__{beyond}e": place}) & later


def _read_texts(rows: list[Any], column: str) -> None:
    """Read the texts that a page's rows were read without. One statement, or none."""
    if not rows:
        return
    texts = dict(type(rows[0])._base_manager.filter(pk__in=[row.pk for row in rows]).values_list("pk", column))
    *path, name = column.split("__")
    for row in rows:
        setattr(reduce(getattr, path, row), name, texts.get(row.pk, ""))


def with_data(page: PageDocument[Any], data: list[D]) -> PageDocument[D]:
    """Return a page with these documents in the place of its rows, for documents that are made all at once."""
    return {"data": data, "iterator": page["iterator"], "prevIterator": page["prevIterator"], "done": page["done"]}


def wrong_parameter(name: str, failure: str) -> WrongFields:
    """Return the refusal of a parameter of the query."""
    return wrong_field("query", name, failure)


def _name_in(prefix: str, text: str) -> str:
    """Return the name in an iterator; "" where it holds none."""
    return text.removeprefix(prefix) if text.startswith(prefix) and "\x00" not in text else ""


def _limit(text: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise wrong_parameter("limit", f"must be a whole number from 1 to {MAX_LIMIT}")
    return int(text)
