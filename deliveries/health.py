"""Tell how endpoints are, for the pages that show them: a status, the last 24 hours, and what waits or was missed.

The status follows from the endpoint's switch, its subscriptions, and its deliveries of the last 24 hours, which the
engine counts with each outcome (engine/outcomes.py). The circuit breaker has no part in it: its rate is of the attempts
of a few minutes. A page of endpoints takes one statement, and so do the numbers of all statuses.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import orjson
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.utils import timezone

from core.actors import Actor, ActorKind
from deliveries.reads import COUNTED_AT_MOST
from endpoints.models import Endpoint, EndpointQuerySet
from outbound.states import Status

HOURS = 24
PAGE = 50
#: A list of endpoints shows smaller numbers, so they are counted up to this.
COUNTED_IN_LIST = 101
#: An endpoint whose last finished deliveries have failed is failing from this number on. As many that were delivered
#: show that it has recovered, whatever its share of failures is.
IN_A_ROW = 3
#: So is one of which at least half of at least this number have failed.
SHARE_OF_AT_LEAST = 5


class EndpointHealth(StrEnum):
    """The statuses of endpoints, in the order of a list: those that need the customer come first."""

    FAILING = "failing"
    RETRYING = "retrying"
    NOT_SUBSCRIBED = "not_subscribed"
    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Health:
    """The health of one endpoint."""

    status: EndpointHealth
    #: The finished deliveries of the last HOURS hours as (delivered, failed), oldest first; the last hour is not over.
    hours: list[tuple[int, int]]
    delivered: int
    failed: int
    #: The time from which the status holds; None where it is not known, or nothing is wrong.
    since: datetime | None
    #: The actor who has paused or disabled it, and the answer that led to this; None and "" where nobody has.
    actor: Actor | None
    reason: str
    #: The kind (outbound/answers.py), text and time of the last failed attempt; "" and None where none has failed.
    last_failure: str
    last_failure_text: str
    last_failure_at: datetime | None
    last_delivered_at: datetime | None
    #: The deliveries that wait for another attempt, at most COUNTED_AT_MOST + 1, or COUNTED_IN_LIST.
    waiting: int
    #: The time from which attempts fail, while deliveries wait for another one.
    retrying_since: datetime | None
    #: The deliveries that were discarded since it was paused or disabled, at most as many.
    missed: int
    #: The event types of its subscriptions, sorted; "*" stands for all.
    listens: list[str]
    #: Whether any of these has conditions.
    has_conditions: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """An endpoint in a list."""

    uid: str
    name: str
    url: str
    health: Health


@dataclass(frozen=True, slots=True)
class Page:
    """A page of endpoints."""

    endpoints: list[Listed]
    #: The id after which the next page begins; "" on the last page.
    after: str


#: The enabled filters of the live subscriptions of the endpoint `c`.
_FILTERS = """
subscriptions_subscription b JOIN subscriptions_filter f ON f.subscription_id = b.uid AND f.enabled_at IS NOT NULL
WHERE b.endpoint_id = c.uid AND b.deleted_at IS NULL
"""
#: The endpoints of a scope, each with its status. Parameters: the scope's, the first hour, the time 24 hours ago.
# Activating an endpoint starts afresh: its share of failures does not count before it has failed again.
_JUDGED = f"""
WITH scoped AS MATERIALIZED (
  SELECT e.uid, e.held_from, e.name, e.url, e.status, e.status_since, e.status_actor, e.status_reason,
    coalesce(s.failed_in_a_row, 0) AS failed_in_a_row, coalesce(s.delivered_in_a_row, 0) AS delivered_in_a_row,
    s.failing_since, coalesce(s.last_failure, '') AS last_failure,
    coalesce(s.last_failure_text, '') AS last_failure_text, s.last_failure_at, s.last_delivered_at
  FROM endpoints_endpoint e LEFT JOIN endpoints_endpointstate s ON s.endpoint_id = e.uid
  WHERE e.deleted_at IS NULL AND {{scope}}
), day AS (
  SELECT h.endpoint_id, sum(h.delivered)::int AS delivered, sum(h.failed)::int AS failed
  FROM scoped c JOIN endpoints_endpointhour h ON h.endpoint_id = c.uid AND h.hour >= %s GROUP BY h.endpoint_id
), counted AS (
  SELECT c.*, coalesce(d.delivered, 0) AS delivered, coalesce(d.failed, 0) AS failed
  FROM scoped c LEFT JOIN day d ON d.endpoint_id = c.uid
), judged AS MATERIALIZED (
  SELECT c.*, CASE
    WHEN c.status = '{Endpoint.Status.PAUSED}' THEN '{EndpointHealth.PAUSED}'
    WHEN c.status <> '{Endpoint.Status.ACTIVE}' THEN '{EndpointHealth.DISABLED}'
    WHEN NOT EXISTS (SELECT FROM {_FILTERS}) THEN '{EndpointHealth.NOT_SUBSCRIBED}'
    WHEN c.last_failure_at >= %s AND (
      c.failed_in_a_row >= {IN_A_ROW}
      OR c.delivered_in_a_row < {IN_A_ROW} AND c.last_failure_at >= coalesce(c.status_since, '-infinity')
        AND c.delivered + c.failed >= {SHARE_OF_AT_LEAST} AND 2 * c.failed >= c.delivered + c.failed
    ) THEN '{EndpointHealth.FAILING}'
    WHEN EXISTS (
      SELECT FROM events_eventdelivery r
      WHERE r.endpoint_id = c.uid AND r.uid >= c.held_from AND r.status = '{Status.RETRY}'
    )
      THEN '{EndpointHealth.RETRYING}'
    ELSE '{EndpointHealth.ACTIVE}' END AS health
  FROM counted c
)
"""  # noqa: S608 - only this module's own text
#: Statuses in the order of a list.
_RANK = f"array_position('{{{','.join(EndpointHealth)}}}'::text[], health)"
#: The details of the endpoints in `c`. Parameters: twice the most that is counted, the first hour.
_DETAILS = f"""
SELECT c.uid, c.name, c.url, c.health, c.status_since, c.status_actor::text AS status_actor, c.status_reason,
  c.failing_since, c.last_failure, c.last_failure_text, c.last_failure_at, c.last_delivered_at, c.delivered, c.failed,
  w.waiting, w.oldest, m.missed, h.hours, l.listens
