"""Meta events of deliveries that an attempt has ended, written in the transaction of the attempt (an outbox, X6).

Contract: meta-events-and-onboard section 2.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from core.encryption import UndecryptableValue
from core.ulid import new_ulid
from engine.delivery_events import delivery_event_body
from meta_events.bodies import DELIVERY_FAILED, DELIVERY_SUCCESS
from meta_events.emission import is_wanted, settings_of
from outbound.states import Status

logger = logging.getLogger("convoyclone.meta_events")


#: The meta event that tells of a delivery's end, by its status. The other states are nobody's news.
DELIVERY_EVENTS = {str(Status.SUCCESS): DELIVERY_SUCCESS, str(Status.FAILURE): DELIVERY_FAILED}
#: Payloads of the meta events that are made and written at a time. Each has its event's payload in it twice.
MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
#: A column of the delivery's event, endpoint or attempt is named as an attribute of it (delivery_events.py).
_SELECT = """
SELECT d.uid, d.project_id, d.event_id, d.endpoint_id, d.subscription_id, d.event_type, d.delivery_mode, d.status,
  d.description, d.strategy, d.interval_seconds, d.retry_limit, d.num_trials, d.next_send_time, d.latency_seconds,
  d.created_at, d.updated_at, octet_length(e.data) AS payload_bytes, p.config -> 'strategy' AS project_strategy,
  e.uid AS "event.uid", e.event_type AS "event.event_type", e.headers AS "event.headers",
  e.idempotency_key AS "event.idempotency_key", e.created_at AS "event.created_at",
  n.uid AS "endpoint.uid", n.project_id AS "endpoint.project_id", n.owner_id AS "endpoint.owner_id",
  n.name AS "endpoint.name", n.url AS "endpoint.url", n.status AS "endpoint.status",
  n.support_email AS "endpoint.support_email", n.deleted_at AS "endpoint.deleted_at",
  a.uid AS "attempt.uid", a.delivery_id AS "attempt.delivery_id", a.project_id AS "attempt.project_id",
  a.endpoint_id AS "attempt.endpoint_id", a.url AS "attempt.url", a.ip_address AS "attempt.ip_address",
  a.request_http_header AS "attempt.request_http_header", a.response_http_header AS "attempt.response_http_header",
  a.http_status AS "attempt.http_status", a.response_data AS "attempt.response_data", a.error AS "attempt.error",
  a.status AS "attempt.status", a.requested_at AS "attempt.requested_at", a.responded_at AS "attempt.responded_at",
  a.created_at AS "attempt.created_at"
FROM events_eventdelivery d
JOIN events_event e ON e.uid = d.event_id
JOIN endpoints_endpoint n ON n.uid = d.endpoint_id
JOIN projects_project p ON p.uid = d.project_id
CROSS JOIN LATERAL (
  SELECT * FROM events_deliveryattempt WHERE delivery_id = d.uid ORDER BY uid DESC LIMIT 1
) a
WHERE d.uid = ANY(%s)
ORDER BY d.event_id, d.uid
"""
_PAYLOADS = "SELECT uid, data FROM events_event WHERE uid = ANY(%s)"
_INSERT = """
INSERT INTO meta_events_metaevent (uid, project_id, event_type, body, status, strategy, interval_seconds,
  retry_limit, num_trials, num_trials_before, next_send_time, due_at, created_at, updated_at)
SELECT m.uid, m.project_id, m.event_type, m.body, 'Scheduled', m.strategy, m.interval_seconds,
  m.retry_limit, 0, 0, now(), now(), now(), now()
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::int[])
  AS m (uid, project_id, event_type, body, strategy, interval_seconds, retry_limit)
"""


@dataclass(frozen=True, slots=True)
class Finished:
    """A delivery that has just come to an end by an attempt."""

    delivery_id: str
    #: Its new status. Only Success and Failure are told.
    status: str
    #: `projects_project.meta_event` as it is stored: encrypted.
    project_meta_event: bytes


async def emit_delivery_events(connection: AsyncConnection[Any], finished: Sequence[Finished]) -> int:
    """Tell of deliveries that an attempt has ended, in the transaction that has written status and attempt.

    Call it after both are written: it reads them, in one statement for all, and each event's payload once;
    it writes the meta events so many at a time that their payloads stay below MAX_PAYLOAD_BYTES, which is
    all of them but for large ones. Where no project wants to hear anything it does neither. A delivery that
    failed without an attempt is not to be passed. Returns how many meta events there are to send.
    """
    wanted = {each.delivery_id: DELIVERY_EVENTS[each.status] for each in finished if _wants(each)}
    if not wanted:
        return 0
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SELECT, [list(wanted)])
        rows = await cursor.fetchall()
        payloads: dict[str, str] = {}
        count = 0
        for piece in _pieces(rows):
            # They are in the order of events: of those that were read before, only the last can come again.
            payloads = {uid: data for uid, data in payloads.items() if uid == piece[0]["event_id"]}
            if unread := list({row["event_id"] for row in piece} - payloads.keys()):
                await cursor.execute(_PAYLOADS, [unread])
                payloads |= {row["uid"]: row["data"] for row in await cursor.fetchall()}
            values = [
                _column_values(row | {"event.data": payloads[row["event_id"]]}, wanted[row["uid"]])
                for row in piece
                # Retention may have deleted it since.
                if row["event_id"] in payloads
            ]
            if values:
                await cursor.execute(_INSERT, [list(column) for column in zip(*values, strict=True)])
                count += len(values)
    return count


def _pieces(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The rows, as many at a time as have MAX_PAYLOAD_BYTES of payload together; one alone may have more."""
    piece: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        if piece and size + row["payload_bytes"] > MAX_PAYLOAD_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(row)
        size += row["payload_bytes"]
    if piece:
        yield piece


def _wants(finished: Finished) -> bool:
    event_type = DELIVERY_EVENTS.get(finished.status)
    if event_type is None:
        return False
    try:
        return is_wanted(settings_of(finished.project_meta_event), event_type)
    except UndecryptableValue as error:
        # The delivery itself must not fail because of this.
        logger.error("no meta event for delivery %s: %s", finished.delivery_id, error)
        return False


def _column_values(row: dict[str, Any], event_type: str) -> tuple[Any, ...]:
    strategy = row["project_strategy"]
    return (
        new_ulid(),
        row["project_id"],
        event_type,
        delivery_event_body(event_type, row).decode(),
        strategy["type"],
        strategy["duration"],
        strategy["retry_count"],
    )
