"""Match a payload or an event against a filter, for tables of cases."""

from typing import Any

import orjson
import pytest

from subscriptions.filters import check, matches, matches_event

Rows = list[tuple[str, str, bool]]


def table(rows: Rows) -> pytest.MarkDecorator:
    """Parametrize a test by rows of a filter and a payload, both as JSON, and whether the payload matches."""
    return pytest.mark.parametrize(("conditions", "payload", "expected"), rows)


def holds(conditions: str, payload: str) -> bool:
    """Whether a payload matches a filter that may be saved, both as JSON."""
    parsed = orjson.loads(conditions)
    check(parsed)
    return matches(parsed, orjson.loads(payload))


def deep(levels: int) -> Any:
    """1 inside as many objects as `levels` says."""
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def event(scopes: Any, **values: Any) -> bool:
    """Whether an event matches; its body is {"a": 1} and the rest of it empty, but for `values`."""
    return matches_event(scopes, **{"body": {"a": 1}, "headers": {}, "query": {}, "path": {}} | values)
