"""The window of a list by its dates. Contract: docs/contract/conventions.md#date-window."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.request import Request

from core.api.windows import BadEnd, BadOrder, BadStart, Window, read_window
from core.exceptions import InvalidInput
from core.ulid import first_ulid_at


def window(**query: Any) -> Window:
    return read_window(Request(RequestFactory().get(f"/?{urlencode(query)}")))


def test_two_dates() -> None:
    found = window(startDate="2026-01-02T03:04:05", endDate="2026-01-02T03:04:06")
    assert found == (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC))
    # The second of the end is in it whole.
    assert found.first_uid == first_ulid_at(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert found.beyond_uid == first_ulid_at(datetime(2026, 1, 2, 3, 4, 7, tzinfo=UTC))


def test_without_dates_it_is_the_last_week_and_today() -> None:
    found, today = window(startDate="", endDate=""), timezone.now().date()
    assert found.start.date() in (today - timedelta(days=7), today - timedelta(days=8))
    assert (found.end - found.start) == timedelta(days=8) - timedelta(seconds=1)
    assert found.start.strftime("%H:%M:%S.%f") == "00:00:00.000000"


def test_a_fraction_of_a_second_is_dropped() -> None:
    for fraction in (".5", ".999999999", ",1"):
        found = window(startDate=f"2026-01-02T03:04:05{fraction}", endDate=f"2026-01-02T03:04:05{fraction}")
        assert found.start == found.end == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("2026-01-02", "2026-01-02T03:04", "2026-01-02 03:04:05", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05+01:00"),
        *("2026-02-30T00:00:00", "2026-01-02T24:00:00", "2026-01-02T03:04:60", "0000-01-01T00:00:00", "now", "🦄", " "),
        *("20260102T030405", "2026-01-02T03:04:05\n", "12026-01-02T03:04:05", "٢٠٢٦-01-02T03:04:05", "x" * 5000),
    ],
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(InvalidInput, match="startDate in the format") as start:
        window(startDate=text)
    with pytest.raises(InvalidInput, match="correct endDate") as end:
        window(endDate=text)
    assert (start.value.message, end.value.message) == (BadStart.message, BadEnd.message)


@pytest.mark.parametrize(
    "query",
    [
        {"startDate": "2026-01-02T03:04:06", "endDate": "2026-01-02T03:04:05"},
        {"startDate": "9999-01-01T00:00:00"},
        {"endDate": "1999-01-01T00:00:00"},
    ],
)
def test_an_end_before_the_start(query: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=BadOrder.message):
        window(**query)


def test_the_ends_of_time() -> None:
    found = window(startDate="0001-01-01T00:00:00", endDate="9999-12-31T23:59:59")
    assert found.first_uid == "0" * 26
    assert len(found.beyond_uid) == 26
    assert window(startDate="0001-01-01T00:00:00", endDate="0001-01-01T00:00:00").beyond_uid == "0" * 26
