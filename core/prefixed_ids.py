"""Show ULIDs with the prefixes of other products' contracts, such as `app_`, and read them with or without one."""

import re

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")


def prefixed(prefix: str, uid: str) -> str:
    """Return an id as the other contract shows it."""
    return f"{prefix}{uid}"


def uid_in(prefix: str, text: str) -> str:
    """Return the ULID in an id, with or without its prefix; "" where the text holds none, which names no row."""
    uid = text.removeprefix(prefix)
    return uid if _ULID.fullmatch(uid) else ""
