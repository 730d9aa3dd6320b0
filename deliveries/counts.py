"""Count deliveries. Contract: docs/contract/portal-sessions.md#counts, docs/contract/endpoints.md#failure-rates.

Deliveries are counted when a caller asks for it: within a time limit, or not at all.
"""

from collections.abc import Sequence
from datetime import UTC, date, timedelta
from typing import Annotated, NamedTuple, TypedDict

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDay, TruncMonth, TruncWeek, TruncYear

from core.api.documents import Example, Keywords, Uid, component
from core.api.time_limit import TookTooLong, time_limit
from core.api.windows import Window
from deliveries.exceptions import CountTooSlow
from events.models import EventDelivery, of_present_owner
from outbound.states import Status

#: The time limits of a count, and of failure rates.
BUDGET_SECONDS = 5
RATES_BUDGET_SECONDS = 2
MOST_RATES = 100
FEWEST_BUCKETS = 30
#: The source of status totals: no totals are kept.
LIVE = "live"


class Period(NamedTuple):
    """A unit of time by which a summary groups deliveries.

    `written` and `number` are the formats of a group's date and number, `days` is the step of the padding.
    """

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


@component("models.EndpointPeriodFailureRate")
class RateDocument(TypedDict):
    """The failure rate of an endpoint in a window of time."""

    uid: Annotated[Uid, "The id of the endpoint.", Example("01JZ8QM5X9C1D3F5G7H9J1K3M5")]
    period_failure_rate: Annotated[float | None, "From 0 to 1; null where there is nothing to count."]
    success_count: Annotated[int | None, "Deliveries that have succeeded."]
    failure_count: Annotated[int | None, "Deliveries that have failed for good."]
    retry_count: Annotated[int | None, "Deliveries that wait for their next attempt."]


class GroupDocument(TypedDict):
    """A day, week, month or year."""

    index: Annotated[int, "The number of the day in its year, of the week, the month or the year."]
    date: Annotated[str, "The day, the month as `2026-11`, or the year."]


class BucketDocument(TypedDict):
    """The deliveries of a day, week, month or year."""

    data: Annotated[GroupDocument, "The day, week, month or year."]
    count: Annotated[int, "The number of deliveries."]


class TotalsDocument(TypedDict):
    """Deliveries by status."""

    totals: Annotated[
        dict[str, int],
        "The number of deliveries by status.",
        Keywords(
            properties={
                status: {"type": "integer", "description": f"Deliveries that are {status}."} for status in Status.values
            }
        ),
    ]
    source: Annotated[str, "Deliveries are counted at the request.", Keywords(enum=[LIVE]), Example(LIVE)]


class SummaryDocument(TypedDict):
    """Deliveries by day, week, month or year."""

    events_sent: Annotated[int, "Deliveries in all."]
    apps: Annotated[int, "Endpoints."]
    period: Annotated[str, "The unit of time.", Keywords(enum=list(PERIODS)), Example(next(iter(PERIODS)))]
    event_data: Annotated[list[BucketDocument], "The units of time that the window has, the earliest first."]


def count_by_status(rows: "QuerySet[EventDelivery]") -> dict[str, int]:
    """Count deliveries by status; a status without any is absent. Raises TookTooLong."""
    with time_limit(BUDGET_SECONDS, CountTooSlow.message):
        return dict(rows.order_by().values_list("status").annotate(Count("pk")))


def count(rows: "QuerySet[EventDelivery]") -> int:
    """Count deliveries. Raises TookTooLong."""
    with time_limit(BUDGET_SECONDS, CountTooSlow.message):
        return rows.count()


def count_by_period(rows: "QuerySet[EventDelivery]", period: str, last_day: date) -> list[BucketDocument]:
    """Count deliveries by day, week, month or year of their creation, in UTC, padded. Raises TookTooLong."""
    unit = PERIODS[period]
    groups = rows.annotate(start=unit.truncate("created_at", tzinfo=UTC)).order_by("start").values("start")
    with time_limit(BUDGET_SECONDS, CountTooSlow.message):
        counted = [(found["start"], found["count"]) for found in groups.annotate(count=Count("pk"))]
    return padded(unit, [(start.date(), number) for start, number in counted], last_day)


def padded(unit: Period, counted: Sequence[tuple[date, int]], last_day: date) -> list[BucketDocument]:
    """Return a bucket for each start of a period and its number of deliveries, oldest first.

    Fewer than FEWEST_BUCKETS are padded in front, from the first one or from `last_day` backwards; gaps
    between two of them are not filled.
    """
    buckets = [_bucket(unit, start, int(start.strftime(unit.number)), number) for start, number in counted]
    step = timedelta(days=unit.days)
    first = counted[0][0] - step if counted else last_day
    for missing in range(FEWEST_BUCKETS - len(buckets)):
        # Before the year 1 there are no days to pad with.
        if first.toordinal() > missing * unit.days:
            buckets.insert(0, _bucket(unit, first - missing * step, 0, 0))
    return buckets


def period_failure_rates(
    project_id: str, endpoint_ids: Sequence[str], window: Window, *, is_customers: bool = False
) -> list[RateDocument]:
    """Return the share of each endpoint's deliveries that has failed, in the order of the ids.

    For a customer, only those of the endpoint's present owner count.

    Deliveries count by the time of their creation. All is null where there is nothing to count, or
    counting takes too long.
    """
    rows = EventDelivery.objects.filter(
        project_id=project_id,
        endpoint__in=endpoint_ids,
        pk__gte=window.first_uid,
        pk__lt=window.beyond_uid,
        status__in=[Status.SUCCESS, Status.FAILURE, Status.RETRY],
        test=EventDelivery.Test.NONE,
    )
    if is_customers:
        rows = rows.filter(of_present_owner())
    counts: dict[str, dict[str, int]] = {}
    try:
        with time_limit(RATES_BUDGET_SECONDS, CountTooSlow.message):
            for endpoint_id, status, number in (
                rows.order_by().values_list("endpoint_id", "status").annotate(Count("pk"))
            ):
                counts.setdefault(endpoint_id, {})[status] = number
    except TookTooLong:
        counts = {}
    return [_rate(uid, counts.get(uid)) for uid in endpoint_ids]


def _bucket(unit: Period, start: date, number: int, count: int) -> BucketDocument:
    return {"data": {"index": number, "date": start.strftime(unit.written)}, "count": count}


def _rate(uid: str, counts: dict[str, int] | None) -> RateDocument:
    if counts is None:
        return {
            "uid": uid,
            "period_failure_rate": None,
            "success_count": None,
            "failure_count": None,
            "retry_count": None,
        }
    success, failure, retry = (counts.get(status, 0) for status in (Status.SUCCESS, Status.FAILURE, Status.RETRY))
    return {
        "uid": uid,
        "period_failure_rate": (failure + retry) / (success + failure + retry),
        "success_count": success,
        "failure_count": failure,
        "retry_count": retry,
    }
