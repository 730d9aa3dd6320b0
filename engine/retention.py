"""Delete settled deliveries, events, meta events, notifications, batch retries and jobs after the project's retention.

A project with `is_retention_policy_enabled` keeps them for its `retention_policy`, counted from when they
were made; by default everything is kept. Contract: docs/contract/deliveries.md#retention. Unsettled rows
stay, however old they are, and an event stays as long as one of its deliveries does. An event's idempotency
key is deleted with it. In every project the record of activity is kept for KEPT, the figures of endpoints by hour for
HOURS_KEPT_DAYS, and links to single deliveries for LINKS_KEPT after the day for which they work.

Rows are deleted in batches, each a short transaction of its own. Locked rows are skipped, so that workers do not wait
for each other, and a resend or a replay waits for one batch at most.
"""

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import LiteralString

from activity.models import KEPT
from core.api.values import parse_go_duration
from core.ulid import first_ulid_at
from engine.database import Pool
from outbound.states import Status
from portal_links.delivery_links import LIFETIME

logger = logging.getLogger("convoyclone.deliver")

BATCH = 1000
HOURS_KEPT_DAYS = 90
#: How long a link to a delivery stays in lists after the day for which it works.
LINKS_KEPT = timedelta(days=7)

#: The projects that delete old rows, with their retention.
_POLICIES = """
SELECT uid, config->'retention_policy'->>'policy' FROM projects_project
WHERE (config->'is_retention_policy_enabled')::boolean ORDER BY uid
"""

# Each statement finds and deletes a batch of one table, and returns the ids in their order.
_OF_TABLE = """
WITH old AS (
  SELECT uid FROM {table} WHERE {conditions} AND uid > %(after)s AND uid < %(bound)s
  ORDER BY uid LIMIT %(batch)s FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM {table} t USING old WHERE t.uid = old.uid
)
SELECT uid FROM old ORDER BY uid
"""
_OF_PROJECT = "project_id = %(project)s"
_DELIVERIES = f"""
WITH old AS (
  SELECT uid FROM events_eventdelivery
  WHERE project_id = %(project)s AND uid > %(after)s AND uid < %(bound)s
    AND due_at IS NULL AND status IN ('{Status.SUCCESS}', '{Status.FAILURE}', '{Status.DISCARDED}')
  ORDER BY uid LIMIT %(batch)s FOR UPDATE SKIP LOCKED
), attempts AS (
  DELETE FROM events_deliveryattempt a USING old WHERE a.delivery_id = old.uid
), deliveries AS (
  DELETE FROM events_eventdelivery d USING old WHERE d.uid = old.uid
)
SELECT uid FROM old ORDER BY uid
"""  # noqa: S608 - only this module's own text
_NOTIFICATIONS = """
WITH old AS (
  SELECT n.uid FROM endpoints_notification n JOIN endpoints_endpoint e ON e.uid = n.endpoint_id
  WHERE e.project_id = %(project)s AND n.uid > %(after)s AND n.uid < %(bound)s AND n.due_at IS NULL
  ORDER BY n.uid LIMIT %(batch)s FOR UPDATE OF n SKIP LOCKED
), gone AS (
  DELETE FROM endpoints_notification n USING old WHERE n.uid = old.uid
)
SELECT uid FROM old ORDER BY uid
"""
_EVENTS = """
SELECT uid FROM events_event e
WHERE project_id = %(project)s AND uid > %(after)s AND uid < %(bound)s
  AND NOT EXISTS (SELECT FROM events_eventdelivery d WHERE d.event_id = e.uid)
ORDER BY uid LIMIT %(batch)s FOR UPDATE SKIP LOCKED
"""
# A replay may have made deliveries of an event between the read and the lock: a second statement sees them.
_DELETE_EVENTS = """
DELETE FROM events_event e
WHERE uid = ANY(%s) AND NOT EXISTS (SELECT FROM events_eventdelivery d WHERE d.event_id = e.uid)
"""
_META_EVENTS = _OF_TABLE.format(table="meta_events_metaevent", conditions=f"{_OF_PROJECT} AND due_at IS NULL")
_BATCH_RETRIES = _OF_TABLE.format(table="events_batchretry", conditions=f"{_OF_PROJECT} AND finished_at IS NOT NULL")
_JOBS = _OF_TABLE.format(table="jobs_job", conditions=f"{_OF_PROJECT} AND finished_at IS NOT NULL")
_ACTIVITY = _OF_TABLE.format(table="activity_activity", conditions="true")
_DELIVERY_LINKS = _OF_TABLE.format(table="portal_links_deliverylink", conditions="true")

