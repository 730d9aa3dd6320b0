"""Write values that the database has stored as JSON."""

import json
import re
from typing import Any

import orjson

#: An escape in a string: a surrogate pair, half of one (the group), or another.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def without_half_pairs(text: bytes) -> bytes:
    """Return a JSON text of the same length with U+FFFD in place of each escape that is half of a surrogate pair.

    JavaScript writes such an escape where a text was cut within an emoji. It stands for no character, and most parsers
    refuse it.
    """
    if b"\\ud" not in text and b"\\uD" not in text:
        return text
    return _ESCAPE.sub(lambda escape: b"\\ufffd" if escape[1] else escape[0], text)


def json_text(value: Any, *, is_indented: bool = False) -> str:
    """Return a value as JSON, also where it holds integers of more than 64 bits.

    PostgreSQL writes a stored 1e+24 as an integer with all of its digits, which orjson refuses.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 if is_indented else 0).decode()
    except TypeError:
        return json.dumps(value, indent=2) if is_indented else json.dumps(value, separators=(",", ":"))
