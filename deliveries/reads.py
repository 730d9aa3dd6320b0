"""Read deliveries for the pages of a customer: a page of them, those that are new, and their numbers by status.

The statements are written out: each endpoint of the scope is a range of `delivery_listed`, or of
`delivery_listed_by_status` where the status is a rare one, and no more than a page is read of each. As a condition on a
list of endpoints, PostgreSQL would read all of the project's deliveries, or sort all of the customer's. What was sent
to an endpoint before its present owner had it (`held_from`) is not the customer's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from core.api.time_limit import TookTooLong, time_limit
from deliveries.exceptions import CountTooSlow
from deliveries.filters import DeliveryFilter
from events.models import DeliveryAttempt, EventDelivery
from events.reads import events_of_type
from outbound.answers import answer_kind
from outbound.states import Status

PAGE_SIZE = 50
#: Counts stop here.
COUNTED_AT_MOST = 10_000
#: The most deliveries that are looked at to count the statuses that have no index.
LOOKED_AT = 12_000
#: A count that takes longer is given up, and no numbers are shown.
COUNT_SECONDS = 1
#: A search by an id or a key finds no more deliveries than this.
FOUND_AT_MOST = 1_000
ATTEMPTS_SHOWN = 50

#: The statuses that have an index of their own.
RARE = (Status.FAILURE, Status.DISCARDED, Status.RETRY)
#: The statuses in which nothing more happens by itself.
FINAL = (Status.SUCCESS, Status.FAILURE, Status.DISCARDED)

_COLUMNS = (
    *("uid", "event_id", "event_type", "endpoint_id", "status", "test", "description", "num_trials"),
    *("num_trials_before", "retry_limit", "next_send_time", "created_at"),
)
_OWN = ", ".join(f"d.{name}" for name in _COLUMNS)
_LAST = "http_status, error, requested_at, responded_at"
# The page is chosen from the index; the rows and their last attempts are read of the page alone.
_WITH_LAST_ATTEMPT = f"""
SELECT {_OWN}, {_LAST} FROM ({{page}}) page JOIN events_eventdelivery d ON d.uid = page.uid
LEFT JOIN LATERAL (
  SELECT {_LAST} FROM events_deliveryattempt a WHERE a.delivery_id = d.uid ORDER BY a.uid DESC LIMIT 1
) a ON true
ORDER BY d.uid DESC
"""  # noqa: S608 - only this module's own text
_OF_ENDPOINTS = """
SELECT d.* FROM endpoints_endpoint scope CROSS JOIN LATERAL (
  SELECT {columns} FROM events_eventdelivery d
  WHERE d.endpoint_id = scope.uid AND d.uid >= scope.held_from AND {conditions} {order} LIMIT %(most)s
) d WHERE scope.uid = ANY(%(endpoints)s) {order} LIMIT %(most)s
"""
_BY_ID = """
SELECT {columns} FROM events_eventdelivery d
JOIN endpoints_endpoint scope ON scope.uid = d.endpoint_id AND scope.held_from <= d.uid
WHERE d.uid = ANY(%(ids)s) AND d.endpoint_id = ANY(%(endpoints)s) AND {conditions} {order} LIMIT %(most)s
"""
_NEWEST = "ORDER BY d.uid DESC"
_ENDPOINTS_WITH = """
SELECT scope.uid FROM endpoints_endpoint scope
WHERE scope.uid = ANY(%(endpoints)s) AND EXISTS (
  SELECT FROM events_eventdelivery d
  WHERE d.endpoint_id = scope.uid AND d.uid >= scope.held_from AND {conditions}
) LIMIT %(most)s
"""
_FIND = """
SELECT d.uid FROM events_eventdelivery d
JOIN endpoints_endpoint scope ON scope.uid = d.endpoint_id AND scope.held_from <= d.uid
WHERE d.endpoint_id = ANY(%(endpoints)s) AND (d.uid = %(text)s OR d.event_id = %(text)s)
UNION
SELECT d.uid FROM events_event e JOIN events_eventdelivery d ON d.event_id = e.uid
JOIN endpoints_endpoint scope ON scope.uid = d.endpoint_id AND scope.held_from <= d.uid
WHERE e.project_id = %(project)s AND e.idempotency_key = %(text)s AND NOT e.is_duplicate_event
  AND d.endpoint_id = ANY(%(endpoints)s)