FROM chosen c
CROSS JOIN LATERAL (
  SELECT count(*) AS waiting, min(created_at) AS oldest FROM (
    SELECT created_at FROM events_eventdelivery
    WHERE endpoint_id = c.uid AND uid >= c.held_from AND status = '{Status.RETRY}' LIMIT %s
  ) r
) w
CROSS JOIN LATERAL (
  SELECT count(*) AS missed FROM (
    SELECT FROM events_eventdelivery
    WHERE endpoint_id = c.uid AND uid >= c.held_from AND status = '{Status.DISCARDED}' AND test = ''
      AND updated_at >= CASE WHEN c.status <> '{Endpoint.Status.ACTIVE}' THEN c.status_since END
    LIMIT %s
  ) d
) m
CROSS JOIN LATERAL (
  SELECT json_agg(json_build_array(extract(epoch FROM hour)::bigint, delivered, failed))::text AS hours FROM (
    SELECT hour, sum(delivered) AS delivered, sum(failed) AS failed FROM endpoints_endpointhour
    WHERE endpoint_id = c.uid AND hour >= %s GROUP BY hour
  ) g
) h
CROSS JOIN LATERAL (
  SELECT json_agg(json_build_array(event_type, has_conditions) ORDER BY event_type)::text AS listens FROM (
    SELECT f.event_type, bool_or(f.conditions <> '{{}}') AS has_conditions FROM {_FILTERS} GROUP BY f.event_type
  ) g
) l
"""  # noqa: S608 - only this module's own text
_LIST = f"""{_JUDGED}, placed AS (
  SELECT *, {_RANK} AS rank, lower(name) AS sorted FROM judged
), chosen AS (
  SELECT * FROM placed
  WHERE (%s = '' OR health = %s)
    AND (%s = '' OR (rank, sorted, uid) > (SELECT l.rank, l.sorted, l.uid FROM placed l WHERE l.uid = %s))
  ORDER BY rank, sorted, uid LIMIT %s
)
{_DETAILS} ORDER BY c.rank, c.sorted, c.uid
"""  # noqa: S608 - only this module's own text
_OF_IDS = f"{_JUDGED}, chosen AS (SELECT * FROM judged) {_DETAILS}"  # noqa: S608
_OF_IDS = _OF_IDS.replace("{scope}", "e.uid = ANY(%s)")
_COUNTS = f"{_JUDGED} SELECT health, count(*) FROM judged GROUP BY health"  # noqa: S608


def endpoint_health(endpoint_ids: Sequence[str], now: datetime | None = None) -> dict[str, Health]:
    """Return the health of live endpoints by id, in one statement. The caller has made sure that it may see them."""
    if not endpoint_ids:
        return {}
    now = now or timezone.now()
    parameters = [list(endpoint_ids), *_bounds(now), COUNTED_AT_MOST + 1, COUNTED_AT_MOST + 1, _first_hour(now)]
    return {listed.uid: listed.health for listed in _read(_OF_IDS, parameters, now)}


def status_counts(scope: EndpointQuerySet, now: datetime | None = None) -> dict[EndpointHealth, int]:
    """Return the number of endpoints of a scope in each status, in one statement. Every status has a number."""
    counts = dict.fromkeys(EndpointHealth, 0)
    found = _within(_COUNTS, scope)
    if found is None:
        return counts
    statement, parameters = found
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, *_bounds(now or timezone.now())])
        return counts | {EndpointHealth(health): number for health, number in cursor.fetchall()}


def endpoint_page(
    scope: EndpointQuerySet,
    *,
    status: EndpointHealth | None = None,
    after: str = "",
    limit: int = PAGE,
    now: datetime | None = None,
) -> Page:
    """Return a page of the endpoints of a scope, those that need the customer first, then by name, in one statement.

    `status` leaves the others out. `after` is the last id of the page before; where that endpoint is gone, nothing
    comes after it.
    """
    found = _within(_LIST, scope)
    if found is None:
        return Page([], "")
    statement, parameters = found
    now, wanted = now or timezone.now(), status or ""
    parameters += [*_bounds(now), wanted, wanted, after, after, limit + 1]
    parameters += [COUNTED_IN_LIST, COUNTED_IN_LIST, _first_hour(now)]
    listed = list(_read(statement, parameters, now))
    return Page(listed[:limit], listed[limit - 1].uid if len(listed) > limit else "")


def _within(statement: str, scope: EndpointQuerySet) -> tuple[str, list[Any]] | None:
    """Return a statement for the endpoints of a scope with the scope's parameters; None for a scope without any."""
    try:
        ids, parameters = scope.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return None
    return statement.replace("{scope}", f"e.uid IN ({ids})"), list(parameters)


