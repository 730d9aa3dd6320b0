"""The charts of the portal: geometry in attributes, numbers in names."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from django.utils.translation import override

from portal.charts import Bar, chart, hourly, sparkline, totals

NOW = datetime(2026, 11, 27, 18, 42, tzinfo=UTC)
QUIET = [(0, 0)] * 24


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - our own text


def rects(svg: str, css_class: str) -> list[dict[str, float]]:
    return [
        {name: float(value) for name, value in rect.attrib.items() if name != "class"}
        for rect in parsed(svg).iter("rect")
        if rect.get("class") == css_class
    ]


def test_a_sparkline_is_named_by_its_numbers() -> None:
    svg = parsed(sparkline([*QUIET[:22], (1200, 0), (84, 3)]))
    assert (svg.get("role"), svg.get("aria-label")) == ("img", "Last 24 hours: 1,284 delivered, 3 failed")


def test_a_quiet_day_has_an_axis_only() -> None:
    assert "<rect" not in sparkline(QUIET)
    assert 'class="axis"' in sparkline(QUIET)


def test_delivered_is_above_the_axis_and_failed_below_it() -> None:
    svg = sparkline([*QUIET[:22], (10, 0), (5, 10)])
    assert rects(svg, "ok") == [
        {"x": 88, "y": 1, "width": 3, "height": 18},
        {"x": 92, "y": 10, "width": 3, "height": 9},
    ]
    assert rects(svg, "no") == [{"x": 92, "y": 20, "width": 3, "height": 8}]


def test_one_failure_among_thousands_can_be_seen() -> None:
    assert rects(sparkline([*QUIET[:23], (5000, 1)]), "no")[0]["height"] == 3


@pytest.mark.parametrize("hours", [QUIET, [(9, 0)] * 24, [(0, 9)] * 24, [(10**9, 10**9)] * 24, [(1, 10**6)] * 24])
def test_a_sparkline_stays_within_its_box(hours: list[tuple[int, int]]) -> None:
    for rect in rects(sparkline(hours), "ok") + rects(sparkline(hours), "no"):
        assert 0 <= rect["x"] <= 93
        assert 0 <= rect["y"] <= rect["y"] + rect["height"] <= 28


@pytest.mark.parametrize("hours", [[(22, 0)] * 24, [(0, 4)] * 24, [(13, 4)] * 24, [(1, 10**6)] * 24])
def test_the_chart_stays_within_its_box(hours: list[tuple[int, int]]) -> None:
    drawn = chart(hourly(hours, NOW))
    for rect in rects(drawn.svg, "ok") + rects(drawn.svg, "no"):
        assert 0 <= rect["x"] <= rect["x"] + rect["width"] <= 240
        assert 0 <= rect["y"] <= rect["y"] + rect["height"] <= 100


def test_the_chart_of_failures_alone_hangs_from_the_top() -> None:
    drawn = chart(hourly([*QUIET[:23], (0, 4)], NOW))
    assert (drawn.top, drawn.low) == (0, 4)
    assert rects(drawn.svg, "no") == [{"x": 231, "y": 1, "width": 8, "height": 98}]


def test_each_hour_has_a_title_and_the_last_is_the_present_one() -> None:
    drawn = chart(hourly([*QUIET[:23], (14, 1)], NOW))
    titles = re.findall("<title>(.*?)</title>", drawn.svg)
    assert len(titles) == 24
    assert titles[0] == "19:00 to 20:00 UTC: 0 delivered, 0 failed"
    assert titles[-1] == "18:00 to 19:00 UTC: 14 delivered, 1 failed"


def test_the_chart_has_four_times_on_its_axis() -> None:
    assert [mark.hour for mark in chart(hourly([*QUIET[:23], (1, 0)], NOW)).marks] == [19, 1, 7, 13]


def test_a_bar_of_a_day_is_named_by_its_date() -> None:
    day = datetime(2026, 11, 24, tzinfo=UTC)
    drawn = chart([Bar(day, day + timedelta(days=1), 7, 0)])
    assert "<title>24 Nov: 7 delivered, 0 failed</title>" in drawn.svg


def test_a_bar_of_some_hours_is_named_by_its_date_and_times() -> None:
    start = datetime(2026, 11, 24, 6, tzinfo=UTC)
    drawn = chart([Bar(start, start + timedelta(hours=6), 7, 0)])
    assert "<title>24 Nov 06:00 to 12:00 UTC: 7 delivered, 0 failed</title>" in drawn.svg


def test_totals_in_words() -> None:
    assert totals([(600, 1), (684, 2)]) == "1,284 delivered, 3 failed"
