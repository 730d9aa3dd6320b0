"""The pause before the next attempt, and what a receiver says of it.

Contract: docs/contract/deliveries.md#retry-schedule.
"""

from datetime import UTC, datetime

import pytest

from outbound.retries import delay_seconds, parse_retry_after

NOW = datetime(2026, 2, 3, 9, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("strategy", "interval", "failures_before", "expected"),
    [
        ("linear", 10, 0, 10),
        ("linear", 10, 7, 10),
        ("linear", 100_000, 3, 100_000),
        ("linear", 0, 0, 120),
        ("", 30, 2, 30),
        ("fibonacci", 30, 2, 30),
        ("exponential", 10, 0, 10),
        ("exponential", 10, 1, 20),
        ("exponential", 10, 2, 40),
        ("exponential", 10, 9, 5120),
        ("exponential", 10, 10, 7200),
        ("exponential", 10, 4_000_000_000, 7200),
        ("exponential", 1, 12, 4096),
        ("exponential", 1, 13, 7200),
        ("exponential", 2_147_483_647, 0, 7200),
        ("exponential", 0, 5, 120),
    ],
)
def test_the_delay_of_each_strategy(strategy: str, interval: int, failures_before: int, expected: float) -> None:
    """A computed delay of 0 stands for 120."""
    assert delay_seconds(strategy, interval, failures_before, random=lambda: 0) == expected


@pytest.mark.parametrize(("failures_before", "base"), [(0, 10), (3, 80), (30, 7200)])
def test_jitter_is_added_after_the_cap(failures_before: int, base: float) -> None:
    assert delay_seconds("exponential", 10, failures_before, random=lambda: 0.5) == base + 2.5
    assert base <= delay_seconds("exponential", 10, failures_before) < base + 5


@pytest.mark.parametrize(("interval", "most"), [(1, 0.1), (10, 1), (100, 10), (100_000, 10), (0, 10)])
def test_a_linear_delay_is_the_interval_and_a_bounded_jitter(interval: int, most: float) -> None:
    base = interval or 120
    assert delay_seconds("linear", interval, 3, random=lambda: 0.5) == base + most / 2
    found = {delay_seconds("linear", interval, 3) for _ in range(100)}
    assert len(found) > 50
    assert all(base <= delay < base + most for delay in found)


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [(None, 10), (0, 10), (5, 10), (60, 60), (3600, 3600), (999_999_999, 3600), (float("inf"), 3600)],
)
def test_the_receiver_may_ask_for_more_patience_within_bounds(retry_after: float | None, expected: float) -> None:
    assert delay_seconds("linear", 10, 0, retry_after=retry_after, random=lambda: 0) == expected


def test_a_delay_that_is_longer_than_the_bound_stays() -> None:
    assert delay_seconds("linear", 10_000, 0, retry_after=20_000, random=lambda: 0) == 10_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Tue, 03 Feb 2026 09:16:40 GMT", 100),
        ("Tue, 03 Feb 2026 09:16:40 -0000", 100),
        ("Tue, 03 Feb 2026 11:16:40 +0200", 100),
        ("Tuesday, 03-Feb-26 09:16:40 GMT", 100),
        ("Tue, 03 Feb 2026 09:00:00 GMT", 0),
        ("Tue, 03 Feb 0001 09:00:00 +2359", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOW).total_seconds()),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("1e9", None),
        ("²", None),
        ("9999999999", 9_999_999_999),
        ("9" * 5000, float("inf")),
        ("soon", None),
        ("Tue, 99 Feb 2026 09:16:40 GMT", None),
        ("Tue, 03 Feb 99999999999 09:16:40 GMT", None),
        ("Tue, 03 Feb 2026 09:16:40 +999999", None),
        (",", None),
        ("\x00", None),
    ],
)
def test_reading_retry_after(value: str, expected: float | None) -> None:
    assert parse_retry_after(value, NOW) == expected