def _bounds(now: datetime) -> tuple[datetime, datetime]:
    return _first_hour(now), now - timedelta(hours=HOURS)


def _first_hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)


def _read(statement: str, parameters: list[Any], now: datetime) -> Iterator[Listed]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        columns = [column.name for column in cursor.description]
        rows = [SimpleNamespace(**dict(zip(columns, row, strict=True))) for row in cursor.fetchall()]
    return (Listed(row.uid, row.name, row.url, _health(row, now)) for row in rows)


def _health(row: Any, now: datetime) -> Health:
    """Return the health in a row of _DETAILS."""
    status = EndpointHealth(row.health)
    retrying_since = (row.failing_since or row.oldest) if row.waiting else None
    since = {
        EndpointHealth.DISABLED: row.status_since,
        EndpointHealth.PAUSED: row.status_since,
        EndpointHealth.FAILING: row.failing_since or row.last_failure_at,
        EndpointHealth.RETRYING: retrying_since,
    }.get(status)
    is_off = status in (EndpointHealth.DISABLED, EndpointHealth.PAUSED)
    types = orjson.loads(row.listens or "[]")
    return Health(
        status=status,
        hours=_hours(orjson.loads(row.hours or "[]"), now),
        delivered=row.delivered,
        failed=row.failed,
        since=since,
        actor=_actor(row.status_actor) if is_off else None,
        reason=row.status_reason if is_off else "",
        last_failure=row.last_failure,
        last_failure_text=row.last_failure_text,
        last_failure_at=row.last_failure_at,
        last_delivered_at=row.last_delivered_at,
        waiting=row.waiting,
        retrying_since=retrying_since,
        missed=row.missed,
        listens=[event_type for event_type, _ in types],
        has_conditions=any(has_conditions for _, has_conditions in types),
    )


def _hours(found: Sequence[tuple[int, int, int]], now: datetime) -> list[tuple[int, int]]:
    """Return (delivered, failed) of each hour, given (beginning, delivered, failed) of those that have any."""
    first = int(_first_hour(now).timestamp())
    hours = [(0, 0)] * HOURS
    for beginning, delivered, failed in found:
        place = (beginning - first) // 3600
        if place < HOURS:  # the clock of the database can be ahead
            hours[place] = (delivered, failed)
    return hours


def _actor(stored: str | None) -> Actor | None:
    if stored is None:
        return None
    actor = orjson.loads(stored)
    return Actor(ActorKind(actor["kind"]), actor["uid"], actor["name"], actor.get("owner_id", ""))
