"""Show operators the queue and the attempts of each project at a glance. However many rows there are, few are read."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from core.ulid import first_ulid_at
from outbound.states import Status

#: The age of the oldest attempt that counts, and the most rows that are read for a figure.
RECENT = timedelta(minutes=15)
MOST_ROWS = 20_000

# The queue from its oldest entry on, and the attempts from the newest back: both are read off an index, and
# no further than MOST_ROWS. The deliveries that wait for a place at their endpoint are few, and counted apart.
_STATEMENT = """
WITH queue AS (
  (SELECT project_id, status, due_at AS due FROM events_eventdelivery
   WHERE due_at IS NOT NULL AND NOT is_parked ORDER BY due_at LIMIT %(most)s)
  UNION ALL
  (SELECT project_id, status, next_send_time FROM events_eventdelivery WHERE is_parked LIMIT %(most)s)
), waiting AS (
  SELECT project_id, count(*) AS depth,
         min(due) FILTER (WHERE status <> %(processing)s AND due <= %(now)s) AS oldest_due
  FROM queue GROUP BY project_id
), attempts AS (
  SELECT project_id, count(*) AS made, count(*) FILTER (WHERE NOT status) AS failed
  FROM (SELECT project_id, status FROM events_deliveryattempt WHERE uid >= %(since)s AND NOT is_test
        ORDER BY uid DESC LIMIT %(most)s) a
  GROUP BY project_id
)
SELECT p.uid, p.name, coalesce(w.depth, 0), w.oldest_due, coalesce(a.made, 0), coalesce(a.failed, 0)
FROM waiting w FULL JOIN attempts a USING (project_id) JOIN projects_project p ON p.uid = project_id
WHERE p.deleted_at IS NULL
ORDER BY w.oldest_due NULLS LAST, p.name LIMIT 50
"""


@dataclass(frozen=True, slots=True)
class Glance:
    """The figures of one project: its present queue, its attempts of the last minutes."""

    project_id: str
    name: str
    #: Those of the deliveries read from the queue that belong to it.
    depth: int
    #: The time from which its first due delivery waits.
    oldest_due: datetime | None
    attempts: int
    failed: int

    @property
    def failure_rate(self) -> float | None:
        """Return the share of failed attempts in percent; None where there was no attempt."""
        return 100 * self.failed / self.attempts if self.attempts else None


def glance() -> list[Glance]:
    """Return the projects that have deliveries in the queue or recent attempts, those that wait longest first."""
    now = timezone.now()
    values: dict[str, int | str | datetime] = {"most": MOST_ROWS, "now": now, "since": first_ulid_at(now - RECENT)}
    values |= {"processing": Status.PROCESSING}
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, values)
        return [Glance(*row) for row in cursor.fetchall()]
