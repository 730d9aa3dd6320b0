"""Read the deliveries that are parked because their endpoint, or its owner, could not take them (queue.py)."""

import random
from collections.abc import Sequence

from psycopg.rows import args_row

from endpoints.models import Endpoint
from engine.choice import COLUMNS, Queued
from engine.database import Connection
from engine.lost import record_lost
from engine.parts import HOLDS
from engine.shares import Offer
from engine.targets import IN_FLIGHT
from events.unsent import INACTIVE_OR_DELETED
from outbound.states import Status

#: Endpoints with parked deliveries that one look goes through.
PARKED_HOPS = 200
#: Parked deliveries of endpoints that are gone, discarded at a time.
DISCARDED_AT_ONCE = 1_000

#: The next endpoints with parked deliveries, found by hopping from one to the next in the index.
BACKLOG = f"""
WITH RECURSIVE backlog (endpoint_id, number) AS (
  (SELECT endpoint_id, 1 FROM events_eventdelivery
   WHERE is_parked AND endpoint_id > %(after)s AND {HOLDS} ORDER BY endpoint_id LIMIT 1)
  UNION ALL
  SELECT (
    SELECT n.endpoint_id FROM events_eventdelivery n
    WHERE n.is_parked AND n.endpoint_id > b.endpoint_id ORDER BY n.endpoint_id LIMIT 1
  ), b.number + 1 FROM backlog b WHERE b.endpoint_id IS NOT NULL AND b.number < %(hops)s
)
SELECT endpoint_id FROM backlog WHERE endpoint_id IS NOT NULL ORDER BY endpoint_id
"""

#: How many deliveries each of some endpoints can take. Those of owners without a place can take none.
_TAKERS = f"""
SELECT e.uid, e.project_id,
  e.deleted_at IS NOT NULL OR p.deleted_at IS NOT NULL OR e.status = '{Endpoint.Status.INACTIVE}' AS is_gone,
  CASE WHEN e.status = '{Endpoint.Status.PAUSED}' OR s.held_until > now() OR s.open_until > now() THEN 0
            WHEN e.project_id = ANY(%(full_projects)s) THEN 0
            WHEN e.owner_id <> '' AND EXISTS (
              SELECT FROM unnest(%(owners_of)s::text[], %(full_owners)s::text[]) AS o (project_id, owner_id)
              WHERE o.project_id = e.project_id AND o.owner_id = e.owner_id
            ) THEN 0
       ELSE greatest(%(cap)s - {IN_FLIGHT}, 0) END AS room
FROM endpoints_endpoint e
JOIN projects_project p ON p.uid = e.project_id
LEFT JOIN endpoints_endpointstate s ON s.endpoint_id = e.uid
WHERE e.uid = ANY(%(ids)s)
"""

#: The oldest parked deliveries, as many of each endpoint as it can take, in turns of projects. Only the rows of
#: the result are locked.
_PARKED = f"""
SELECT {COLUMNS} FROM (
  SELECT q.uid, row_number() OVER (PARTITION BY t.project_id ORDER BY q.next_send_time) AS place
  FROM unnest(%(ids)s::text[], %(projects)s::text[], %(rooms)s::int[]) AS t (endpoint_id, project_id, room)
  CROSS JOIN LATERAL (
    SELECT uid, next_send_time FROM events_eventdelivery
    WHERE is_parked AND endpoint_id = t.endpoint_id ORDER BY next_send_time LIMIT t.room
  ) q ORDER BY place, q.next_send_time LIMIT %(window)s
) c JOIN events_eventdelivery d ON d.uid = c.uid
WHERE d.is_parked AND d.due_at <= now()
ORDER BY c.place, d.next_send_time FOR UPDATE OF d SKIP LOCKED
"""

#: Settle parked deliveries of endpoints that are gone.
_PARKED_OF_GONE = """
SELECT uid, status FROM events_eventdelivery WHERE is_parked AND endpoint_id = ANY(%s) LIMIT %s FOR UPDATE SKIP LOCKED
"""

#: End deliveries that are not sent.
_SETTLE = """
UPDATE events_eventdelivery d
SET status = s.status, description = s.description, due_at = NULL, is_parked = false, lease = NULL, updated_at = now()
FROM unnest(%s::text[], %s::text[], %s::text[]) AS s (uid, status, description) WHERE d.uid = s.uid
"""


async def read_parked(
    connection: Connection, ids: list[str], *, slots: int, cap: int, offer: Offer
) -> tuple[list[Queued], bool]:
    """Return parked deliveries of some endpoints that can be sent now, and discard those of endpoints that are gone.

    Also returns whether there are more to discard.
    """
    if not ids:
        return [], False
    has_more = False
    full_owners = list(offer.full_owners())
    given = {
        "ids": ids,
        "cap": cap,
        "full_projects": [project_id for project_id, room in offer.rooms().items() if not room],
        "owners_of": [project_id for project_id, _ in full_owners],
        "full_owners": [owner_id for _, owner_id in full_owners],
    }
    cursor = await connection.execute(_TAKERS, given)
    takers = await cursor.fetchall()
    if gone := [uid for uid, _, is_gone, _ in takers if is_gone]:
        cursor = await connection.execute(_PARKED_OF_GONE, [gone, DISCARDED_AT_ONCE])
        discarded = await cursor.fetchall()
        # A worker was lost while it sent these, and they were parked when their lease had ended.
        await record_lost(connection, [uid for uid, status in discarded if status == Status.PROCESSING])
        if discarded:
            await settle_unsent(connection, [(uid, Status.DISCARDED, INACTIVE_OR_DELETED) for uid, _ in discarded])
        has_more = len(discarded) == DISCARDED_AT_ONCE
    rooms_now = [
        (uid, project_id, offer.room_of(uid, room)) for uid, project_id, is_gone, room in takers if not is_gone
    ]
    able = [(uid, project_id, room) for uid, project_id, room in rooms_now if room]
    # Half of the places are for parked deliveries, so that neither kind shuts out the other. A single place goes
    # to either of them at random.
    window = slots // 2 or random.getrandbits(1)
    if not able or not window:
        return [], has_more
    endpoints, projects, rooms = (list(column) for column in zip(*able, strict=True))
    parameters = {"ids": endpoints, "projects": projects, "rooms": rooms, "window": window}
    async with connection.cursor(row_factory=args_row(Queued)) as rows:
        await rows.execute(_PARKED, parameters)
        return await rows.fetchall(), has_more


async def settle_unsent(connection: Connection, settled: Sequence[tuple[str, str, str]]) -> None:
    """End deliveries without sending them: their ids, with the status and the description that each gets."""
    await connection.execute(_SETTLE, [list(column) for column in zip(*settled, strict=True)])
