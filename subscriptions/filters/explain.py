"""Say why an event meets conditions, or which condition fails first, with the value that it met.

The walk asks the matcher (matching.py) about each condition by itself, within the same budget, so that the two cannot
disagree. Contract: docs/filters.md.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from subscriptions.filters.language import LOGIC, SCOPES, Path, leaves, parse_key
from subscriptions.filters.matching import (
    Budget,
    Conditions,
    TooMuchWork,
    find,
    holds,
    is_lower,
    matches_event,
    readable,
)

#: Values of one field that are kept, where a wildcard finds many.
MOST_VALUES = 3
#: Conditions that are kept of those that hold, or of the alternatives that all fail.
MOST_FACTS = 5


class Fact(NamedTuple):
    """One condition, and the values that it met."""

    scope: str
    field: str
    #: The operator; empty where several of one field hold, but for no value together.
    operator: str
    wanted: Any
    #: Empty where the field is not there.
    met: list[Any]
    holds: bool


class Explanation(NamedTuple):
    """Whether an event meets conditions, and why."""

    holds: bool
    #: Those that hold, where all do; else the one that fails or, with `is_any`, the alternatives that all fail.
    facts: list[Fact]
    is_any: bool = False
    #: Whether matching was given up as too much work, and counts as failed.
    is_too_much: bool = False


def explain(scopes: Conditions, *, body: Any, headers: Any, budget: Budget | None = None) -> Explanation:
    """Return whether an event meets the conditions of all scopes, which `check` has accepted, and why.

    `headers` are names with lists of values. `budget` is what matching and explaining may cost, several events
    together; without it, each has that of matching. Raises nothing.
    """
    does_hold = matches_event(scopes, body=body, headers=headers, query={}, path={}, budget=budget)
    values = {"body": body, "headers": headers, "query": {}, "path": {}}
    budget = budget or Budget()
    facts: list[Fact] = []
    try:
        for scope in SCOPES:
            if conditions := scopes.get(scope):
                found = _scope(scope, conditions, values[scope], budget)
                if not found.holds:
                    return found._replace(holds=does_hold)
                facts += found.facts
    except TooMuchWork:
        return Explanation(does_hold, [], is_too_much=not does_hold)
    return Explanation(does_hold, facts[:MOST_FACTS])


def _scope(scope: str, conditions: dict[str, Any], value: Any, budget: Budget) -> Explanation:
    if scope != "body" and not value:
        # Without headers their conditions fail, also one that a header is not there.
        key, operand = next(iter(leaves(conditions)))
        return Explanation(False, [] if key in LOGIC else [Fact(scope, key, "", operand, [], holds=False)])
    lower = is_lower(scope, value)
    return _walk(scope, conditions, readable(scope, value, budget), budget, lower=lower)


def _walk(scope: str, conditions: dict[str, Any], value: Any, budget: Budget, *, lower: bool) -> Explanation:
    """Explain the conditions of one object, all of which must hold."""
    facts: list[Fact] = []
    for key, operand in leaves(conditions):
        does_hold = holds({key: operand}, value, budget, lower=lower)
        if key == "$and":
            for part in operand:
                found = _walk(scope, part, value, budget, lower=lower)
                if not found.holds:
                    return found
                facts += found.facts
        elif key == "$or":
            parts = [_walk(scope, part, value, budget, lower=lower) for part in operand[:MOST_FACTS]]
            if not does_hold:
                return Explanation(False, [fact for part in parts for fact in part.facts[:1]], is_any=True)
            # Where the alternative that holds is a later one, there is no word of it.
            facts += next((part.facts for part in parts if part.holds), [])
        if key in LOGIC:
            continue
        fact = _fact(scope, key, operand, value, budget, lower=lower, does_hold=does_hold)
        if not does_hold:
            return Explanation(False, [fact])
        facts.append(fact)
    return Explanation(True, facts[:MOST_FACTS])


def _fact(scope: str, key: str, operand: Any, value: Any, budget: Budget, *, lower: bool, does_hold: bool) -> Fact:
    operators = operand if isinstance(operand, dict) and operand else {"$eq": operand}
    path = parse_key(key.lower() if lower else key)
    met = [found for found, _ in zip(_values(value, path, budget), range(MOST_VALUES), strict=False)]
    chosen = next(iter(operators)) if does_hold else ""
    if not does_hold:
        for name, wanted in operators.items():
            if len(operators) == 1 or not holds({key: {name: wanted}}, value, budget, lower=lower):
                chosen = name
                break
    return Fact(scope, key, chosen, operators.get(chosen, operand), met, does_hold)


def _values(value: Any, path: Path, budget: Budget) -> Iterator[Any]:
    """Yield the values under a path, a wildcard standing for each element of an array."""
    for found in find(value, path[0], budget):
        if len(path) == 1:
            yield found
        elif isinstance(found, list):
            for element in found:
                yield from _values(element, path[1:], budget)
