"""Make texts of others storable in PostgreSQL."""

from collections.abc import Mapping


def storable(text: str | bytes) -> str:
    """Return a text, or bytes read as UTF-8, with U+FFFD in place of NUL and of bytes that are not UTF-8.

    No text column of PostgreSQL can hold NUL.
    """
    return (text.decode(errors="replace") if isinstance(text, bytes) else text).replace("\0", "\ufffd")


def typed(values: Mapping[str, str], name: str) -> str:
    """Return a text that somebody has typed into a form, without NUL and outer blanks; "" where it was not sent."""
    return values.get(name, "").replace("\0", "").strip()
