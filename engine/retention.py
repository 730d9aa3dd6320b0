"""The end of what is old: settled deliveries with their attempts, events, meta events, notifications, batch retries.

A project that wants it (`is_retention_policy_enabled`) keeps these for as long as its `retention_policy` says,
counted from when they were made; by default everything is kept. Contract: deliveries section 12. What is
not settled stays, however old it is, and so does an event as long as one of its deliveries does. An event's
idempotency key ends with it.

It is done in batches, each a short transaction of its own. Rows that somebody else holds are passed over,
so that no worker waits for another, nor a resend or a replay for more than a batch.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from core.api.values import parse_go_duration
from core.ulid import first_ulid_at

logger = logging.getLogger("convoyclone.deliver")

BATCH = 1000

Pool = AsyncConnectionPool[AsyncConnection[Any]]

_POLICIES = """
SELECT uid, config->'retention_policy'->>'policy' FROM projects_project
WHERE (config->'is_retention_policy_enabled')::boolean ORDER BY uid
"""

# Each finds and deletes a batch, and returns the ids in their order.
_DELIVERIES = """
WITH old AS (
  SELECT uid FROM events_eventdelivery
  WHERE project_id = %(project)s AND uid > %(after)s AND uid < %(bound)s
    AND due_at IS NULL AND status IN ('Success', 'Failure', 'Discarded')
  ORDER BY uid LIMIT %(batch)s FOR UPDATE SKIP LOCKED
), attempts AS (
  DELETE FROM events_deliveryattempt a USING old WHERE a.delivery_id = old.uid
), deliveries AS (
  DELETE FROM events_eventdelivery d USING old WHERE d.uid = old.uid
)
SELECT uid FROM old ORDER BY uid
"""
_META_EVENTS = """
WITH old AS (
  SELECT uid FROM meta_events_metaevent
  WHERE project_id = %(project)s AND uid > %(after)s AND uid < %(bound)s AND due_at IS NULL
  ORDER BY uid LIMIT %(batch)s FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM meta_events_metaevent m USING old WHERE m.uid = old.uid
)
SELECT uid FROM old ORDER BY uid
"""
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
_BATCH_RETRIES = """
WITH old AS (
  SELECT uid FROM events_batchretry
  WHERE project_id = %(project)s AND uid > %(after)s AND uid < %(bound)s AND finished_at IS NOT NULL
  ORDER BY uid LIMIT %(batch)s FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM events_batchretry b USING old WHERE b.uid = old.uid
)
SELECT uid FROM old ORDER BY uid
"""
_EVENTS = """
SELECT uid FROM events_event e
WHERE project_id = %(project)s AND uid > %(after)s AND uid < %(bound)s
  AND NOT EXISTS (SELECT FROM events_eventdelivery d WHERE d.event_id = e.uid)
ORDER BY uid LIMIT %(batch)s FOR UPDATE SKIP LOCKED
"""
# Between the look for an event and its lock, a replay may have made deliveries of it: a second statement sees them.
_DELETE_EVENTS = """
DELETE FROM events_event e
WHERE uid = ANY(%s) AND NOT EXISTS (SELECT FROM events_eventdelivery d WHERE d.event_id = e.uid)
"""

#: In this order: an event goes when its last delivery has gone.
_STATEMENTS = (_DELIVERIES, _EVENTS, _META_EVENTS, _NOTIFICATIONS, _BATCH_RETRIES)


async def delete_old(pool: Pool, stopping: asyncio.Event, *, batch: int = BATCH) -> int:
    """Delete all that the projects do not want to keep any longer, `batch` rows of one table at a time.

    Ends early when `stopping` is set. Returns how many rows were found to be old, attempts not counted.
    """
    async with pool.connection() as connection:
        policies = await (await connection.execute(_POLICIES)).fetchall()
    found = 0
    for project_id, policy in policies:
        bound = first_ulid_at(datetime.now(UTC) - timedelta(seconds=parse_go_duration(policy)))
        for statement in _STATEMENTS:
            found += await _delete_all(pool, stopping, statement, project_id, bound, batch)
    if found:
        logger.info("retention: %s rows", found)
    return found


async def _delete_all(
    pool: Pool, stopping: asyncio.Event, statement: str, project_id: str, bound: str, batch: int
) -> int:
    """Batch after batch. Each goes on after the last row of the one before: what stays is looked at once."""
    found, after = 0, ""
    while not stopping.is_set():
        started = time.monotonic()
        given = {"project": project_id, "after": after, "bound": bound, "batch": batch}
        async with pool.connection() as connection, connection.transaction():
            uids = [uid for (uid,) in await (await connection.execute(statement, given)).fetchall()]
            if statement is _EVENTS and uids:
                await connection.execute(_DELETE_EVENTS, [uids])
        found += len(uids)
        if len(uids) < batch:
            break
        after = uids[-1]
        # The deliveries of now go first: this has a half of the time at most.
        await asyncio.sleep(time.monotonic() - started)
    return found
