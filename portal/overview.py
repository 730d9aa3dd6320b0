"""Read the overview of an endpoint: its figures, latest deliveries, chosen events, secret and code."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from endpoints.models import Endpoint, EndpointHour
from endpoints.secrets import is_live
from endpoints.timeouts import timeout_of
from events.models import DeliveryAttempt, EventDelivery
from outbound.answers import answer_kind, answer_text
from outbound.states import Status
from portal.charts import Bar, Chart, chart
from portal.delivery_words import answer_and_rest, not_sent_briefly
from portal.filter_words import filter_words
from portal.routes import url_of
from portal.verification import snippets
from portal.words import (
    Choice,
    Pill,
    answer_words,
    choices,
    delivery_pill,
    duration,
    group_of,
    number,
    span,
)
from portal_links.access import Access
from projects.models import EVERY_TYPE, EventType
from subscriptions.models import Filter

LATEST = 6
#: The number of latest deliveries from which the median time of answers is computed.
MEDIAN_OF = 100


@dataclass(frozen=True, slots=True)
class Period:
    """A period of the chart: its name in the address, its words, the hours of one bar, and the number of bars.

    `mark` and `row` are the styles of the times on the axis and in the table (`moment`).
    """

    name: str
    words: Any
    title: Any
    hours: int
    bars: int
    mark: str
    row: str


PERIODS = {
    period.name: period
    for period in (
        Period("24h", _("24 h"), _("Last 24 hours"), 1, 24, "hour", "hour"),
        Period("7d", _("7 d"), _("Last 7 days"), 6, 28, "day", "short"),
        Period("30d", _("30 d"), _("Last 30 days"), 24, 30, "day", "day"),
    )
}


@dataclass(frozen=True, slots=True)
class Figures:
    """The deliveries of one period: totals, the chart (None where nothing was sent), and the answers in words."""

    period: Period
    delivered: int
    failed: int
    chart: Chart | None
    answers: str


@dataclass(frozen=True, slots=True)
class Latest:
    """One of the latest deliveries, with its answer in words. `url` is its page."""

    url: str
    event_type: str
    created_at: datetime
    pill: Pill
    answer: str
    is_test: bool


@dataclass(frozen=True, slots=True)
class Listening:
    """One line of the events that an endpoint listens to, with a note: the types of a group, or the conditions."""

    choice: Choice
    note: str

    @property
    def is_everything(self) -> bool:
        """Whether it stands for all events."""
        return self.choice.name == EVERY_TYPE


def figures(endpoint: Endpoint, period: Period, now: datetime) -> Figures:
    """Return the figures of an endpoint for a period that ends now. One statement."""
    this = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    end = this - timedelta(hours=this.hour % period.hours) + timedelta(hours=period.hours)
    step = timedelta(hours=period.hours)
    start = end - step * period.bars
    bars = [[0, 0] for _ in range(period.bars)]
    failures: Counter[str] = Counter()
    rows = EndpointHour.objects.filter(endpoint=endpoint, hour__gte=start, hour__lt=end)
    for hour, answer, delivered, failed in rows.values_list("hour", "answer", "delivered", "failed"):
        bar = bars[(hour - start) // step]
        bar[0] += delivered
        bar[1] += failed
        if failed:
            failures[answer] += failed
    drawn = [
        Bar(start + step * index, start + step * (index + 1), delivered, failed)
        for index, (delivered, failed) in enumerate(bars)
    ]
    delivered, failed = (sum(counts) for counts in zip(*bars, strict=True))
    return Figures(
        period, delivered, failed, chart(drawn) if delivered or failed else None, _answers_of(failures, delivered)
    )


def _answers_of(failures: Counter[str], delivered: int) -> str:
    """Say which answers the failed deliveries had; blank where none has failed."""
    if not failures:
        return ""
    kind, _count = failures.most_common(1)[0]
    answer = kind if kind.isdecimal() else answer_words(kind)
    if len(failures) == 1:
        return (
            gettext("%(answer)s for all that failed") if delivered else gettext("%(answer)s is the only answer")
        ) % {"answer": answer}
    more = len(failures) - 1
    words = ngettext("mostly %(answer)s, and %(more)s other", "mostly %(answer)s, and %(more)s others", more)
    return words % {"answer": answer, "more": number(more)}


def median_seconds(endpoint: Endpoint) -> float | None:
    """Return the median time of the answers to the latest deliveries; None where none succeeded. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_MEDIAN, [endpoint.pk, MEDIAN_OF])
        found = cursor.fetchone()
    return None if found is None else found[0]