LIMIT %(most)s
"""
_OF_EVENTS = """
SELECT d.uid FROM events_eventdelivery d
WHERE d.event_id = ANY(%(events)s) AND d.endpoint_id = ANY(%(endpoints)s) LIMIT %(most)s
"""
_OF_EVENT = """
SELECT d.uid FROM events_eventdelivery d
JOIN endpoints_endpoint scope ON scope.uid = d.endpoint_id AND scope.held_from <= d.uid
WHERE d.event_id = %(event)s AND d.endpoint_id = ANY(%(endpoints)s) AND d.uid <> %(uid)s
ORDER BY d.uid DESC LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class ListedDelivery:
    """A delivery in a list, with its last attempt."""

    uid: str
    event_id: str
    event_type: str
    endpoint_id: str
    status: str
    test: str
    description: str
    num_trials: int
    num_trials_before: int
    retry_limit: int
    next_send_time: datetime
    created_at: datetime
    #: Of the last attempt; None where there is none.
    http_status: str | None
    error: str | None
    requested_at: datetime | None
    responded_at: datetime | None

    @property
    def is_final(self) -> bool:
        """Return whether the delivery is over: nothing more happens by itself."""
        return self.status in FINAL

    @property
    def answer(self) -> str:
        """Return the kind of the last answer (outbound/answers.py), "" where there was no attempt."""
        return "" if self.http_status is None else answer_kind(self.http_status, self.error or "")

    @property
    def attempts(self) -> int:
        """Return the number of attempts since it was first sent, or sent again."""
        return self.num_trials - self.num_trials_before

    @property
    def seconds(self) -> float | None:
        """Return how long the last answer took."""
        if self.requested_at is None or self.responded_at is None:
            return None
        return max((self.responded_at - self.requested_at).total_seconds(), 0.0)


class Counts(NamedTuple):
    """The number of deliveries of each status. `are_partial` where only the newest were looked at."""

    by_status: dict[str, int]
    #: The failed ones without test deliveries, which are not sent again with others.
    failed: int
    total: int
    are_partial: bool

    def of(self, statuses: Iterable[str]) -> int:
        """Return the number of deliveries with one of some statuses; of all, where none is given."""
        chosen = list(statuses)
        return sum(self.by_status.get(status, 0) for status in chosen) if chosen else self.total


def listed(endpoint_ids: Sequence[str], wanted: DeliveryFilter, *, most: int = PAGE_SIZE) -> list[ListedDelivery]:
    """Return the newest `most` deliveries to some endpoints that are wanted, newest first. Raises TookTooLong."""
    conditions, values = _conditions(wanted)
    shape = _OF_ENDPOINTS if wanted.delivery_ids is None else _BY_ID
    page = shape.format(columns="d.uid", conditions=conditions, order=_NEWEST)
    values |= {"endpoints": list(endpoint_ids), "ids": wanted.delivery_ids, "most": most}
    with time_limit(COUNT_SECONDS * 2, CountTooSlow.message), connection.cursor() as cursor:
        cursor.execute(_WITH_LAST_ATTEMPT.format(page=page), values)
        return [ListedDelivery(*row) for row in cursor.fetchall()]


def counts(endpoint_ids: Sequence[str], wanted: DeliveryFilter) -> Counts | None:
    """Count the deliveries to some endpoints that are wanted, by status; None where that takes too long.

    Each number stops after COUNTED_AT_MOST. Of more than LOOKED_AT deliveries, those that have succeeded or wait for
    their first attempt are counted among that many. One statement.
    """
    conditions, values = _conditions(wanted)
    shape = _OF_ENDPOINTS if wanted.delivery_ids is None else _BY_ID
    parts = []
    for status in RARE:
        only = f"d.status = '{status}' AND {conditions}"
        rows = shape.format(columns="d.status, d.test", conditions=only, order="")
        parts.append(f"SELECT '{status}', count(*), count(*) FILTER (WHERE r.test = '') FROM ({rows}) r")  # noqa: S608
    rows = shape.format(columns="d.status", conditions=conditions, order="").replace("%(most)s", "%(looked_at)s")
    parts.append(f"SELECT 'of ' || r.status, count(*), 0 FROM ({rows}) r GROUP BY r.status")  # noqa: S608
    values |= {"endpoints": list(endpoint_ids), "ids": wanted.delivery_ids}
    values |= {"most": COUNTED_AT_MOST + 1, "looked_at": LOOKED_AT + 1}
    try:
        with time_limit(COUNT_SECONDS, CountTooSlow.message), connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), values)
            found = {name: (count, real) for name, count, real in cursor.fetchall()}
    except TookTooLong:
        return None
    total = sum(count for name, (count, _) in found.items() if name.startswith("of "))
    by_status = {str(status): found.get(f"of {status}", (0, 0))[0] for status in Status}
    by_status |= {str(status): found[status][0] for status in RARE}
    return Counts(by_status, found[Status.FAILURE][1], total, are_partial=total > LOOKED_AT)


