"""Write values that the database has stored as JSON."""

import json
from typing import Any

import orjson


def json_text(value: Any, *, is_indented: bool = False) -> str:
    """Return a value as JSON, also where it holds integers of more than 64 bits.

    PostgreSQL writes a stored 1e+24 as an integer with all of its digits, which orjson refuses.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 if is_indented else 0).decode()
    except TypeError:
        return json.dumps(value, indent=2) if is_indented else json.dumps(value, separators=(",", ":"))
