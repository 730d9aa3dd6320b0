"""Draw the deliveries of each hour as an SVG image, which needs no script and no style of its own."""

from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from operators.figures import Hour

WIDTH, HEIGHT, FOOT, GAP = 720, 150, 18, 4


def chart(hours: Sequence[Hour]) -> SafeString:
    """Return bars of what was delivered, under what has failed, with a tooltip and the hour of every sixth."""
    most = max((hour.delivered + hour.failed for hour in hours), default=0) or 1
    step = WIDTH / max(len(hours), 1)
    drawn = ((_bar(hour, number * step, step - GAP, most),) for number, hour in enumerate(hours))
    bars = format_html_join("", "{}", drawn)
    labels = format_html_join(
        "",
        '<text x="{}" y="{}">{}</text>',
        (
            (round(number * step, 1), HEIGHT + FOOT - 4, f"{hour.at:%H:%M}")
            for number, hour in enumerate(hours)
            if hour.at.hour % 6 == 0
        ),
    )
    delivered, failed = sum(hour.delivered for hour in hours), sum(hour.failed for hour in hours)
    said = f"{delivered:,} delivered and {failed:,} failed in {len(hours)} hours; at most {most:,} in one hour"
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}'
        '<line class="axis" x1="0" x2="{}" y1="{}" y2="{}"/></svg>',
        *(WIDTH, HEIGHT + FOOT, said, bars, labels, WIDTH, HEIGHT, HEIGHT),
    )


def _bar(hour: Hour, x: float, width: float, most: int) -> SafeString:
    failed, delivered = (_height(figure, most) for figure in (hour.failed, hour.delivered))
    return format_html(
        '<g><title>{}</title><rect class="all" x="{}" y="0" width="{}" height="{}"/>'
        '<rect class="delivered" x="{}" y="{}" width="{}" height="{}"/>'
        '<rect class="failed" x="{}" y="{}" width="{}" height="{}"/></g>',
        f"{hour.at:%Y-%m-%d %H:%M}: {hour.delivered:,} delivered, {hour.failed:,} failed",
        *(round(x, 1), round(width, 1), HEIGHT),
        *(round(x, 1), round(HEIGHT - delivered, 1), round(width, 1), delivered),
        *(round(x, 1), round(HEIGHT - delivered - failed, 1), round(width, 1), failed),
    )


def _height(figure: int, most: int) -> float:
    """Return the height of a figure; what is not zero can be seen."""
    return max(round(HEIGHT * figure / most * 0.97, 1), 2.0) if figure else 0.0
