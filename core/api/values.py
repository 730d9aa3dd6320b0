"""Read and write times and durations as the API does. Contract: docs/contract/conventions.md#values."""

import re
from datetime import UTC, datetime

#: Shown in an answer instead of a secret; sent back, it keeps the stored secret.
REDACTED = "[REDACTED]"
#: A time that is not set, as Go writes it.
ZERO_TIME = "0001-01-01T00:00:00Z"

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_LONGEST = 2**63 / 1e9


def wire_time(moment: datetime) -> str:
    """Return a time in RFC 3339, in UTC with up to 6 fractional digits, without trailing zeros."""
    text = moment.astimezone(UTC).isoformat().removesuffix("+00:00")
    return (text.rstrip("0") if moment.microsecond else text) + "Z"


def wire_time_from_sql(text: str) -> str:
    """Return the same, given PostgreSQL's text of a timestamptz in UTC (`2026-07-03 09:15:42.0815+00`)."""
    return f"{text[:10]}T{text[11:-3]}Z"


def parse_go_duration(text: str) -> float:
    """Return the seconds in a Go duration such as `1h15m30.5s`. Raises ValueError."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0.0
    if not body or _PART.sub("", body):
        raise ValueError(f'time: invalid duration "{text}"')
    seconds = sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(body))
    if seconds >= _LONGEST:
        raise ValueError(f'time: invalid duration "{text}"')
    return -seconds if text[0] == "-" else seconds


def go_duration(seconds: int) -> str:
    """Return whole seconds as Go prints a duration: `0s`, `10s`, `1m0s`, `1h0m0s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
