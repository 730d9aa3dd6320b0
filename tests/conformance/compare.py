"""Compare the answers of a server with recorded ones, field by field."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.conformance.client import Answer
from tests.conformance.tables import FOLDER, TABLES

#: Stands for a field that one of two answers does not have.
ABSENT = "absent"


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """A field in which two answers to one request differ. Its values are JSON, or ABSENT.

    The field's path has no indexes: `content[].uid` is the uid of any row, `content[#]` their number, `content[acme]`
    the row of that name, and `content[order]` their order.
    """

    code: str
    field: str
    recorded: str
    here: str


@dataclass(frozen=True, slots=True)
class Recording:
    """The answer of a version of Convoy to one request."""

    version: str
    answer: Answer


def read_recordings() -> dict[str, Recording]:
    """Return the recorded answers by the codes of their requests. Not every request has one."""
    found = {}
    for name in TABLES:
        for code, kept in json.loads((FOLDER / "answers" / f"{name}.json").read_text()).items():
            headers = {"content-type": "application/json"} | kept.get("headers", {})
            shown = {name: value for name, value in headers.items() if value}
            found[code] = Recording(kept["version"], Answer(kept["status"], shown, kept["body"]))
    return found


def differences(code: str, recorded: Answer, here: Answer) -> set[Difference]:
    """Return each field in which two answers to the request `code` differ.

    The bodies of answers with different statuses are not compared but for their messages: they are of two kinds.
    """
    pairs: list[tuple[str, Any, Any]] = [("status", recorded.status, here.status)]
    if recorded.status == here.status:
        pairs += _values(recorded.body, here.body, "body")
    else:
        pairs.append(("body.message", _message(recorded.body), _message(here.body)))
    for name in sorted({*recorded.headers, *here.headers}):
        pairs.append((f"header.{name}", recorded.headers.get(name, _MISSING), here.headers.get(name, _MISSING)))
    return {
        Difference(code, field, _shown(first), _shown(second))
        for field, first, second in pairs
        if _shown(first) != _shown(second)
    }


class _Missing:
    """The value of a field that is not there."""


_MISSING = _Missing()


def _message(body: Any) -> Any:
    return body.get("message", _MISSING) if isinstance(body, Mapping) else body


def _values(first: Any, second: Any, field: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the fields of two values that may differ; an object that one lacks is taken apart too."""
    if _is_object(first, second) or _is_object(second, first):
        names = dict.fromkeys([*_members(first), *_members(second)])
        for name in names:
            yield from _values(
                _members(first).get(name, _MISSING), _members(second).get(name, _MISSING), f"{field}.{name}"
            )
    elif isinstance(first, list) and isinstance(second, list):
        yield from _items(first, second, field)
    elif field == "body.message":
        yield field, _sorted(first), _sorted(second)
    else:
        yield field, first, second


def _sorted(message: Any) -> Any:
    """Return the failures of a body in one order: Convoy has none."""
    parts = message.split(", ") if isinstance(message, str) else []
    return ", ".join(sorted(parts)) if all(":" in part for part in parts) and parts else message


def _items(first: list[Any], second: list[Any], field: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the fields of two lists that may differ. Rows are paired by their names, whatever their order."""
    names, other_names = _names(first), _names(second)
    if names is None or other_names is None:
        yield f"{field}[#]", len(first), len(second)
        for one, other in zip(first, second, strict=False):
            yield from _values(one, other, f"{field}[]")
        return
    for name in [name for name in names if name not in other_names]:
        yield f"{field}[{name}]", "there", _MISSING
    for name in [name for name in other_names if name not in names]:
        yield f"{field}[{name}]", _MISSING, "there"
    shared = [name for name in names if name in other_names]
    yield f"{field}[order]", shared, [name for name in other_names if name in names]
    for name in shared:
        yield from _values(names[name], other_names[name], f"{field}[]")


def _names(rows: list[Any]) -> dict[str, Any] | None:
    """Return rows by what names each in every run: its name, key and type; None where one has nothing of these."""
    named: dict[str, Any] = {}
    for row in rows:
        told = [_members(row).get(name) for name in ("name", "idempotency_key", "event_type", "endpoint_id")]
        key = row if isinstance(row, str) else " ".join(one for one in told if one and isinstance(one, str))
        if not key:
            return None
        while key in named:
            key += " (again)"
        named[key] = row
    return named


def _is_object(value: Any, other: Any) -> bool:
    return isinstance(value, dict) and bool(value) and (isinstance(other, dict) or other is _MISSING)


def _members(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _shown(value: Any) -> str:
    if value is _MISSING:
        return ABSENT
    # 0.0 is the number 0, to a client too.
    value = int(value) if isinstance(value, float) and value.is_integer() else value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