_MEDIAN = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.responded_at - a.requested_at)::float)
FROM (
  SELECT uid FROM events_eventdelivery WHERE endpoint_id = %s ORDER BY uid DESC LIMIT %s
) d
JOIN LATERAL (
  SELECT requested_at, responded_at, status FROM events_deliveryattempt
  WHERE delivery_id = d.uid ORDER BY uid DESC LIMIT 1
) a ON a.status
"""


def latest_deliveries(access: Access, endpoint: Endpoint, now: datetime) -> list[Latest]:
    """Return the latest deliveries of an endpoint with their last answers, newest first. One statement."""
    attempts = DeliveryAttempt.objects.filter(delivery=OuterRef("pk")).order_by("-pk")
    rows = (
        EventDelivery.objects.filter(endpoint=endpoint, pk__gte=endpoint.held_from)
        .order_by("-pk")
        .annotate(
            **{
                f"last_{name}": Subquery(attempts.values(name)[:1])
                for name in ("http_status", "error", "requested_at", "responded_at")
            }
        )
        .only("uid", "event_type", "created_at", "status", "test", "next_send_time", "description")
    )
    timeout = timeout_of(endpoint.http_timeout)
    return [
        Latest(
            url_of(access, "portal-delivery", row.pk),
            row.event_type,
            row.created_at,
            delivery_pill(row.status),
            _answer_of(row, timeout, now),
            bool(row.test),
        )
        for row in rows[:LATEST]
    ]


def _answer_of(row: Any, timeout: float, now: datetime) -> str:
    """Return the last answer to a delivery in words, with its time, or with the time until the next attempt."""
    if row.status == Status.DISCARDED:
        return not_sent_briefly(row.description)
    if row.last_requested_at is None:
        return ""
    kind = answer_kind(row.last_http_status, row.last_error)
    words = answer_words(kind, answer_text(row.last_http_status, row.last_error), timeout_seconds=timeout)
    if row.status == Status.RETRY:
        return answer_and_rest(kind if kind.isdecimal() else words, row.next_send_time, now)
    if row.status == Status.SUCCESS and row.last_responded_at is not None:
        taken = (row.last_responded_at - row.last_requested_at).total_seconds()
        return gettext("%(answer)s, %(time)s") % {"answer": words, "time": duration(taken)}
    return words


def known_types(access: Access) -> list[str]:
    """Return the names of the project's event types that are in use. One statement."""
    types = EventType.objects.filter(project=access.project, deprecated_at=None).exclude(name=EVERY_TYPE)
    return list(types.values_list("name", flat=True))


def listens(endpoint: Endpoint, known: Sequence[str]) -> list[Listening]:
    """Return what an endpoint listens to, a line for each type, and one for each complete group. One statement."""
    rows = Filter.objects.filter(
        subscription__endpoint=endpoint, subscription__deleted_at=None, enabled_at__isnull=False
    ).values_list("event_type", "conditions")
    conditions: dict[str, Any] = {}
    for event_type, filtered in rows:
        conditions[event_type] = filtered or conditions.get(event_type)
    lines = choices([name for name, filtered in conditions.items() if not filtered], known)
    # A type with conditions keeps a line of its own, which says them.
    lines += [line for name, filtered in conditions.items() if filtered for line in choices([name], [])]
    return [Listening(line, _note(line, conditions, known)) for line in sorted(lines, key=lambda line: line.name)]


def _note(line: Choice, conditions: dict[str, Any], known: Sequence[str]) -> str:
    if conditions.get(line.types[0]):
        return format_html(gettext("if {words}"), words=filter_words(conditions[line.types[0]]))
    if line.name == EVERY_TYPE:
        count = len(known)
        if not count:
            return ""
        words = ngettext(
            "Today's %(count)s type and those added later", "Today's %(count)s types and those added later", count
        )
        return words % {"count": number(count)}
    if line.is_group:
        words = ngettext("The %(count)s %(group)s event", "All %(count)s %(group)s events", len(line.types))
        return words % {"count": number(len(line.types)), "group": group_of(line.types[0])}
    return ""


def overview(access: Access, endpoint: Endpoint, period: str) -> dict[str, Any]:
    """Return the context of an endpoint's overview, but for its head. It holds no value of a secret."""
    now = timezone.now()
    live = [secret for secret in endpoint.secrets if is_live(secret, now)]
    signature = access.project.config["signature"]
    # Deliveries are signed with every version. The receiver needs to check one, and the last is the newest.
    version = signature["versions"][-1]
    authentication = endpoint.authentication or {}
    kind = authentication.get("type", "")
    known = known_types(access)
    median = median_seconds(endpoint)
    return {
        "figures": figures(endpoint, PERIODS.get(period, PERIODS["24h"]), now),
        "periods": PERIODS.values(),
        "median": "" if median is None else duration(median),
        "latest": latest_deliveries(access, endpoint, now),
        "listens": listens(endpoint, known),
        "secret_since": datetime.fromisoformat(live[-1]["created_at"]),
        "older_until": [datetime.fromisoformat(secret["expires_at"]) for secret in reversed(live[:-1])],
        "header": signature["header"],
        "snippets": snippets(
            advanced=endpoint.advanced_signatures,
            header=signature["header"],
            hash=version["hash"],
            encoding=version["encoding"],
        ),
        "authentication": kind,
        "sent_as": (authentication.get(kind) or {}).get("header_name", ""),
        "has_certificate": endpoint.mtls_client_cert is not None,
        "rate_period": span(endpoint.rate_limit_duration),
    }
