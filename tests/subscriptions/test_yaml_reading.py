"""YAML with the values of JSON, read from the parser's events. Contract: docs/contract/event-types.md#import."""

from typing import Any

import pytest
import yaml

from core import waiting
from subscriptions.exceptions import SpecRefused
from subscriptions.yaml_reading import read_yaml


def read(text: str, *, most_values: int = 1_000, most_levels: int = 64) -> Any:
    return read_yaml(text, most_values=most_values, most_levels=most_levels, hint=": elsewhere")


SCALARS: dict[str, Any] = {
    "a": "a",
    "1": 1,
    "-1": -1,
    "-0": 0,
    "01": "01",
    "0x1f": "0x1f",
    "1_000": "1_000",
    "+1": "+1",
    ".5": ".5",
    "1.5": 1.5,
    "1e2": 100.0,
    "-a": "-a",
    "999999999999999999": 999_999_999_999_999_999,
    "9999999999999999999": 1e19,
    "true": True,
    "FALSE": False,
    "yes": "yes",
    "null": None,
    "~": None,
    "": None,
    "2020-01-01": "2020-01-01",
    "'1'": "1",
    '"true"': "true",
    "!!str 1": "1",
    "! '1'": 1,
    "|\n  1\n": "1\n",
    "'<<'": "<<",
}
COLLECTIONS: dict[str, Any] = {
    "[]": [],
    "{}": {},
    "- [1, {a: }]\n- b": [[1, {"a": None}], "b"],
    "{a: 1, a: 2}": {"a": 2},
    "{200: a, 1.5: b, true: c, 1: d, ~: e}": {"200": "a", "1.5": "b", "true": "c", "1": "d", "null": "e"},
    "[&a {b: 1}, *a, {<<: *a, b: 2}, {c: 3, <<: *a}]": [{"b": 1}, {"b": 1}, {"b": 2}, {"b": 1, "c": 3}],
    "{<<: [{a: 1}, {a: 2, b: 2}]}": {"a": 1, "b": 2},
    "{<<: {<<: {a: 1}, b: 2}}": {"a": 1, "b": 2},
    "{'<<': {a: 1}}": {"<<": {"a": 1}},
    "{&k key: 1, b: *k}": {"key": 1, "b": "key"},
    "!!map {a: !!seq [1]}": {"a": [1]},
    "--- {a: 1}\n...\n": {"a": 1},
    "# nothing": None,
}
REFUSED = {
    "{a: 1}\n--- {}": "expected a single document",
    "!!int 1": "it has a YAML tag",
    "!!seq {}": "it has a YAML tag",
    "!!str []": "it has a YAML tag",
    "[*a]": "an alias has no anchor before it",
    "&a [*a]": "an alias has no anchor before it",
    "[&a 1, &a 2]": "found duplicate anchor",
    "[&a 1, &a [2]]": "found duplicate anchor",
    "{[1]: a}": "found unhashable key",
    "[<<]": "<< merges mappings",
    "{a: <<}": "<< merges mappings",
    "{<<: 1}": "<< merges mappings",
    "{<<: [1]}": "<< merges mappings",
}


@pytest.mark.parametrize(("text", "value"), SCALARS.items())
def test_scalars(text: str, value: Any) -> None:
    found = read(text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(("text", "value"), COLLECTIONS.items())
def test_collections(text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(("text", "reason"), REFUSED.items())
def test_what_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SpecRefused, match=reason):
        read(text)


def test_what_is_no_yaml() -> None:
    with pytest.raises(yaml.YAMLError):
        read("[1")


def test_the_number_of_values_is_bounded_with_aliases_expanded() -> None:
    # The list and its items; what an alias stands for counts each time.
    assert read("[&a [1, 2], *a]", most_values=7)
    with pytest.raises(SpecRefused, match="it has more than 6 values in YAML; write it as JSON: elsewhere"):
        read("[&a [1, 2], *a]", most_values=6)


def test_the_number_of_levels_is_bounded() -> None:
    assert read("[[1]]", most_levels=3) == [[1]]
    with pytest.raises(SpecRefused, match="more than 2 levels deep"):
        read("[[1]]", most_levels=2)


def test_reading_takes_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One at each look at the clock, where the work between two of them takes long enough."""
    taken: list[float] = []
    monkeypatch.setattr(waiting, "WORK_SECONDS", 0)
    monkeypatch.setattr("core.waiting.time.sleep", taken.append)
    read("[" + "1," * 640 + "]", most_values=10_000)
    assert taken == [waiting.BREAK_SECONDS] * 10
    monkeypatch.setattr(waiting, "WORK_SECONDS", 60)
    read("[" + "1," * 640 + "]", most_values=10_000)
    assert len(taken) == 10
