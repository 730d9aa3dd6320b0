"""Figures of deliveries. Contract: meta-events-and-onboard section 4, endpoints rules 26 to 28.

They are counted when they are asked for: in time, or not at all.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDay, TruncMonth, TruncWeek, TruncYear

from core.api.time_limit import TookTooLong, time_limit
from core.api.windows import Window
from events.models import EventDelivery
from outbound.states import Status

#: How long a count may take, and what is said when it does.
BUDGET_SECONDS = 5
TOO_LONG = "Event deliveries took too long. Narrow the date range."
RATES_BUDGET_SECONDS = 2
MOST_RATES = 100
FEWEST_BUCKETS = 30


class Period(NamedTuple):
    """How a summary groups days: PostgreSQL's unit, how a group is written, its number, the padding's step."""

    truncate: type[TruncDay | TruncWeek | TruncMonth | TruncYear]
    written: str
    number: str
    days: int


PERIODS = {
    "daily": Period(TruncDay, "%Y-%m-%d", "%j", 1),
    "weekly": Period(TruncWeek, "%Y-%m-%d", "%V", 7),
    "monthly": Period(TruncMonth, "%Y-%m", "%m", 30),
    "yearly": Period(TruncYear, "%Y", "%Y", 365),
}


def count_by_status(rows: "QuerySet[EventDelivery]") -> dict[str, int]:
    """How many deliveries there are of each status; one without any is absent. Raises TookTooLong."""
    with time_limit(BUDGET_SECONDS, TOO_LONG):
        return dict(rows.order_by().values_list("status").annotate(Count("pk")))


def count(rows: "QuerySet[EventDelivery]") -> int:
    """How many deliveries there are. Raises TookTooLong."""
    with time_limit(BUDGET_SECONDS, TOO_LONG):
        return rows.count()


def count_by_period(rows: "QuerySet[EventDelivery]", period: str, last_day: date) -> list[dict[str, Any]]:
    """Deliveries by day, week, month or year of their creation, in UTC, oldest first.

    Fewer than FEWEST_BUCKETS are padded in front, from the first one or from `last_day` backwards; what
    is between two of them is not filled. Raises TookTooLong.
    """
    unit = PERIODS[period]
    groups = rows.annotate(start=unit.truncate("created_at", tzinfo=UTC)).order_by("start").values("start")
    with time_limit(BUDGET_SECONDS, TOO_LONG):
        counted = [(found["start"], found["count"]) for found in groups.annotate(count=Count("pk"))]
    buckets = [_bucket(unit, start, int(start.strftime(unit.number)), number) for start, number in counted]
    step = timedelta(days=unit.days)
    first = counted[0][0].date() - step if counted else last_day
    for missing in range(FEWEST_BUCKETS - len(buckets)):
        # Before the year 1 there are no days to pad with.
        if first.toordinal() > missing * unit.days:
            buckets.insert(0, _bucket(unit, first - missing * step, 0, 0))
    return buckets


def period_failure_rates(project_id: str, endpoint_ids: Sequence[str], window: Window) -> list[dict[str, Any]]:
    """What share of each endpoint's deliveries has failed, in the order of the ids.

    Deliveries count by the time of their creation. All is null where there is nothing to count, or
    counting takes too long.
    """
    rows = EventDelivery.objects.filter(
        project_id=project_id,
        endpoint__in=endpoint_ids,
        pk__gte=window.first_uid,
        pk__lt=window.beyond_uid,
        status__in=[Status.SUCCESS, Status.FAILURE, Status.RETRY],
    )
    counts: dict[str, dict[str, int]] = {}
    try:
        with time_limit(RATES_BUDGET_SECONDS, TOO_LONG):
            for endpoint_id, status, number in (
                rows.order_by().values_list("endpoint_id", "status").annotate(Count("pk"))
            ):
                counts.setdefault(endpoint_id, {})[status] = number
    except TookTooLong:
        counts = {}
    return [_rate(uid, counts.get(uid)) for uid in endpoint_ids]


def _bucket(unit: Period, start: date | datetime, number: int, count: int) -> dict[str, Any]:
    return {"data": {"index": number, "date": start.strftime(unit.written)}, "count": count}


def _rate(uid: str, counts: dict[str, int] | None) -> dict[str, Any]:
    names = ("period_failure_rate", "success_count", "failure_count", "retry_count")
    if counts is None:
        return {"uid": uid, **dict.fromkeys(names)}
    success, failure, retry = (counts.get(status, 0) for status in (Status.SUCCESS, Status.FAILURE, Status.RETRY))
    rate = (failure + retry) / (success + failure + retry)
    return {"uid": uid, **dict(zip(names, (rate, success, failure, retry), strict=True))}
