"""Read pages of lists in Svix's shape, whose iterators are ids. Contract: docs/contract/svix.md#pages."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypedDict

from django.db.models import QuerySet
from rest_framework.request import Request

from core.api.documents import D, Example, Row
from core.api.openapi import query
from core.prefixed_ids import prefixed, uid_in
from svix_api.base import FailureDocument, WrongFields

DEFAULT_LIMIT = 50
MAX_LIMIT = 250
#: The id of the rows in examples.
EXAMPLE_UID = "01JZ8QK3V7M2N4P6R8T0W2Y4A6"
#: Before the iterator of the page before.
BACKWARDS = "-"

LIMIT = query(
    "limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}, "Rows in a page."
)
ITERATOR = query("iterator", {"type": "string"}, "`iterator` or `prevIterator` of another page.")


def order_parameter(default: str) -> Any:
    """Return the parameter `order` of a list."""
    schema = {"type": "string", "enum": ["ascending", "descending"], "default": default}
    return query("order", schema, "The order of the rows by age.")


class PageDocument(TypedDict, Generic[Row]):
    """A page of rows in Svix's shape."""

    data: Annotated[list[Row], "The rows of the page."]
    iterator: Annotated[str | None, "Send it to get the next page; null where there are no rows."]
    prevIterator: Annotated[str | None, "Send it to get the page before."]
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
) -> "PageDocument[D]":
    """Return the page of `rows` that a request asks for, each shown by `document`. One statement.

    `prefix` is that of the rows' ids, and `descending` the order where the request names none. Raises WrongFields.
    """
    sent = request.query_params
    limit = _limit(sent.get("limit", str(DEFAULT_LIMIT)))
    order = sent.get("order", "descending" if descending else "ascending")
    if order not in ("ascending", "descending"):
        raise wrong_parameter("order", "must be one of ascending, descending")
    iterator = sent.get("iterator", "")
    backwards = iterator.startswith(BACKWARDS)
    cursor = uid_in(prefix, iterator.removeprefix(BACKWARDS))
    if iterator and not cursor:
        raise wrong_parameter("iterator", "is not an iterator of this list")
    falling = (order == "descending") != backwards
    if cursor:
        rows = rows.filter(**{"pk__lt" if falling else "pk__gt": cursor})
    # One row more than the page shows whether there is another page.
    found = list(rows.order_by("-pk" if falling else "pk")[: limit + 1])
    shown = found[:limit][::-1] if backwards else found[:limit]
    return {
        "data": [document(row) for row in shown],
        "iterator": prefixed(prefix, shown[-1].pk) if shown else iterator or None,
        "prevIterator": f"{BACKWARDS}{prefixed(prefix, shown[0].pk)}" if shown else None,
        "done": len(found) <= limit,
    }


def wrong_parameter(name: str, failure: str) -> WrongFields:
    """Return the refusal of a parameter of the query."""
    detail: FailureDocument = {"loc": ["query", name], "msg": failure, "type": "value_error"}
    return WrongFields([detail])


def _limit(text: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise wrong_parameter("limit", f"must be a whole number from 1 to {MAX_LIMIT}")
    return int(text)
