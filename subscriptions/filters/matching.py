"""Evaluate conditions within a budget of steps: a filter and a payload may both come from strangers."""

import logging
import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from subscriptions.exceptions import OperandNotList
from subscriptions.filters.language import (
    MAX_NUMBER,
    NUMBER,
    SCOPES,
    Path,
    Patterns,
    check_evaluable,
    compile_pattern,
    leaves,
    parse_key,
    reading_cost,
)

# The cost of matching; beyond it, there is no match. A step is one look at one value, which takes about half a
# microsecond; longer work counts as several steps.
MAX_STEPS = 100_000
# The worst case of a search is the size of the compiled pattern times the bytes of the text: this much is one step.
SEARCHED_A_STEP = 300
# The cost of a pattern that is read and compiled in one step. It counts for a kept one too, so it is always the same.
COMPILED_A_STEP = 2
# Characters of a text that are read as a number in one step.
DIGITS_A_STEP = 64

INDEX = re.compile(r"0|[1-9][0-9]{0,8}")

logger = logging.getLogger(__name__)

Conditions = dict[str, dict[str, Any]]
Test = Callable[[Any], bool]

MISSING = object()


class TooMuchWork(Exception):
    """Matching would take more steps than there are left."""


class Budget:
    """The steps that are left; negative when more were asked for."""

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.steps = steps

    def spend(self, steps: int) -> None:
        """Take steps off. Raises TooMuchWork when they are used up."""
        self.steps -= steps
        if self.steps < 0:
            raise TooMuchWork


def matches(conditions: dict[str, Any], value: Any) -> bool:
    """Return whether a value, parsed from JSON, meets all conditions.

    It is false where matching would be too much work. Raises FilterRefused for conditions that cannot be
    evaluated: those that `check` refuses, except `$in` and `$nin` with a bare value, which is looked
    for in an array and refused for anything else.
    """
    check_evaluable(conditions, wildcards=True, saving=False)
    try:
        return holds(conditions, value, Budget())
    except TooMuchWork:
        return False


def matches_event(
    scopes: Conditions, *, body: Any, headers: Any, query: Any, path: Any, budget: Budget | None = None
) -> bool:
    """Return whether an event meets the conditions of all four scopes, which `check` has accepted. Never raises.

    `headers` are names with lists of values; of each the first counts, and names have no letter case.
    Conditions on headers, query or path fail when there are none
    (docs/contract/subscriptions.md#filter-scopes). `budget` is what it may cost, and holds what is left of it
    afterwards.
    """
    budget = budget or Budget()
    values = {"body": body, "headers": headers, "query": query, "path": path}
    try:
        return all(_scope_holds(name, scopes.get(name) or {}, values[name], budget) for name in SCOPES)
    except TooMuchWork:
        return False
    except Exception:
        # One subscription's filter must not keep the event from the others.
        logger.exception("a filter could not be evaluated and counts as no match")
        return False


