"""Make the payload of a webhook: the posted text without its insignificant whitespace.

Contract: docs/contract/signatures.md#payload, docs/contract/signatures.md#forms. JSON is handled as text, so
that the order of keys, the spelling of numbers and escapes, and keys that occur twice stay as they are.
"""

import re
from itertools import islice
from operator import itemgetter
from urllib.parse import quote_plus

import msgspec
import orjson

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_SIGNIFICANT = re.compile(rf'(?:[^" \t\r\n]++|{_STRING})++'.encode())
_TOKEN = re.compile(rf'[{{}}\[\]]|{_STRING}|[^{{}}\[\],:" \t\r\n]++')
#: A longer text is worked on in pieces: nobody else has the interpreter during a call into C. That of a regular
#: expression takes this many parts at a time.
_SHORT = 65_536
_PARTS = 8_192
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
    the text; the original rounds them. Raises NotAnObject.
    """
    if not c.startswith(b"{"):
        raise NotAnObject("the payload is not a JSON object: it cannot be sent as a form")
    fields = _object(_go_values(c[1:-1].decode()))
    return "&".join(f"{_quoted(name)}={_quoted(_field(value))}" for name, value in fields).encode()


def _quoted(text: str) -> str:
    if len(text) <= _SHORT:
        return quote_plus(text)
    raw = text.encode()
    return "".join(quote_plus(raw[start : start + _SHORT]) for start in range(0, len(raw), _SHORT))


def _field(value: str) -> str:
    if value.startswith('"'):
        text: str = orjson.loads(value)
        return text
    return "" if value == "null" else value


def _object(parts: list[str]) -> list[tuple[str, str]]:
    """Return the members of an object, given its keys and values in turn: decoded, sorted, the last of equal keys."""
    return sorted(dict(zip(map(orjson.loads, parts[::2]), parts[1::2], strict=True)).items())


def _go_values(text: str) -> list[str]:
    """Return the JSON values in `text` as Go writes them, without recursion, because nesting may be deep."""
    levels: list[list[str]] = [[]]
    for token in _TOKEN.findall(text) if len(text) <= _SHORT else map(itemgetter(0), _TOKEN.finditer(text)):
        if token in "{[":
            levels.append([])
        elif token in "]}":
            parts = levels.pop()
            if token == "}":
                parts = [f"{_go_string(name)}:{value}" for name, value in _object(parts)]
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