# Endpoint by endpoint, as the key of the table begins with it. Nobody writes rows of that age.
_HOURS = f"""
WITH next AS (
  SELECT uid FROM endpoints_endpoint WHERE uid > %(after)s ORDER BY uid LIMIT %(batch)s
), gone AS (
  DELETE FROM endpoints_endpointhour h USING next
  WHERE h.endpoint_id = next.uid AND h.hour < now() - interval '{HOURS_KEPT_DAYS} days'
)
SELECT uid FROM next ORDER BY uid
"""  # noqa: S608 - only this module's own text

#: Deliveries come first: an event is deleted once its last delivery is.
_STATEMENTS = (_DELIVERIES, _EVENTS, _META_EVENTS, _NOTIFICATIONS, _BATCH_RETRIES, _JOBS)


async def delete_old(pool: Pool, stopping: asyncio.Event, *, batch: int = BATCH) -> int:
    """Delete the rows that are older than their project's retention or KEPT, `batch` rows of one table at a time.

    Projects take turns with each batch, so that none waits until another's millions of rows are deleted. Ends early
    when `stopping` is set. Returns the number of old rows that were found, without attempts.
    """
    async with pool.connection() as connection:
        policies = await (await connection.execute(_POLICIES)).fetchall()
    now = datetime.now(UTC)
    queue = deque(
        Sweep(_STATEMENTS, project_id, first_ulid_at(now - timedelta(seconds=parse_go_duration(policy))))
        for project_id, policy in policies
    )
    # Of all projects at once.
    queue.append(Sweep((_ACTIVITY,), "", first_ulid_at(now - KEPT)))
    queue.append(Sweep((_DELIVERY_LINKS,), "", first_ulid_at(now - LIFETIME - LINKS_KEPT)))
    queue.append(Sweep((_HOURS,), "", "", counts=False))
    found = 0
    while queue and not stopping.is_set():
        sweep = queue.popleft()
        started = time.monotonic()
        number = await _delete_batch(pool, sweep, batch)
        found += number if sweep.counts else 0
        if sweep.statements:
            queue.append(sweep)
        if number == batch:
            # Pause as long as the batch took: new deliveries have at least half of the database's time.
            await asyncio.sleep(time.monotonic() - started)
    if found:
        logger.info("retention: %s old rows", found)
    return found


@dataclass(slots=True)
class Sweep:
    """The old rows of one project that are still to be deleted: by each of `statements`, with ids below `bound`."""

    statements: tuple[LiteralString, ...]
    project_id: str
    bound: str
    #: Whether its rows are counted as old.
    counts: bool = True
    #: The last row of the batch before. The next one begins after it, so that rows that stay are read once.
    after: str = ""


async def _delete_batch(pool: Pool, sweep: Sweep, batch: int) -> int:
    """Delete the next batch of a sweep. Returns the number of old rows that were found."""
    statement = sweep.statements[0]
    given = {"project": sweep.project_id, "after": sweep.after, "bound": sweep.bound, "batch": batch}
    async with pool.connection() as connection, connection.transaction():
        uids = [uid for (uid,) in await (await connection.execute(statement, given)).fetchall()]
        if statement is _EVENTS and uids:
            await connection.execute(_DELETE_EVENTS, [uids])
    if len(uids) < batch:
        # Deliveries come first: an event is deleted once its last delivery is.
        sweep.statements, sweep.after = sweep.statements[1:], ""
    else:
        sweep.after = uids[-1]
    return len(uids)
