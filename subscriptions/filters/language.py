"""Read and check conditions. A filter may come from a stranger, so everything in it is bounded."""

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

from core.json_text import json_text
from core.waiting import in_turn
from subscriptions.exceptions import FilterRefused, LogicWithoutList, UnknownOperator

SCOPES = ("body", "headers", "query", "path")
LOGIC = ("$or", "$and")
OPERATORS = ("$eq", "$neq", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$regex", "$exist")

# Bounds of one scope of a filter.
MAX_CONDITIONS = 500
#: As JSON. Every event that may concern a subscription reads its conditions.
MAX_BYTES = 65_536
MAX_VALUES = 10_000
MAX_DEPTH = 32
MAX_KEY = 512
MAX_SEGMENTS = 32
MAX_TEXT = 10_000
MAX_PATTERN = 1_000
MAX_WILDCARDS = 3

PATTERN_MEMORY = 1 << 20
#: In one pattern. Reading a class such as `\pL` takes as long as CLASS_COST characters.
MAX_CLASSES = 64
CLASS_COST = 512
#: Of all patterns of one request, which then take some 0.2 seconds of CPU.
MAX_PATTERNS_COST = 600_000

ORDER = ("$gt", "$gte", "$lt", "$lte")
# A longer text, or one with a longer exponent, is not a number.
MAX_NUMBER = 400
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")

#: A key: the segments between its wildcards.
Path = tuple[tuple[str, ...], ...]


class Patterns:
    """The cost of patterns that is left to one request. It counts kept patterns too, so that it is always the same."""

    def __init__(self, cost: int = MAX_PATTERNS_COST) -> None:
        self.cost = cost

    def check(self, pattern: str) -> None:
        """Compile a pattern. Raises FilterRefused where it is not valid, or costs more than is left."""
        self._spend(reading_cost(pattern))
        with in_turn():
            size = int(compile_pattern(pattern).programsize)
        self._spend(size)

    def _spend(self, cost: int) -> None:
        self.cost -= cost
        if self.cost < 0:
            raise FilterRefused("the patterns of $regex are too large together")


def check(conditions: dict[str, Any], *, wildcards: bool = True, patterns: Patterns | None = None) -> None:
    """Raise FilterRefused for conditions of one scope that may not be saved.

    `wildcards=False` refuses `$.` in keys, as for headers, query and path
    (docs/contract/subscriptions.md#filter-scopes). `patterns` is what all filters of a request share.
    """
    check_evaluable(conditions, wildcards=wildcards, saving=True, patterns=patterns)
    if len(json_text(conditions).encode()) > MAX_BYTES:
        raise FilterRefused(f"a filter may have at most {MAX_BYTES} bytes in each of its scopes")


def check_can_match(conditions: dict[str, Any]) -> None:
    """Raise FilterRefused where one of the conditions, which `check` accepts, holds for no value at all.

    Its author has meant another one, and would wait for events that never come.
    """
    for key, operand in leaves(conditions):
        if key in LOGIC:
            if not operand and key == "$or":
                raise FilterRefused("an empty $or never matches")
            for part in operand:
                check_can_match(part)
        elif isinstance(operand, list):
            raise FilterRefused(
                f"the bare array of {key[:100]} never matches: write "
                '{"$in": [...]} for a value that is in the array, {"$eq": [...]} for the same array, '
                "or a bare value for an array that contains it"
            )
        elif isinstance(operand, dict):
            if all(isinstance(item, list) for item in operand.get("$in", [None])):
                raise FilterRefused("an $in with an empty array, or with nothing but arrays in it, never matches")
            if name := next((name for name in ORDER if name in operand and not is_number(operand[name])), None):
                raise FilterRefused(f"the value of {name} must be a number or a text of one, else it never matches")


def flatten(conditions: dict[str, Any]) -> dict[str, Any]:
    """Return conditions that `check` accepts with dotted keys for nested objects; operators stay as they are."""
    return {
        key: [flatten(part) for part in operand] if key in LOGIC else operand for key, operand in leaves(conditions)
    }


# Parts of conditions


def _is_operator(key: str) -> bool:
    return key.startswith("$") and key != "$" and not key.startswith("$.")


def leaves(conditions: dict[str, Any], prefix: str | None = None) -> Iterator[tuple[str, Any]]:
    """Yield each condition as a dotted key and a literal, or the object of its operators; `$or`, `$and` as they are.

    An object that has operators and other keys is about a field and about the members of its value.
    """
    for key, operand in conditions.items():
        path = key if prefix is None else f"{prefix}.{key}"
        if not isinstance(operand, dict) or not operand or path in LOGIC:
            yield path, operand
            continue
        inner = {name: value for name, value in operand.items() if not _is_operator(name)}
        if len(inner) < len(operand):
            yield path, {name: value for name, value in operand.items() if _is_operator(name)}
        if inner:
            yield from leaves(inner, path)


@lru_cache(maxsize=4096)
def parse_key(key: str) -> Path:
    """Split a key into the segments between its wildcards: `a.b.$.c` is (("a", "b"), ("c",)). Raises FilterRefused."""
    if len(key) > MAX_KEY or key.count(".") >= MAX_SEGMENTS:
        raise FilterRefused(f"a key is longer than {MAX_KEY} characters or {MAX_SEGMENTS} segments")
    segments = key.split(".")
    parts: list[list[str]] = [[]]
    for segment in segments:
        if segment == "$":
            parts.append([])
        elif segment.startswith("$"):
            if segment in OPERATORS or segment in LOGIC:
                raise FilterRefused(f"the operator {segment} is misplaced")
            raise UnknownOperator(name=segment[:40])
        else:
            parts[-1].append(segment)
    if segments[-1] == "$":
        raise FilterRefused("invalid filter syntax, found trailing $")
    if len(parts) - 1 > MAX_WILDCARDS:
        raise FilterRefused(f"too many segments, expected at most {MAX_WILDCARDS} but got {len(parts) - 1}")
    return tuple(tuple(part) for part in parts)


def reading_cost(pattern: str) -> int:
    """Return the cost of reading a pattern, in which classes of Unicode's characters are long lists."""
    return len(pattern) + CLASS_COST * _classes(pattern)


def _classes(pattern: str) -> int:
    return pattern.count("\\p") + pattern.count("\\P")


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Any:
    """Compile a pattern in the syntax of RE2, which searches in linear time. Raises FilterRefused."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = PATTERN_MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise FilterRefused(f"the pattern of $regex is not valid: {text}") from None


# Checks


def check_evaluable(conditions: Any, *, wildcards: bool, saving: bool, patterns: Patterns | None = None) -> None:
    """Raise FilterRefused for conditions that cannot be evaluated or, with `saving`, may not be saved."""
    _check_size(conditions)
    seen = _check_conditions(conditions, patterns or Patterns(), wildcards=wildcards, saving=saving)
    if seen > MAX_CONDITIONS:
        raise FilterRefused(f"a filter has at most {MAX_CONDITIONS} conditions")


def _check_size(conditions: Any) -> None:
    """Bound the depth and the number of values, before the other checks walk them by recursion."""
    left = MAX_VALUES
    level = [conditions]
    for _ in range(MAX_DEPTH + 1):
        left -= len(level)
        if left < 0:
            raise FilterRefused(f"a filter has at most {MAX_VALUES} values")
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, list):
                below.extend(value)
            elif isinstance(value, dict):
                for key in value:
                    _check_text(key)
                below.extend(value.values())
        if not below:
            return
        level = below
    raise FilterRefused(f"a filter is at most {MAX_DEPTH} levels deep")


def _check_text(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise FilterRefused(f"a text in a filter has at most {MAX_TEXT} characters")
    if "\0" in text:
        raise FilterRefused("a filter must not contain the character NUL")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise FilterRefused("a filter must not contain half a surrogate pair")


def _check_conditions(conditions: Any, patterns: Patterns, *, wildcards: bool, saving: bool) -> int:
    """Count the conditions."""
    if not isinstance(conditions, dict):
        raise FilterRefused("a filter must be an object")
    count = 0
    keys: set[str] = set()
    for key, operand in leaves(conditions):
        count += 1
        if key in keys:
            raise FilterRefused(f"the key {key[:100]} is there twice, as a dotted key and as nested objects")
        keys.add(key)
        if key in LOGIC:
            if not isinstance(operand, list):
                raise LogicWithoutList
            count += sum(_check_conditions(part, patterns, wildcards=wildcards, saving=saving) for part in operand)
            continue
        if len(parse_key(key)) > 1 and not wildcards:
            raise FilterRefused("the wildcard $ is for the body only")
        if isinstance(operand, dict):
            for name, value in operand.items():
                _check_operator(name, value, patterns, saving=saving)
    return count


def _check_operator(name: str, operand: Any, patterns: Patterns, *, saving: bool) -> None:
    if name in LOGIC:
        raise FilterRefused(f"{name} must stand at the top, or inside another $or or $and, not under a field")
    if name not in OPERATORS:
        raise UnknownOperator(name=name[:40])
    if name == "$exist" and not isinstance(operand, bool):
        raise FilterRefused("the value of $exist must be true or false")
    if name in ("$in", "$nin") and not isinstance(operand, list) and (saving or isinstance(operand, dict)):
        raise FilterRefused(f"the value of {name} must be an array; a field that is an array contains a bare value")
    if name == "$regex":
        if not isinstance(operand, str):
            raise FilterRefused("the value of $regex must be a string")
        if len(operand) > MAX_PATTERN:
            raise FilterRefused(f"the pattern of $regex has at most {MAX_PATTERN} characters")
        if _classes(operand) > MAX_CLASSES:
            raise FilterRefused(f"the pattern of $regex has at most {MAX_CLASSES} classes such as \\pL")
        patterns.check(operand)


def is_number(value: Any) -> bool:
    """Return whether conditions compare a value as a number: one, or a text that is one in plain decimals."""
    if isinstance(value, str):
        return len(value) <= MAX_NUMBER and NUMBER.fullmatch(value) is not None
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