def test_schema(request: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Return whether a request meets a schema, both with the keys body, header, query and path.

    Contract: docs/contract/subscriptions.md#test-filter.

    A scope that the schema does not have matches. Raises FilterRefused where a condition cannot be
    evaluated, in any scope.
    """
    pairs = {name: ("header" if name == "headers" else name) for name in SCOPES}
    asked = {name: schema[key] for name, key in pairs.items() if schema.get(key) is not None}
    patterns = Patterns()
    for name, conditions in asked.items():
        check_evaluable(conditions, wildcards=name == "body", saving=False, patterns=patterns)
    budget = Budget()
    try:
        return all(
            request.get(pairs[name]) is not None and _scope_holds(name, conditions, request[pairs[name]], budget)
            for name, conditions in asked.items()
        )
    except TooMuchWork:
        return False


def _scope_holds(name: str, conditions: dict[str, Any], value: Any, budget: Budget) -> bool:
    """Return whether one scope of a request meets its conditions."""
    if not conditions:
        return True
    if name != "body" and not value:
        return False
    return holds(conditions, readable(name, value, budget), budget, lower=is_lower(name, value))


def is_lower(name: str, value: Any) -> bool:
    """Return whether the keys of a scope's conditions are read in lower case: those of headers."""
    return name == "headers" and isinstance(value, dict)


def readable(name: str, value: Any, budget: Budget) -> Any:
    """Return the value of a scope as conditions read it: of headers the first value, under a name in lower case."""
    if not is_lower(name, value):
        return value
    budget.spend(len(value))
    # Backwards, so that the first of two spellings of one name stays.
    return {key.lower(): _first(values) for key, values in reversed(value.items()) if values != []}


def _first(values: Any) -> Any:
    """Return the first value of a header, which may also be a bare value."""
    return values[0] if isinstance(values, list) else values


def holds(conditions: dict[str, Any], value: Any, budget: Budget, *, lower: bool = False) -> bool:
    """Return whether all conditions hold. `lower` reads keys in lower case, for headers."""
    for key, operand in leaves(conditions):
        budget.spend(1)
        if key == "$or":
            if not any(holds(part, value, budget, lower=lower) for part in operand):
                return False
        elif key == "$and":
            if not all(holds(part, value, budget, lower=lower) for part in operand):
                return False
        else:
            tests = _tests(operand, budget)
            if not _reaches(value, parse_key(key.lower() if lower else key), tests, budget):
                return False
    return True


def _reaches(value: Any, path: Path, tests: list[Test], budget: Budget) -> bool:
    """Return whether one of the values under a path passes all tests or, where there is none, MISSING does.

    A wildcard stands for the elements that an array really has, so that it fails where there are none.
    """
    found = find(value, path[0], budget)
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


def find(value: Any, segments: tuple[str, ...], budget: Budget) -> Iterator[Any]:
    """Yield the values under some segments: nested, or under a key of the payload that has dots itself."""
    budget.spend(1)
    if not segments:
        yield value
    elif isinstance(value, dict):
        for count in range(1, len(segments) + 1):
            budget.spend(1)
            key = segments[0] if count == 1 else ".".join(segments[:count])
            if key in value:
                yield from find(value[key], segments[count:], budget)
    elif isinstance(value, list) and INDEX.fullmatch(segments[0]) and int(segments[0]) < len(value):
        yield from find(value[int(segments[0])], segments[1:], budget)


def _tests(operand: Any, budget: Budget) -> list[Test]:
    """Return the tests that a condition makes of a value."""
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
            return _differs(operand, budget)
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
    """Test for equality: numbers and texts of numbers by their value, and an array contains a bare value."""
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


def _differs(operand: Any, budget: Budget) -> Test:
    """Test for inequality. As in the original, an array differs from each bare value, even from one that it has."""
    equals = _equals(operand, budget)
    if isinstance(operand, (dict, list)):
        return _not(equals)
    return lambda value: isinstance(value, list) or not equals(value)


def _among(operand: Any, budget: Budget) -> Test:
    """Test for membership in a list, without reading texts as numbers; a bare value is looked for in an array."""
    if not isinstance(operand, list):

        def contains(value: Any) -> bool:
            if isinstance(value, list):
                return any(_same(element, operand, budget) for element in value)
            if value is MISSING:
                return False
            raise OperandNotList

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
    budget.spend(reading_cost(pattern) // COMPILED_A_STEP)
    compiled = compile_pattern(pattern)
    budget.spend(compiled.programsize // COMPILED_A_STEP)

    def found(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        budget.spend(len(value) * compiled.programsize // SEARCHED_A_STEP)
        return compiled.search(value.encode(errors="replace")) is not None

    return found


def _ordered(name: str, operand: Any, budget: Budget) -> Test:
    """Test with `$gt`, `$gte`, `$lt` or `$lte`: false unless both are numbers or texts of numbers."""
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
    """Return a number, or the number that a text is in plain decimals; None for anything else."""
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
    """Compare deeply: 1 is 1.0, but neither "1" nor true."""
    budget.spend(1)
    if isinstance(value, dict) and isinstance(other, dict):
        return len(value) == len(other) and all(
            key in other and _same(item, other[key], budget) for key, item in value.items()
        )
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(lambda a, b: _same(a, b, budget), value, other))
    return isinstance(value, bool) is isinstance(other, bool) and bool(value == other)
