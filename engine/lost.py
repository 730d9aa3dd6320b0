"""Record attempts whose worker was lost: they may have reached the receiver, and nobody has written an outcome."""

from collections.abc import Sequence

from core.ulid import new_ulid
from engine.database import Connection

#: The error of such an attempt. It says nothing about the endpoint, so the circuit breaker does not count it.
LOST_ATTEMPT = "the worker was lost while it sent this: the receiver may have got it"

# The delivery was last written when it was claimed, or when a retry was asked for meanwhile.
_RECORD = """
INSERT INTO events_deliveryattempt (uid, delivery_id, project_id, endpoint_id, url, ip_address, request_http_header,
  response_http_header, http_status, response_data, error, status, is_test, requested_at, responded_at, created_at)
SELECT l.uid, d.uid, d.project_id, d.endpoint_id, e.url, '', '{}', '{}', '', '', %s, false, d.test <> '', d.updated_at,
  NULL, now()
FROM unnest(%s::text[], %s::text[]) AS l (uid, delivery_id)
JOIN events_eventdelivery d ON d.uid = l.delivery_id
JOIN endpoints_endpoint e ON e.uid = d.endpoint_id
"""


async def record_lost(connection: Connection, deliveries: Sequence[str]) -> None:
    """Store an attempt for each delivery, by its id, whose lease has ended without an outcome. One statement, or none.

    Call it before the deliveries are claimed again or settled, in the same transaction.
    """
    if deliveries:
        uids = [new_ulid() for _ in deliveries]
        await connection.execute(_RECORD, [LOST_ATTEMPT, uids, list(deliveries)])
