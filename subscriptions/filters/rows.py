"""Read conditions as rows of a form, and write them back: a field, a comparison and a value each.

Rows hold conditions of one scope that are flat: all of them, or any of them. Whatever rows cannot hold exactly is
left to JSON: to_rows() returns None.
"""

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from core.json_text import json_text
from subscriptions.exceptions import FilterRefused
from subscriptions.filters.language import LOGIC, leaves
from subscriptions.filters.matching import NUMBER


class Comparison(StrEnum):
    """The comparisons of a row. CONTAINS is `$regex` with a pattern that stands for itself."""

    IS = "is"
    IS_NOT = "is_not"
    ONE_OF = "one_of"
    NONE_OF = "none_of"
    AT_LEAST = "at_least"
    MORE_THAN = "more_than"
    AT_MOST = "at_most"
    LESS_THAN = "less_than"
    CONTAINS = "contains"
    MATCHES = "matches"
    THERE = "there"
    NOT_THERE = "not_there"


OPERATORS: dict[Comparison, str] = {
    Comparison.IS: "$eq",
    Comparison.IS_NOT: "$neq",
    Comparison.ONE_OF: "$in",
    Comparison.NONE_OF: "$nin",
    Comparison.AT_LEAST: "$gte",
    Comparison.MORE_THAN: "$gt",
    Comparison.AT_MOST: "$lte",
    Comparison.LESS_THAN: "$lt",
    Comparison.CONTAINS: "$regex",
    Comparison.MATCHES: "$regex",
    Comparison.THERE: "$exist",
    Comparison.NOT_THERE: "$exist",
}
LISTS = (Comparison.ONE_OF, Comparison.NONE_OF)
ORDERS = (Comparison.AT_LEAST, Comparison.MORE_THAN, Comparison.AT_MOST, Comparison.LESS_THAN)
WITHOUT_VALUE = (Comparison.THERE, Comparison.NOT_THERE)
_PLAIN = {
    operator: comparison
    for comparison, operator in OPERATORS.items()
    if comparison not in (Comparison.CONTAINS, Comparison.MATCHES, *WITHOUT_VALUE)
}

_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
#: A longer text is not tried as a number.
MAX_DIGITS = 100
#: One value of a list: a text in quotes, or anything up to the next comma.
_ITEM = re.compile(r'\s*+("(?:[^"\\]|\\.)*+"(?=\s*+(?:,|$))|[^,]*+)\s*+(?:,|$)')
_WORDS = {"true": True, "false": False, "null": None}


class Row(NamedTuple):
    """One condition. `value` is the text of a form's field."""

    field: str
    comparison: Comparison
    value: str = ""


class Rows(NamedTuple):
    """The conditions of one scope, of which all must hold or, with `is_any`, one."""

    rows: Sequence[Row]
    is_any: bool = False


class RowRefused(FilterRefused):
    """A row that makes no condition."""

    def __init__(self, index: int, message: str) -> None:
        """Take the number of the row, from 0, and the reason."""
        super().__init__(message)
        self.index = index


def to_rows(conditions: dict[str, Any]) -> Rows | None:
    """Return the rows of valid conditions, or None where no rows mean exactly the same."""
    parts: list[dict[str, Any]]
    match conditions:
        case {"$or": parts, **others} if not others and len(parts) > 1:
            found, is_any = [_single(part) for part in parts], True
        case {"$and": parts, **others} if not others:
            found, is_any = [_single(part) for part in parts], False
        case _:
            found, is_any = [_rows_of(key, operand) for key, operand in leaves(conditions)], False
    if any(rows is None for rows in found):
        return None
    read = Rows([row for rows in found for row in rows or []], is_any)
    return read if _canonical(to_conditions(read)) == _canonical(conditions) else None


def to_conditions(rows: Rows) -> dict[str, Any]:
    """Return the conditions of some rows; {} for none. Raises RowRefused."""
    written = [(row.field, OPERATORS[row.comparison], _operand(index, row)) for index, row in enumerate(rows.rows)]
    single = [{field: _short({operator: value})} for field, operator, value in written]
    if rows.is_any and len(single) > 1:
        return {"$or": single}
    if len({(field, operator) for field, operator, _ in written}) < len(written):
        # One field twice under one operator.
        return {"$and": single}
    merged: dict[str, dict[str, Any]] = {}
    for field, operator, value in written:
        merged.setdefault(field, {})[operator] = value
    return {field: _short(operators) for field, operators in merged.items()}


# From conditions to rows


