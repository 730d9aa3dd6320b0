"""What older clients send and expect of endpoints. Contract: api-conventions section 7.

A change point applies to a request whose version is earlier than it.
"""

from datetime import date
from typing import Any

from core.api.bodies import BAD_FORMAT
from core.api.values import go_duration, parse_go_duration
from core.exceptions import InvalidInput

DURATIONS_AS_TEXT = date(2024, 1, 1)
TARGET_URL_AND_TITLE = date(2024, 4, 1)
DURATIONS = ("http_timeout", "rate_limit_duration")


def endpoint_response(document: dict[str, Any], version: date) -> dict[str, Any]:
    """An endpoint object in the shape of `version`."""
    if version < TARGET_URL_AND_TITLE:
        document = {{"url": "target_url", "name": "title"}.get(key, key): value for key, value in document.items()}
    if version < DURATIONS_AS_TEXT:
        document |= {key: go_duration(document[key]) for key in DURATIONS}
    return document


def whole_seconds(name: str, text: str, *, detailed: bool) -> int:
    """The seconds of a duration that an old client sends as text. Raises InvalidInput."""
    try:
        seconds = parse_go_duration(text)
        if not 0 <= seconds < 2**31:
            raise ValueError(f'time: invalid duration "{text}"')
    except ValueError as error:
        raise InvalidInput(f"invalid {name} format: {error}" if detailed else BAD_FORMAT) from None
    return int(seconds)
