"""The filter language: conditions on an event's body, headers, query and path.

Contract: subscriptions-and-event-types part C; for users, docs/filters.md. Nothing here knows a
database. A filter and a payload may both come from strangers, so each is walked under a bound.
"""

import logging
import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson
import re2  # type: ignore[import-untyped]

from core.exceptions import InvalidInput

SCOPES = ("body", "headers", "query", "path")
LOGIC = ("$or", "$and")
OPERATORS = ("$eq", "$neq", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$regex", "$exist")

# What one scope of a filter may hold.
MAX_CONDITIONS = 500
#: As JSON: every event that may concern a subscription reads its conditions.
MAX_BYTES = 65_536
MAX_VALUES = 10_000
MAX_DEPTH = 32
MAX_KEY = 512
MAX_SEGMENTS = 32
MAX_TEXT = 10_000
MAX_PATTERN = 1_000
MAX_WILDCARDS = 3

# What matching may cost; beyond it, there is no match. A step is one look at one value, which takes half a
# microsecond or so; what takes longer counts as more.
MAX_STEPS = 100_000
# The worst case of a search: the size of the compiled pattern times the bytes of the text, so many a step.
SEARCHED_A_STEP = 300
# What compiling a pattern takes, by its size; it counts even if it was kept, so that it is always the same.
COMPILED_A_STEP = 2
# What reading a text as a number takes, by its length.
DIGITS_A_STEP = 64
PATTERN_MEMORY = 1 << 20

# A longer text, or one with a longer exponent, is a text and no number.
MAX_NUMBER = 400
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")
INDEX = re.compile(r"0|[1-9][0-9]{0,8}")

logger = logging.getLogger(__name__)

Conditions = dict[str, dict[str, Any]]
Path = tuple[tuple[str, ...], ...]
Test = Callable[[Any], bool]

MISSING = object()


class TooMuchWork(Exception):
    """Matching would take more steps than there are left."""


class Budget:
    """The steps that are left; fewer than none when more were asked for."""

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.steps = steps

    def spend(self, steps: int) -> None:
        """Raises TooMuchWork when the steps are used up."""
        self.steps -= steps
        if self.steps < 0:
            raise TooMuchWork


def check(conditions: dict[str, Any], *, wildcards: bool = True) -> None:
    """Refuses the conditions of one scope that may not be saved, by an InvalidInput that says why.

    `wildcards=False` refuses `$.` in keys, as for headers, query and path (B3 rule 6).
    """
    _check(conditions, wildcards=wildcards, saving=True)
    if len(orjson.dumps(conditions)) > MAX_BYTES:
        raise InvalidInput(f"a filter may have at most {MAX_BYTES} bytes in each of its scopes")


def flatten(conditions: dict[str, Any]) -> dict[str, Any]:
    """Conditions that `check` accepts, with nested objects as dotted keys; operators stay as they are."""
    return {
        key: [flatten(part) for part in operand] if key in LOGIC else operand for key, operand in _leaves(conditions)
    }


def matches(conditions: dict[str, Any], value: Any) -> bool:
    """Whether a value, parsed from JSON, meets all conditions.

    It is false for what would be too much work. Raises InvalidInput for conditions that cannot be
    evaluated: those that `check` refuses, except `$in` and `$nin` with a bare value, which is looked
    for in an array (C2) and refused for anything else (C3).
    """
    _check(conditions, wildcards=True, saving=False)
    try:
        return _holds(conditions, value, Budget())
    except TooMuchWork:
        return False


def matches_event(
    scopes: Conditions, *, body: Any, headers: Any, query: Any, path: Any, budget: Budget | None = None
) -> bool:
    """Whether an event meets the conditions of all four scopes, which `check` has accepted. Never raises.

    `headers` are names with lists of values; of each the first counts, and names have no letter case.
    Conditions on headers, query or path fail when there are none (B3 rules 4 to 7). `budget` is what it
    may cost, and holds what is left of it afterwards.
    """
    budget = budget or Budget()
    values = {"body": body, "headers": headers, "query": query, "path": path}
    try:
        return all(_scope_holds(name, scopes.get(name) or {}, values[name], budget) for name in SCOPES)
    except TooMuchWork:
        return False
    except Exception:
        # One subscription's filter must not stop the event for the others (D10, B3 rule 9).
        logger.exception("a filter could not be evaluated and counts as no match")
        return False


def test_schema(request: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Whether a request meets a schema, both with the keys body, header, query and path (A5).

    A scope that the schema does not have matches. Raises InvalidInput where a condition cannot be
    evaluated, in whichever scope it is.
    """
    pairs = {name: ("header" if name == "headers" else name) for name in SCOPES}
    asked = {name: schema[key] for name, key in pairs.items() if schema.get(key) is not None}
    for name, conditions in asked.items():
        _check(conditions, wildcards=name == "body", saving=False)
    budget = Budget()
    try:
        return all(
            request.get(pairs[name]) is not None and _scope_holds(name, conditions, request[pairs[name]], budget)
            for name, conditions in asked.items()
        )
    except TooMuchWork:
        return False


def _scope_holds(name: str, conditions: dict[str, Any], value: Any, budget: Budget) -> bool:
    """Whether one scope of a request meets its conditions."""
    if not conditions:
        return True
    if name != "body" and not value:
        return False
    if name == "headers" and isinstance(value, dict):
        budget.spend(len(value))
        # Backwards, so that the first of two spellings of one name stays.
        value = {key.lower(): _first(values) for key, values in reversed(value.items()) if values != []}
        return _holds(conditions, value, budget, lower=True)
    return _holds(conditions, value, budget)


def _first(values: Any) -> Any:
    """The first value of a header, which may also be there as a bare value."""
    return values[0] if isinstance(values, list) else values


# What conditions are made of


def _is_operator(key: str) -> bool:
    return key.startswith("$") and key != "$" and not key.startswith("$.")


def _leaves(conditions: dict[str, Any], prefix: str | None = None) -> Iterator[tuple[str, Any]]:
    """Each condition as a dotted key and a literal, or the object of its operators; `$or` and `$and` as they are.

    An object that has operators and other keys says something of a field and of what is in it.
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
            yield from _leaves(inner, path)


@lru_cache(maxsize=4096)
def _parse(key: str) -> Path:
    """A key as the segments between its wildcards: `a.b.$.c` is (("a", "b"), ("c",)). Raises InvalidInput."""
    if len(key) > MAX_KEY or key.count(".") >= MAX_SEGMENTS:
        raise InvalidInput(f"a key is longer than {MAX_KEY} characters or {MAX_SEGMENTS} segments")
    segments = key.split(".")
    parts: list[list[str]] = [[]]
    for segment in segments:
        if segment == "$":
            parts.append([])
        elif segment.startswith("$"):
            known = segment in OPERATORS or segment in LOGIC
            raise InvalidInput(f"the operator {segment} is misplaced" if known else f"unknown operator {segment[:40]}")
        else:
            parts[-1].append(segment)
    if segments[-1] == "$":
        raise InvalidInput("invalid filter syntax, found trailing $")
    if len(parts) - 1 > MAX_WILDCARDS:
        raise InvalidInput(f"too many segments, expected at most {MAX_WILDCARDS} but got {len(parts) - 1}")
    return tuple(tuple(part) for part in parts)


@lru_cache(maxsize=256)
def _compile(pattern: str) -> Any:
    """A pattern in the syntax of RE2, whose time is linear in the text. Raises InvalidInput."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = PATTERN_MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise InvalidInput(f"the pattern of $regex is not valid: {text}") from None


# What may be saved


def _check(conditions: Any, *, wildcards: bool, saving: bool) -> None:
    _check_size(conditions)
    seen = _check_conditions(conditions, wildcards=wildcards, saving=saving)
    if seen > MAX_CONDITIONS:
        raise InvalidInput(f"a filter has at most {MAX_CONDITIONS} conditions")


def _check_size(conditions: Any) -> None:
    """Bounds what the rest walks by recursion."""
    left = MAX_VALUES
    level = [conditions]
    for _ in range(MAX_DEPTH + 1):
        left -= len(level)
        if left < 0:
            raise InvalidInput(f"a filter has at most {MAX_VALUES} values")
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
    raise InvalidInput(f"a filter is at most {MAX_DEPTH} levels deep")


def _check_text(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"a text in a filter has at most {MAX_TEXT} characters")
    if "\0" in text:
        raise InvalidInput("a filter must not contain the character NUL")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInput("a filter must not contain half a surrogate pair")


def _check_conditions(conditions: Any, *, wildcards: bool, saving: bool) -> int:
    """How many conditions there are."""
    if not isinstance(conditions, dict):
        raise InvalidInput("a filter must be an object")
    count = 0
    keys: set[str] = set()
    for key, operand in _leaves(conditions):
        count += 1
        if key in keys:
            raise InvalidInput(f"the key {key[:100]} is there twice, as a dotted key and as nested objects")
        keys.add(key)
        if key in LOGIC:
            if not isinstance(operand, list):
                raise InvalidInput("the value of $or and $and must be an array")
            count += sum(_check_conditions(part, wildcards=wildcards, saving=saving) for part in operand)
            continue
        if len(_parse(key)) > 1 and not wildcards:
            raise InvalidInput("the wildcard $ is for the body only")
        if isinstance(operand, dict):
            for name, value in operand.items():
                _check_operator(name, value, saving=saving)
    return count


def _check_operator(name: str, operand: Any, *, saving: bool) -> None:
    if name in LOGIC:
        raise InvalidInput(f"{name} must stand at the top, or inside another $or or $and, not under a field")
    if name not in OPERATORS:
        raise InvalidInput(f"unknown operator {name[:40]}")
    if name == "$exist" and not isinstance(operand, bool):
        raise InvalidInput("the value of $exist must be true or false")
    if name in ("$in", "$nin") and not isinstance(operand, list) and (saving or isinstance(operand, dict)):
        raise InvalidInput(f"the value of {name} must be an array; a field that is an array contains a bare value")
    if name == "$regex":
        if not isinstance(operand, str):
            raise InvalidInput("the value of $regex must be a string")
        if len(operand) > MAX_PATTERN:
            raise InvalidInput(f"the pattern of $regex has at most {MAX_PATTERN} characters")
        _compile(operand)


# Matching


def _holds(conditions: dict[str, Any], value: Any, budget: Budget, *, lower: bool = False) -> bool:
    """Whether all conditions hold. `lower` reads keys in lower case, for headers."""
    for key, operand in _leaves(conditions):
        budget.spend(1)
        if key == "$or":
            if not any(_holds(part, value, budget, lower=lower) for part in operand):
                return False
        elif key == "$and":
            if not all(_holds(part, value, budget, lower=lower) for part in operand):
                return False
        else:
            tests = _tests(operand, budget)
            if not _reaches(value, _parse(key.lower() if lower else key), tests, budget):
                return False
    return True


def _reaches(value: Any, path: Path, tests: list[Test], budget: Budget) -> bool:
    """Whether one of the values under a path passes all tests; where there is none, whether MISSING does.

    A wildcard stands for the elements that an array really has, so that it fails where there are none.
    """
    found = _find(value, path[0], budget)
    if len(path) > 1:
        return any(
            _reaches(element, path[1:], tests, budget)
            for array in found
            if isinstance(array, list)
            for element in array
        )
    missing = True
    for candidate in found:
        missing = False
        if all(test(candidate) for test in tests):
            return True
    return missing and all(test(MISSING) for test in tests)


def _find(value: Any, segments: tuple[str, ...], budget: Budget) -> Iterator[Any]:
    """What is under some segments: nested, or under a key of the payload that has dots of its own."""
    budget.spend(1)
    if not segments:
        yield value
    elif isinstance(value, dict):
        for count in range(1, len(segments) + 1):
            budget.spend(1)
            key = segments[0] if count == 1 else ".".join(segments[:count])
            if key in value:
                yield from _find(value[key], segments[count:], budget)
    elif isinstance(value, list) and INDEX.fullmatch(segments[0]) and int(segments[0]) < len(value):
        yield from _find(value[int(segments[0])], segments[1:], budget)


def _tests(operand: Any, budget: Budget) -> list[Test]:
    """What a condition demands of a value."""
    if isinstance(operand, dict) and operand:
        return [_test(name, value, budget) for name, value in operand.items()]
    if isinstance(operand, list):
        # As in the original: an array is compared by {"$eq": [...]}.
        return [lambda value: False]
    return [_equals(operand, budget)]


def _test(name: str, operand: Any, budget: Budget) -> Test:
    match name:
        case "$eq":
            return _equals(operand, budget)
        case "$neq":
            return _not(_equals(operand, budget))
        case "$in":
            return _among(operand, budget)
        case "$nin":
            return _not(_among(operand, budget))
        case "$regex":
            return _search(operand, budget)
        case "$exist":
            return lambda value: (value is not MISSING) is operand
        case _:
            return _ordered(name, operand, budget)


def _not(test: Test) -> Test:
    return lambda value: not test(value)


def _equals(operand: Any, budget: Budget) -> Test:
    """Equality: numbers and texts of numbers by their value, and an array contains a bare value."""
    if isinstance(operand, (dict, list)):
        return lambda value: _same(value, operand, budget)
    number = _number(operand, budget)

    def scalar_equals(value: Any) -> bool:
        if isinstance(value, bool) or isinstance(operand, bool):
            return value is operand
        return bool(value == operand) or (number is not None and _number(value, budget) == number)

    def equals(value: Any) -> bool:
        if isinstance(value, list):
            budget.spend(len(value))
            return any(scalar_equals(element) for element in value)
        return scalar_equals(value)

    return equals


def _among(operand: Any, budget: Budget) -> Test:
    """Membership in a list, without regard to texts of numbers; a bare value is looked for in an array."""
    if not isinstance(operand, list):

        def contains(value: Any) -> bool:
            if isinstance(value, list):
                return any(_same(element, operand, budget) for element in value)
            if value is MISSING:
                return False
            raise InvalidInput("the value of $in and $nin must be an array")

        return contains

    budget.spend(len(operand))
    objects = [item for item in operand if isinstance(item, dict)]
    # True is 1 to Python.
    scalars = {(isinstance(item, bool), item) for item in operand if not isinstance(item, (dict, list))}

    def among(value: Any) -> bool:
        if isinstance(value, dict):
            return any(_same(value, item, budget) for item in objects)
        return not isinstance(value, list) and (isinstance(value, bool), value) in scalars

    return among


def _search(pattern: str, budget: Budget) -> Test:
    compiled = _compile(pattern)
    budget.spend(compiled.programsize // COMPILED_A_STEP)

    def found(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        budget.spend(len(value) * compiled.programsize // SEARCHED_A_STEP)
        return compiled.search(value.encode(errors="replace")) is not None

    return found


def _ordered(name: str, operand: Any, budget: Budget) -> Test:
    """`$gt` and its like: false unless both are numbers, or texts of numbers."""
    bound = _number(operand, budget)

    def ordered(value: Any) -> bool:
        number = _number(value, budget)
        if number is None or bound is None:
            return False
        match name:
            case "$gt":
                return number > bound
            case "$gte":
                return number >= bound
            case "$lt":
                return number < bound
            case _:
                return number <= bound

    return ordered


def _number(value: Any, budget: Budget) -> Decimal | None:
    """A number, or a text that is a plain decimal number, as it was written; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, str) and len(value) <= MAX_NUMBER:
        budget.spend(len(value) // DIGITS_A_STEP)
        return Decimal(value) if NUMBER.fullmatch(value) else None
    return None


def _same(value: Any, other: Any, budget: Budget) -> bool:
    """Deep equality: 1 is 1.0, but neither "1" nor true."""
    budget.spend(1)
    if isinstance(value, dict) and isinstance(other, dict):
        return len(value) == len(other) and all(
            key in other and _same(item, other[key], budget) for key, item in value.items()
        )
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(lambda a, b: _same(a, b, budget), value, other))
    return isinstance(value, bool) is isinstance(other, bool) and bool(value == other)
