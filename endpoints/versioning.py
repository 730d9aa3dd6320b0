"""Translate the bodies and documents of endpoints for older clients.

Contract: docs/contract/conventions.md#client-versions.

A change point applies to a request whose version is earlier than it.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar, cast

from core.api.bodies import BadFormat
from core.api.values import go_duration, parse_go_duration
from core.exceptions import InvalidInput

D = TypeVar("D", bound=Mapping[str, Any])

DURATIONS_AS_TEXT = date(2024, 1, 1)
TARGET_URL_AND_TITLE = date(2024, 4, 1)
DURATIONS = ("http_timeout", "rate_limit_duration")


def endpoint_response(document: D, version: date) -> D:
    """Return an endpoint's document in the shape of `version`. Its type is that of the current shape."""
    if version >= TARGET_URL_AND_TITLE:
        return document
    shown = {{"url": "target_url", "name": "title"}.get(key, key): value for key, value in document.items()}
    if version < DURATIONS_AS_TEXT:
        shown |= {key: go_duration(shown[key]) for key in DURATIONS}
    return cast(D, shown)


def whole_seconds(name: str, text: str, *, detailed: bool) -> int:
    """Return the seconds of a duration that an old client sends as text. Raises InvalidInput."""
    try:
        seconds = parse_go_duration(text)
        if not 0 <= seconds < 2**31:
            raise ValueError(f'time: invalid duration "{text}"')
    except ValueError as error:
        if detailed:
            raise InvalidInput(f"invalid {name} format: {error}") from None
        raise BadFormat(errors=[{"field": name, "message": str(error)}]) from None
    return int(seconds)
