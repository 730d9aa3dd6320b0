"""Read the bounds of time in a query of Svix's clients. Contract: docs/contract/svix.md#endpoint-stats."""

from datetime import UTC, datetime

from rest_framework.request import Request

from core.api.openapi import TIME_PATTERN, query
from svix_api.paging import wrong_parameter

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 1, 1, tzinfo=UTC)

SINCE = query("since", "From this time on.", {"type": "string", "pattern": TIME_PATTERN})
UNTIL = query("until", "Before this time.", {"type": "string", "pattern": TIME_PATTERN})


def read_moment(request: Request, name: str) -> datetime | None:
    """Return the time that a parameter of the query holds; None where it is not sent. Raises WrongFields."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return moment_in(text)
    except (ValueError, OverflowError):
        raise wrong_parameter(name, "must be a time such as 2026-02-03T09:15:02Z") from None


def moment_in(text: str) -> datetime:
    """Return the time in a text, in UTC where it names no zone. Raises ValueError, OverflowError."""
    moment = datetime.fromisoformat(text)
    return min(max(moment if moment.tzinfo else moment.replace(tzinfo=UTC), _FIRST), _LAST)
