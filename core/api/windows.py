"""Read the time window of a list or a count. Contract: docs/contract/conventions.md#date-window."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.utils import timezone
from rest_framework.request import Request

from core.exceptions import InvalidInput
from core.ulid import first_ulid_at


class BadStart(InvalidInput):
    """Invalid startDate."""

    message = "please specify a startDate in the format 2006-01-02T15:04:05"


class BadEnd(InvalidInput):
    """Invalid endDate."""

    message = "please specify a correct endDate in the format 2006-01-02T15:04:05 or none at all"


class BadOrder(InvalidInput):
    """The startDate is after the endDate."""

    message = "startDate cannot be greater than endDate"


#: The refusals of a window's dates.
BAD_DATES = (BadStart, BadEnd, BadOrder)

_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})([.,][0-9]+)?\Z")
_DEFAULT_DAYS = 7
# Ids begin with the year 1970, and times end with the year 9999.
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_SECOND = timedelta(seconds=1)


class Window(NamedTuple):
    """The time from `start` to the end of the second `end`; as bounds of ids, first_uid <= uid < beyond_uid."""

    start: datetime
    end: datetime

    @property
    def first_uid(self) -> str:
        """Return the lowest id in the window."""
        return first_ulid_at(max(self.start, _FIRST))

    @property
    def beyond_uid(self) -> str:
        """Return the lowest id after the window."""
        return first_ulid_at(max(min(self.end, _LAST - _SECOND) + _SECOND, _FIRST))


def read_window(request: Request) -> Window:
    """Return the window of a request's `startDate` and `endDate`; by default the last seven days and today.

    Raises InvalidInput.
    """
    now = timezone.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    query = request.query_params
    start = parse_date(query.get("startDate", ""), BadStart) or midnight - timedelta(days=_DEFAULT_DAYS)
    end = parse_date(query.get("endDate", ""), BadEnd) or midnight + timedelta(days=1) - _SECOND
    if start > end:
        raise BadOrder
    return Window(start, end)


def parse_date(text: str, refusal: type[InvalidInput]) -> datetime | None:
    """Read a date such as 2026-07-03T09:15:42, which has no zone and is in UTC. Returns None for an empty text.

    A fraction of a second is dropped. Raises `refusal`.
    """
    if not text:
        return None
    match = _DATE.match(text)
    try:
        if match:
            return datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise refusal
