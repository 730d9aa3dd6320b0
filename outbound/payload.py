"""Make the payload of a webhook: the posted text without its insignificant whitespace.

Contract: docs/contract/signatures.md#payload, docs/contract/signatures.md#forms. JSON is handled as text, so
that the order of keys, the spelling of numbers and escapes, and keys that occur twice stay as they are.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import TypeVar
from urllib.parse import quote_plus

import msgspec
import orjson

from core.waiting import STEPS_BETWEEN_LOOKS, Breaks

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_SIGNIFICANT = re.compile(rf'(?:[^" \t\r\n]++|{_STRING})++'.encode())
_TOKEN = re.compile(rf'[{{}}\[\]]|{_STRING}|[^{{}}\[\],:" \t\r\n]++')
#: A longer text is handled in pieces, because no other thread runs Python during a call into C. A piece for a regular
#: expression has _PARTS matches.
_SHORT = 65_536
_PARTS = 8_192
#: The characters that are quoted at a time, which takes a millisecond where all are escaped.
_QUOTED = 4_096
_Item = TypeVar("_Item")
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
#: The characters that Go escapes in a string although JSON does not ask for it.
_GO_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


class NotAnObject(ValueError):
    """Only a JSON object can be sent as a form."""


def compact(raw: bytes) -> bytes:
    """Return the canonical payload of a valid JSON text: without whitespace outside of strings, else unchanged."""
    if len(raw) <= _SHORT:
        return b"".join(_SIGNIFICANT.findall(raw))
    parts = map(itemgetter(0), _SIGNIFICANT.finditer(raw))
    return b"".join(iter(lambda: b"".join(islice(parts, _PARTS)), b""))


def raw_member(body: bytes, name: str) -> bytes | None:
    """Return the text of the member `name` of a JSON object, byte for byte, or None where it has no such member.

    Of a key that occurs twice the last one counts, as in orjson. Raises ValueError where the body is not a JSON object
    or is nested too deeply.
    """
    try:
        member = _members.decode(body).get(name)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    return None if member is None else bytes(member)


def form_encode(c: bytes) -> bytes:
    """Encode a canonical payload as `application/x-www-form-urlencoded`. Contract: docs/contract/signatures.md#forms.

    Fields are sorted, and nested values are compact JSON with sorted keys, as Go writes it. Numbers stay as they are in
    the text; the original rounds them. A long one is encoded with breaks. Raises NotAnObject.
    """
    if not c.startswith(b"{"):
        raise NotAnObject("the payload is not a JSON object: it cannot be sent as a form")
    breaks = Breaks() if len(c) > _SHORT else None
    fields = _with_breaks(_object(_go_values(c[1:-1].decode(), breaks), breaks), breaks)
    return "&".join(f"{_quoted(name, breaks)}={_quoted(_field(value), breaks)}" for name, value in fields).encode()


def _with_breaks(items: Iterable[_Item], breaks: Breaks | None) -> Iterable[_Item]:
    return items if breaks is None else _stepping(items, breaks)


def _stepping(items: Iterable[_Item], breaks: Breaks) -> Iterator[_Item]:
    for item in items:
        breaks.step()
        yield item


def _quoted(text: str, breaks: Breaks | None) -> str:
    if len(text) <= _QUOTED or breaks is None:
        return quote_plus(text)
    raw = text.encode()
    parts = []
    for start in range(0, len(raw), _QUOTED):
        parts.append(quote_plus(raw[start : start + _QUOTED]))
        breaks.step(STEPS_BETWEEN_LOOKS)
    return "".join(parts)


def _field(value: str) -> str:
    if value.startswith('"'):
        text: str = orjson.loads(value)
        return text
    return "" if value == "null" else value


def _object(parts: list[str], breaks: Breaks | None) -> Iterator[tuple[str, str]]:
    """Yield the members of an object, given its keys and values in turn: decoded, sorted, the last of equal keys."""
    names = map(orjson.loads, _with_breaks(parts[::2], breaks))
    members = dict(zip(names, parts[1::2], strict=True))
    # Sorting texts takes a third of the time of sorting pairs, and no other thread runs Python meanwhile.
    for name in sorted(members):
        yield name, members[name]


def _go_values(text: str, breaks: Breaks | None) -> list[str]:
    """Return the JSON values in `text` as Go writes them, without recursion, because nesting may be deep."""
    levels: list[list[str]] = [[]]
    tokens = _TOKEN.findall(text) if breaks is None else map(itemgetter(0), _TOKEN.finditer(text))
    for token in _with_breaks(tokens, breaks):
        if token in "{[":
            levels.append([])
        elif token in "]}":
            parts = levels.pop()
            if token == "}":
                parts = [f"{_go_string(name)}:{value}" for name, value in _with_breaks(_object(parts, breaks), breaks)]
            levels[-1].append(("[" if token == "]" else "{") + ",".join(parts) + token)
        else:
            levels[-1].append(_go_string(orjson.loads(token)) if token.startswith('"') else token)
    return levels[0]


def _go_string(text: str) -> str:
    written = orjson.dumps(text).decode()
    if len(written) <= _SHORT:
        return written.translate(_GO_ESCAPES)
    for character, escape in _GO_ESCAPES.items():
        written = written.replace(chr(character), escape)
    return written
