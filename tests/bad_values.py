"""Values that do not belong where they stand, and ids that nothing has."""

from collections.abc import Iterator
from typing import Any

from tests.good_bodies import Anything, Moment

NOT_TEXT: list[Any] = [0, 1.5, True, [], {}, ["a"], {"a": "a"}]
BAD_TEXT: list[Any] = ["\x00", "a\x00b", "a" * 100_000]
WRONG: dict[type, list[Any]] = {
    str: [*NOT_TEXT, *BAD_TEXT],
    bool: ["true", "", 0, 1, [], {}],
    int: ["1", "", True, 1.0, 1.5, 2**31, 2**63, 2**64, 1e300, [], {}],
    dict: ["", "a", 0, True, [], [{}]],
    list: ["", "a", 0, True, {}, [0], [True], [[]], [["a"]], ["\x00"]],
    Anything: [],
    Moment: [
        0,
        1.5,
        True,
        [],
        ["a"],
        *BAD_TEXT,
        "a",
        "2026-07-03",
        {"set": 1},
        {"time": 0},
        {"set": True, "time": "a"},
    ],
}
#: Texts that JSON or UTF-8 cannot hold.
NO_TEXTS = {
    "high surrogate": b"\\ud800",
    "low surrogate": b"\\udfff",
    "surrogates the wrong way round": b"\\udc00\\ud800",
    "surrogate in UTF-8": b"\xed\xa0\x80",
    "byte that UTF-8 lacks": b"\xff",
    "overlong NUL": b"\xc0\x80",
    "control character": b"\x01",
}
IDS = [
    *("0", "-1", "null", "undefined", "*", "'", '"', "' OR 1=1 --", "$1", "{}", "[]", "a" * 5000, "…", "🦄"),
    *("01JZ8QK3V7M2N4P6R8T0W2Y4A6", "01jz8qk3v7m2n4p6r8t0w2y4a6", "..%2F..", "%FF", "%ED%A0%80", "%00", "%0A", "%25"),
]


def broken(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """`body` with one value, at any depth, replaced by what does not belong there."""
    for name, value in body.items():
        for wrong in WRONG[type(value)]:
            yield body | {name: wrong}
        if isinstance(value, dict) and not isinstance(value, Anything):
            for inner in broken(value):
                yield body | {name: inner}
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for inner in broken(value[0]):
                yield body | {name: [inner]}
