"""Make texts of others storable in PostgreSQL."""


def storable(text: str | bytes) -> str:
    """Return a text, or bytes read as UTF-8, with U+FFFD in place of NUL and of bytes that are not UTF-8.

    No text column of PostgreSQL can hold NUL.
    """
    return (text.decode(errors="replace") if isinstance(text, bytes) else text).replace("\0", "\ufffd")
