"""Draw the charts of the portal as SVG: the sparkline of a list's row, and the chart of an endpoint's page.

The policy of the pages allows no inline style, so geometry is in attributes and paint is in classes. Delivered is above
the axis and failed below it, so that neither depends on colour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.formats import date_format
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext

from portal.words import number

#: The sparkline: 24 bars of 3 units with a gap of 1, an axis at AXIS, and the heights above and below it.
SPARK_WIDTH, SPARK_HEIGHT, AXIS, ABOVE, BELOW, LEAST = 96, 28, 19.5, 18, 8, 3
#: The chart: PLOT_HEIGHT holds both halves, and MARGIN is free above and below.
PLOT_WIDTH, PLOT_HEIGHT, MARGIN = 240, 98, 1

Counts = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the chart: a period, and the deliveries that finished in it."""

    start: datetime
    end: datetime
    delivered: int
    failed: int

    @property
    def is_long(self) -> bool:
        """Whether the period is a day or more, and is named by its date."""
        return self.end - self.start >= timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart of an endpoint's page: its SVG, the numbers at the ends of its scale, and the periods on its axis."""

    svg: SafeString
    top: int
    low: int
    bars: Sequence[Bar]

    @property
    def marks(self) -> Sequence[datetime]:
        """Return the times that are written below the axis; "now" follows them."""
        quarter = max(len(self.bars) // 4, 1)
        return [bar.start for bar in self.bars[::quarter]][:4]


def totals(counts: Counts) -> str:
    """Return the numbers of a chart in words: "118 delivered, 3 failed"."""
    return _numbers(sum(delivered for delivered, _ in counts), sum(failed for _, failed in counts))


def sparkline(hours: Counts) -> SafeString:
    """Return the sparkline of (delivered, failed) by hour, oldest first. One scale serves both halves."""
    top = max((max(pair) for pair in hours), default=0)
    parts = []
    for index, (delivered, failed) in enumerate(hours):
        x = index * 4
        if delivered:
            height = max(LEAST, round(ABOVE * delivered / top))
            parts.append(f'<rect class="ok" x="{x}" y="{19 - height}" width="3" height="{height}"/>')
        if failed:
            height = max(LEAST, round(BELOW * failed / top))
            parts.append(f'<rect class="no" x="{x}" y="20" width="3" height="{height}"/>')
    name = conditional_escape(gettext("Last 24 hours: %(numbers)s") % {"numbers": totals(hours)})
    return mark_safe(  # noqa: S308 - numbers, and an escaped name
        f'<svg class="spark" viewBox="0 0 {SPARK_WIDTH} {SPARK_HEIGHT}" role="img" aria-label="{name}">'
        f'<path class="axis" d="M0 {AXIS}h{SPARK_WIDTH}"/>{"".join(parts)}</svg>'
    )


def chart(bars: Sequence[Bar]) -> Chart:
    """Return the chart of some bars, oldest first, of which at least one has a delivery."""
    top = max(bar.delivered for bar in bars)
    low = max(bar.failed for bar in bars)
    unit = PLOT_HEIGHT / ((top + low) or 1)
    zero = MARGIN + top * unit
    step = PLOT_WIDTH / len(bars)
    parts = [f'<path class="grid" d="M0 {y:g}h{PLOT_WIDTH}"/>' for y, is_used in ((0.5, top), (99.5, low)) if is_used]
    for index, bar in enumerate(bars):
        place = f'x="{step * (index + 0.1):.4g}" width="{step * 0.8:.3g}"'
        drawn = ""
        if bar.delivered:
            height = bar.delivered * unit
            drawn += f'<rect class="ok" {place} y="{zero - height:.1f}" height="{height:.1f}"/>'
        if bar.failed:
            drawn += f'<rect class="no" {place} y="{zero:.1f}" height="{bar.failed * unit:.1f}"/>'
        parts.append(f"<g><title>{conditional_escape(_title(bar))}</title>{drawn}</g>")
    counts = [(bar.delivered, bar.failed) for bar in bars]
    name = conditional_escape(gettext("Deliveries over time: %(numbers)s") % {"numbers": totals(counts)})
    svg = mark_safe(  # noqa: S308 - numbers, and escaped texts
        f'<svg class="chart" viewBox="0 0 {PLOT_WIDTH} 100" preserveAspectRatio="none" role="img" aria-label="{name}">'
        f'{"".join(parts)}<path class="axis" d="M0 {zero:.1f}h{PLOT_WIDTH}"/></svg>'
    )
    return Chart(svg, top, low, bars)


def hourly(hours: Counts, now: datetime) -> list[Bar]:
    """Return the bars of the last hours, of which the last is the hour of `now`."""
    this = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first = this - timedelta(hours=len(hours) - 1)
    return [
        Bar(first + timedelta(hours=index), first + timedelta(hours=index + 1), delivered, failed)
        for index, (delivered, failed) in enumerate(hours)
    ]


def _title(bar: Bar) -> str:
    """Return the tooltip of a bar. Its times are in UTC, because the page's script cannot convert them."""
    numbers = _numbers(bar.delivered, bar.failed)
    if bar.is_long:
        return gettext("%(day)s: %(numbers)s") % {"day": date_format(bar.start, "j M"), "numbers": numbers}
    return gettext("%(start)s to %(end)s UTC: %(numbers)s") % {
        "start": date_format(bar.start, "j M H:i" if bar.end - bar.start > timedelta(hours=1) else "H:i"),
        "end": date_format(bar.end, "H:i"),
        "numbers": numbers,
    }


def _numbers(delivered: int, failed: int) -> str:
    first = ngettext("%(count)s delivered", "%(count)s delivered", delivered) % {"count": number(delivered)}
    second = ngettext("%(count)s failed", "%(count)s failed", failed) % {"count": number(failed)}
    return gettext("%(delivered)s, %(failed)s") % {"delivered": first, "failed": second}
