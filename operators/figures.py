"""Read the figures of the start page, each from an index or from PostgreSQL's statistics, and each bounded."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from activity.models import Activity
from core.ulid import first_ulid_at
from deliveries.glance import MOST_ROWS, Glance, glance
from switches.models import ALIVE, Discard, Pause, Worker

HOURS = 24
#: The most figures by hour that are read. Of a larger table a sample is read, and the page calls it an estimate.
SAMPLED = 100_000
#: The most acts of today that are looked at to count the disabled endpoints.
MOST_ACTS = 20_000
MOST_BREAKERS = 1_000
SHOWN = 20
TABLES = 6

_HOURS = """
SELECT hour, sum(delivered), sum(failed) FROM endpoints_endpointhour TABLESAMPLE SYSTEM (%(percent)s)
WHERE hour >= %(since)s GROUP BY hour
"""
_ROWS = "SELECT reltuples::bigint FROM pg_class WHERE oid = 'endpoints_endpointhour'::regclass"
_BREAKERS = """
SELECT count(*) FROM (
  SELECT FROM endpoints_endpointstate WHERE breaker = 'open' AND open_until > now() LIMIT %s
) open
"""
_DISABLED = """
SELECT count(*) FILTER (WHERE verb = %s), count(*) FROM (
  SELECT verb FROM activity_activity WHERE uid >= %s ORDER BY uid DESC LIMIT %s
) today
"""
# Each size is asked of the file system: `relpages` is 0 until a table has been vacuumed, as `reltuples` is -1.
_TABLES = """
SELECT relname, pg_total_relation_size(oid), nullif(reltuples, -1)::bigint FROM pg_class
WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY 2 DESC LIMIT %s
"""
_RETENTION = """
SELECT CASE WHEN (config->'is_retention_policy_enabled')::boolean
            THEN config->'retention_policy'->>'policy' ELSE '' END, count(*)
FROM (SELECT config FROM projects_project WHERE deleted_at IS NULL LIMIT 5000) live
GROUP BY 1 ORDER BY 2 DESC LIMIT 5
"""


@dataclass(frozen=True, slots=True)
class Hour:
    """The deliveries that have finished in an hour."""

    at: datetime
    delivered: int
    failed: int


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker, and whether it has been heard of lately."""

    worker: Worker
    is_alive: bool


@dataclass(slots=True)
class Figures:
    """The figures at one moment."""

    at: datetime
    queue: list[Glance] = field(default_factory=list)
    #: Whether there is more in the queue, or more attempts, than was read.
    is_part: bool = False
    hours: list[Hour] = field(default_factory=list)
    is_estimate: bool = False
    breakers: int = 0
    disabled: int = 0
    has_more_acts: bool = False
    #: The largest ones: name, bytes with indexes, and about how many rows; None where nobody has counted yet.
    tables: list[tuple[str, int, int | None]] = field(default_factory=list)
    retention: list[tuple[str, int]] = field(default_factory=list)
    workers: list[WorkerRow] = field(default_factory=list)
    alive: int = 0
    pauses: list[Pause] = field(default_factory=list)
    discards: list[Discard] = field(default_factory=list)

    @property
    def delivered(self) -> int:
        """Return the deliveries that have arrived in HOURS hours."""
        return sum(hour.delivered for hour in self.hours)

    @property
    def failed(self) -> int:
        """Return the deliveries that have failed for good in HOURS hours."""
        return sum(hour.failed for hour in self.hours)

    @property
    def most_breakers(self) -> int:
        """Return the number at which the count of breakers ends."""
        return MOST_BREAKERS


def read_figures() -> Figures:
    """Read all figures of the start page. Ten statements. Raises TookTooLong within a time limit."""
    now = timezone.now()
    found = Figures(at=now, queue=glance())
    found.is_part = sum(each.depth for each in found.queue) >= MOST_ROWS
    found.hours, found.is_estimate = _hours(now)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(_BREAKERS, [MOST_BREAKERS])
        found.breakers = cursor.fetchone()[0]
        cursor.execute(_DISABLED, [Activity.Verb.ENDPOINT_DISABLED, first_ulid_at(today), MOST_ACTS])
        found.disabled, acts = cursor.fetchone()
        found.has_more_acts = acts == MOST_ACTS
        cursor.execute(_TABLES, [TABLES])
        found.tables = cursor.fetchall()
        cursor.execute(_RETENTION)
        found.retention = cursor.fetchall()
    found.workers = workers(now)
    found.alive = sum(row.is_alive for row in found.workers)
    found.pauses, found.discards = pauses(), discards(is_open=True)
    return found


def workers(now: datetime) -> list[WorkerRow]:
    """Return the workers, those that were started last first."""
    return [WorkerRow(row, row.seen_at > now - ALIVE) for row in Worker.objects.order_by("-pk")[: 5 * SHOWN]]


def pauses() -> list[Pause]:
    """Return the pauses of live projects, newest first."""
    rows = Pause.objects.filter(project__deleted_at=None).select_related("project")
    return list(rows.defer("project__config", "project__meta_event").order_by("-pk")[: 5 * SHOWN])


def discards(*, is_open: bool = False) -> list[Discard]:
    """Return the newest discards of live projects."""
    rows = Discard.objects.filter(project__deleted_at=None).select_related("project")
    if is_open:
        rows = rows.filter(state__in=Discard.OPEN)
    return list(rows.defer("project__config", "project__meta_event").order_by("-pk")[:SHOWN])


def _hours(now: datetime) -> tuple[list[Hour], bool]:
    """Return the last HOURS hours, oldest first, and whether they are an estimate."""
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    with connection.cursor() as cursor:
        cursor.execute(_ROWS)
        rows = cursor.fetchone()[0]
        percent = min(100.0, 100.0 * SAMPLED / rows) if rows > 0 else 100.0
        cursor.execute(_HOURS, {"percent": percent, "since": first})
        found: dict[Any, tuple[int, int]] = {hour: (delivered, failed) for hour, delivered, failed in cursor}
    hours = []
    for number in range(HOURS):
        at = first + timedelta(hours=number)
        delivered, failed = (round(figure * 100 / percent) for figure in found.get(at, (0, 0)))
        hours.append(Hour(at, delivered, failed))
    return hours, percent < 100