def endpoints_with(endpoint_ids: Sequence[str], wanted: DeliveryFilter, *, most: int) -> list[str]:
    """Return the endpoints, `most` at most, that have deliveries which are wanted."""
    conditions, values = _conditions(wanted)
    ids = "" if wanted.delivery_ids is None else "d.uid = ANY(%(ids)s) AND "
    values |= {"endpoints": list(endpoint_ids), "ids": wanted.delivery_ids, "most": most}
    with connection.cursor() as cursor:
        cursor.execute(_ENDPOINTS_WITH.format(conditions=ids + conditions), values)
        return [uid for (uid,) in cursor.fetchall()]


def find(project_id: str, endpoint_ids: Sequence[str], text: str) -> list[str]:
    """Return the ids of the deliveries to some endpoints whose id, event's id or idempotency key is `text`."""
    given: dict[str, Any] = {"project": project_id, "endpoints": list(endpoint_ids), "text": text}
    given["most"] = FOUND_AT_MOST
    with connection.cursor() as cursor:
        cursor.execute(_FIND, given)
        return [uid for (uid,) in cursor.fetchall()]


def of_rare_type(project_id: str, endpoint_ids: Sequence[str], event_type: str) -> list[str] | None:
    """Return the ids of the deliveries of an event type to some endpoints; None where there are many.

    Their list would otherwise look at every delivery of the customer. At most two statements.
    """
    events = events_of_type(project_id, event_type)
    if not events:
        return events
    given: dict[str, Any] = {"events": events, "endpoints": list(endpoint_ids), "most": FOUND_AT_MOST + 1}
    with connection.cursor() as cursor:
        cursor.execute(_OF_EVENTS, given)
        found = [uid for (uid,) in cursor.fetchall()]
    return found if len(found) <= FOUND_AT_MOST else None


def of_same_event(delivery: EventDelivery, endpoint_ids: Sequence[str]) -> list[ListedDelivery]:
    """Return the deliveries of a delivery's event to some endpoints, without itself, newest first."""
    given: dict[str, Any] = {
        "event": delivery.event_id,
        "endpoints": list(endpoint_ids),
        "uid": delivery.uid,
        "most": PAGE_SIZE,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WITH_LAST_ATTEMPT.format(page=_OF_EVENT), given)
        return [ListedDelivery(*row) for row in cursor.fetchall()]


def newest_attempts(delivery: EventDelivery) -> list[DeliveryAttempt]:
    """Return the last ATTEMPTS_SHOWN attempts of a delivery, newest first."""
    return list(DeliveryAttempt.objects.filter(delivery=delivery.uid).order_by("-pk")[:ATTEMPTS_SHOWN])


def _conditions(wanted: DeliveryFilter) -> tuple[str, dict[str, Any]]:
    """Return the conditions of a filter and their values, without those on endpoints and ids.

    The statuses stand in the text, where PostgreSQL sees which index holds them.
    """
    parts = ["d.uid >= %(first)s", "d.uid < %(beyond)s"]
    values: dict[str, Any] = {"first": wanted.first_uid, "beyond": wanted.beyond_uid}
    if wanted.statuses:
        parts.append("d.status IN ({})".format(", ".join(f"'{Status(status)}'" for status in wanted.statuses)))
    if wanted.is_real:
        parts.append("d.test = ''")
    if wanted.event_type:
        parts.append("d.event_type = %(event_type)s")
        values["event_type"] = wanted.event_type
    if wanted.type_prefix:
        parts.append("starts_with(d.event_type, %(type_prefix)s)")
        values["type_prefix"] = wanted.type_prefix
    return " AND ".join(parts), values
