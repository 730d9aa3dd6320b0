"""Show a payload, an answer's body or headers for reading: JSON with line breaks and colours, everything else as it is.

The text of a payload is cut into tokens and never read into values and written again, so that each digit, escape and
repeated key stays as it was sent.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape

from django.utils.safestring import SafeString, mark_safe

#: A text of more bytes is shown plain, and cut until somebody asks for all of it.
LONG = 65_536
#: JSON that is nested deeper, or whose markup is longer, is shown plain: indentation would multiply its size.
DEEPEST = 64
MOST_MARKUP = 524_288

_TOKEN = re.compile(
    r'(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")(?P<colon>[ \t\r\n]*+:)?'
    r"|(?P<number>-?[0-9][0-9.eE+-]*+)"
    r"|(?P<literal>true|false|null)"
    r"|(?P<mark>[{}\[\],])"
)
#: Characters that a text for people does not hold: a body with them, or with bytes that were no UTF-8, is binary.
_BINARY = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\ufffd]")
_BINARY_TYPES = (
    "image/",
    "audio/",
    "video/",
    "font/",
    "application/octet-stream",
    "application/pdf",
    "application/zip",
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A text as a page shows it, and what the page says of it."""

    #: Escaped, with spans of the classes k (key), s (string), n (number) and l (literal) where it is JSON.
    markup: SafeString
    #: Of the whole text, in UTF-8.
    size: int
    is_json: bool = False
    is_cut: bool = False


def highlighted(text: str, *, whole: bool = False) -> Shown:
    """Return a text for reading; one of more than LONG bytes is plain, and without `whole` cut to LONG bytes."""
    encoded = text.encode(errors="replace")
    if len(encoded) > LONG:
        shown = text if whole else encoded[:LONG].decode(errors="ignore")
        return Shown(_escaped(shown), len(encoded), is_cut=not whole)
    pretty = _pretty(text) if _is_structure(text) else None
    return Shown(_escaped(text) if pretty is None else pretty, len(encoded), is_json=pretty is not None)


def header_lines(headers: Mapping[str, str]) -> SafeString:
    """Return headers for reading: a line each, with the name as a key."""
    return _safe(
        "\n".join(f"{_span('k', name.lower())}: {escape(value, quote=False)}" for name, value in _texts(headers))
    )


def is_binary(text: str, content_type: str) -> bool:
    """Return whether the body of an answer, as it is stored, is not text that a person can read."""
    if content_type.strip().lower().startswith(_BINARY_TYPES):
        return True
    return len(_BINARY.findall(text)) * 20 > len(text)


def _texts(headers: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return ((str(name), str(value)) for name, value in headers.items())


def _is_structure(text: str) -> bool:
    """Return whether a text is valid JSON that has lines to break: an object or an array."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        # The values are not looked at; as texts, numbers of any length are valid.
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _pretty(text: str) -> SafeString | None:
    """Return valid JSON with line breaks and spans; None where that would be too deep or too long."""
    parts: list[str] = []
    length = depth = 0
    previous = ""
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token in ("}", "]"):
            depth -= 1
            # An empty object or array stays in one line.
            part = token if previous in ("{", "[") else f"\n{'  ' * depth}{token}"
        elif token == ",":
            part = ",\n" + "  " * depth
        else:
            part = f"\n{'  ' * depth}" if previous in ("{", "[") else ""
            part += _marked(found)
            depth += token in ("{", "[")
        length += len(part)
        if depth > DEEPEST or length > MOST_MARKUP:
            return None
        parts.append(part)
        previous = token
    return _safe("".join(parts))


def _marked(found: re.Match[str]) -> str:
    if found["string"] is not None:
        return f"{_span('k', found['string'])}: " if found["colon"] is not None else _span("s", found["string"])
    if found["number"] is not None:
        return _span("n", found["number"])
    return found[0] if found["literal"] is None else _span("l", found["literal"])


def _span(name: str, text: str) -> str:
    return f'<span class="{name}">{escape(text, quote=False)}</span>'


def _escaped(text: str) -> SafeString:
    return _safe(escape(text, quote=False))


def _safe(markup: str) -> SafeString:
    # Every part of it has gone through escape(). Quotes need none: no text of a payload is put into an attribute.
    return mark_safe(markup)  # noqa: S308
