"""Queue meta events of deliveries that an attempt has ended, in the transaction of the attempt (an outbox).

Contract: docs/contract/meta-events.md#outbox.
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

#: The meta event of a delivery that has ended, by its status. Other states emit none.
DELIVERY_EVENTS = {str(Status.SUCCESS): DELIVERY_SUCCESS, str(Status.FAILURE): DELIVERY_FAILED}
#: Bytes of payload in the meta events that are written at a time. Each holds its event's payload twice.
MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
#: Deliveries with their event, endpoint and last attempt, but without the payload. Each column is named as an
#: attribute of what it belongs to (delivery_events.py).
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
#: The payloads of events.
_PAYLOADS = "SELECT uid, data FROM events_event WHERE uid = ANY(%s)"
#: Queue meta events.
_INSERT = f"""
INSERT INTO meta_events_metaevent (uid, project_id, event_type, body, status, strategy, interval_seconds,
  retry_limit, num_trials, num_trials_before, next_send_time, due_at, created_at, updated_at)
SELECT m.uid, m.project_id, m.event_type, m.body, '{Status.SCHEDULED}', m.strategy, m.interval_seconds,
  m.retry_limit, 0, 0, now(), now(), now(), now()
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::int[])
  AS m (uid, project_id, event_type, body, strategy, interval_seconds, retry_limit)
"""  # noqa: S608 - only this module's own text


@dataclass(frozen=True, slots=True)
class Finished:
    """A delivery that an attempt has just ended."""

    delivery_id: str
    #: The delivery's new status. Only Success and Failure emit meta events.
    status: str
    project_id: str
    #: `projects_project.meta_event` as it is stored: encrypted.
    project_meta_event: bytes


async def emit_delivery_events(connection: AsyncConnection[Any], finished: Sequence[Finished]) -> int:
    """Queue meta events of deliveries that an attempt has ended, in the transaction that has written the attempt.

    Call it after the status and the attempt are written, because it reads both, and not with a delivery that failed
    without an attempt. All rows are read in one statement, and each event's payload once. The meta events are written
    in pieces of at most MAX_PAYLOAD_BYTES of payload, which is usually a single one. No statement is executed where no
    project wants the meta events. Returns the number of meta events to send.
    """
    wanted = {each.delivery_id: DELIVERY_EVENTS[each.status] for each in finished if wants_meta_event(each)}
    if not wanted:
        return 0
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SELECT, [list(wanted)])
        rows = await cursor.fetchall()
        payloads: dict[str, str] = {}
        count = 0
        for piece in _pieces(rows):
            # Rows are in the order of events, so only the last event of the previous piece can occur again.
            payloads = {uid: data for uid, data in payloads.items() if uid == piece[0]["event_id"]}
            if unread := list({row["event_id"] for row in piece} - payloads.keys()):
                await cursor.execute(_PAYLOADS, [unread])
                payloads |= {row["uid"]: row["data"] for row in await cursor.fetchall()}
            values = [
                _column_values(row | {"event.data": payloads[row["event_id"]]}, wanted[row["uid"]])
                for row in piece
                # Retention may have deleted the event meanwhile.
                if row["event_id"] in payloads
            ]
            if values:
                await cursor.execute(_INSERT, [list(column) for column in zip(*values, strict=True)])
                count += len(values)
    return count


def _pieces(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Split the rows into pieces of at most MAX_PAYLOAD_BYTES of payload; a piece of one row may have more."""
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


def wants_meta_event(finished: Finished) -> bool:
    """Return whether a project wants a meta event of a delivery that an attempt has ended."""
    event_type = DELIVERY_EVENTS.get(finished.status)
    if event_type is None:
        return False
    try:
        return is_wanted(settings_of(finished.project_meta_event, finished.project_id), event_type)
    except UndecryptableValue as error:
        # The delivery must not fail because of its meta event.
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