def _single(part: dict[str, Any]) -> list[Row] | None:
    """Return the row of an object with one condition, or None for any other."""
    found = list(leaves(part))
    rows = _rows_of(*found[0]) if len(found) == 1 else None
    return rows if rows is not None and len(rows) == 1 else None


def _rows_of(key: str, operand: Any) -> list[Row] | None:
    """Return the rows of one field's condition, one for each operator."""
    if key in LOGIC:
        return None
    if not isinstance(operand, dict):
        operand = {"$eq": operand}
    rows = [_row(key, operator, value) for operator, value in operand.items()]
    return [row for row in rows if row is not None] if rows and all(rows) else None


def _row(key: str, operator: str, value: Any) -> Row | None:
    if operator == "$exist":
        return Row(key, Comparison.THERE if value else Comparison.NOT_THERE)
    if operator == "$regex":
        literal = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        is_literal = _escaped(literal) == value
        return Row(key, Comparison.CONTAINS, literal) if is_literal else Row(key, Comparison.MATCHES, value)
    comparison = _PLAIN[operator]
    if comparison in LISTS:
        if not isinstance(value, list) or not value or any(isinstance(item, (dict, list)) for item in value):
            return None
        return Row(key, comparison, ", ".join(text_of(item, in_list=True) for item in value))
    return None if isinstance(value, (dict, list)) else Row(key, comparison, text_of(value))


def _canonical(conditions: dict[str, Any]) -> str:
    """Return conditions in a form that is the same for those of one meaning, as far as rows go."""
    match conditions:
        case {"$and": parts, **others} if not others:
            merged = [leaf for part in parts for leaf in leaves(part)]
            if len({key for key, _ in merged}) == len(merged):
                return _canonical(dict(merged))
    return json.dumps(
        {
            key: [json.loads(_canonical(part)) for part in operand] if key in LOGIC else _short(operand)
            for key, operand in leaves(conditions)
        },
        sort_keys=True,
    )


def _short(operand: Any) -> Any:
    """Return the value alone where an operand asks for equality with a plain value."""
    match operand:
        case {"$eq": value, **others} if not others and not isinstance(value, (dict, list)):
            return value
    return operand


# From rows to conditions


def _operand(index: int, row: Row) -> Any:
    """Return the value of a row's operator. Raises RowRefused."""
    if not row.field.strip():
        raise RowRefused(index, "a condition needs a field")
    if row.field.startswith("$") and not row.field.startswith("$."):
        raise RowRefused(index, "the name of a field does not begin with $")
    if row.comparison in WITHOUT_VALUE:
        return row.comparison is Comparison.THERE
    if row.comparison is Comparison.CONTAINS:
        return _escaped(row.value)
    if row.comparison is Comparison.MATCHES:
        return row.value
    if row.comparison in LISTS:
        return list(values_of(row.value))
    value = value_of(row.value)
    if row.comparison in ORDERS and not _is_number(value):
        raise RowRefused(index, "this comparison needs a number")
    return value


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return NUMBER.fullmatch(value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def values_of(text: str) -> Iterator[Any]:
    """Yield the values of a list, which commas separate in its text."""
    at = 0
    while at < len(text):
        found = _ITEM.match(text, at)
        if found is None:
            break
        if text_found := found[1].rstrip():
            yield value_of(text_found)
        at = max(found.end(), at + 1)


def _escaped(text: str) -> str:
    """Return the pattern, in the syntax of RE2, that finds exactly this text."""
    return _SPECIAL.sub(lambda found: "\\" + found[0], text)


# The text of a value


def value_of(text: str) -> Any:
    """Return the value that a text in a form stands for: a number, true, false, null, or else a text.

    A text in double quotes is a JSON string, so that "100" can be compared as a text.
    """
    text = text.strip()
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    if _JSON_NUMBER.fullmatch(text):
        try:
            number = orjson.loads(text) if len(text) < MAX_DIGITS else None
        except orjson.JSONDecodeError:
            return text
        # A number that floats cannot hold exactly stays a text, which is compared by its value too.
        if number is not None and Decimal(repr(number)) == Decimal(text):
            return number
    return text


def text_of(value: Any, *, in_list: bool = False) -> str:
    """Return the text from which value_of() reads a plain value."""
    if not isinstance(value, str):
        return json_text(value)
    is_plain = value_of(value) == value and isinstance(value_of(value), str) and value == value.strip()
    if is_plain and not (in_list and ("," in value or not value or value.startswith('"'))):
        return value
    return json_text(value)
