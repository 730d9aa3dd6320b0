"""Write the outcomes of claims: each delivery's new state, and the attempt that led to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.database import Connection
from engine.queue import Claim


@dataclass(slots=True)
class Attempt:
    """One request and its answer as they are stored: without credentials, and without NUL characters."""

    uid: str
    url: str
    ip_address: str
    #: JSON objects of name and value.
    request_headers: str
    response_headers: str
    http_status: str
    response_data: str
    error: str
    succeeded: bool
    requested_at: datetime
    responded_at: datetime | None


@dataclass(slots=True)
class Outcome:
    """The result of one claim: the delivery's new state, and the attempt to store."""

    claim: Claim
    status: str
    description: str
    #: Seconds until the next attempt; None where there is none.
    delay: float | None
    latency_seconds: float
    attempt: Attempt


#: Write deliveries and attempts, and count the first attempts of each endpoint.
# Arrays are sent in binary form (%b): as text each value is escaped, which cost a tenth of a delivery's CPU. The
# condition on the lease skips outcomes whose delivery another worker has claimed since.
_FINISH = """
WITH outcome AS (
  SELECT * FROM unnest(
    %(uid)b::text[], %(lease)b::uuid[], %(status)b::text[], %(description)b::text[], %(delay)b::float[],
    %(latency)b::float[], %(attempt_uid)b::text[], %(url)b::text[], %(ip)b::text[], %(request_headers)b::text[],
    %(response_headers)b::text[], %(http_status)b::text[], %(body)b::text[], %(error)b::text[],
    %(succeeded)b::boolean[], %(requested_at)b::timestamptz[], %(responded_at)b::timestamptz[]
  ) AS o (uid, lease, status, description, delay, latency, attempt_uid, url, ip, request_headers,
    response_headers, http_status, body, error, succeeded, requested_at, responded_at)
), settled AS (
  UPDATE events_eventdelivery d
  SET status = o.status, description = o.description, num_trials = d.num_trials + 1,
      next_send_time = coalesce(now() + o.delay * interval '1 second', d.next_send_time),
      due_at = now() + o.delay * interval '1 second',
      latency_seconds = o.latency, lease = NULL, is_parked = false, updated_at = now()
  FROM outcome o WHERE d.uid = o.uid AND d.lease = o.lease
  RETURNING d.uid, d.project_id, d.endpoint_id, d.num_trials
), attempts AS (
  INSERT INTO events_deliveryattempt (uid, delivery_id, project_id, endpoint_id, url, ip_address, request_http_header,
    response_http_header, http_status, response_data, error, status, requested_at, responded_at, created_at)
  SELECT o.attempt_uid, s.uid, s.project_id, s.endpoint_id, o.url, o.ip, o.request_headers::jsonb,
    o.response_headers::jsonb, o.http_status, o.body, o.error, o.succeeded, o.requested_at, o.responded_at, now()
  FROM outcome o JOIN settled s ON s.uid = o.uid
), counted AS (
  INSERT INTO endpoints_endpointstate AS state (endpoint_id, events, failure_rate, consecutive_trips)
  SELECT endpoint_id, count(*), 0, 0 FROM settled WHERE num_trials = 1 GROUP BY endpoint_id ORDER BY endpoint_id
  ON CONFLICT (endpoint_id) DO UPDATE SET events = state.events + excluded.events
)
SELECT uid FROM settled
"""


async def finish(connection: Connection, outcomes: Sequence[Outcome]) -> set[str]:
    """Write outcomes and attempts in one statement. Returns the ids of the deliveries whose lease was unchanged."""
    columns: dict[str, list[Any]] = {
        "uid": [outcome.claim.delivery.uid for outcome in outcomes],
        "lease": [outcome.claim.lease for outcome in outcomes],
        "status": [outcome.status for outcome in outcomes],
        "description": [outcome.description for outcome in outcomes],
        # Numbers of one type: psycopg refuses arrays of several.
        "delay": [None if outcome.delay is None else float(outcome.delay) for outcome in outcomes],
        "latency": [float(outcome.latency_seconds) for outcome in outcomes],
        "attempt_uid": [outcome.attempt.uid for outcome in outcomes],
        "url": [outcome.attempt.url for outcome in outcomes],
        "ip": [outcome.attempt.ip_address for outcome in outcomes],
        "request_headers": [outcome.attempt.request_headers for outcome in outcomes],
        "response_headers": [outcome.attempt.response_headers for outcome in outcomes],
        "http_status": [outcome.attempt.http_status for outcome in outcomes],
        "body": [outcome.attempt.response_data for outcome in outcomes],
        "error": [outcome.attempt.error for outcome in outcomes],
        "succeeded": [outcome.attempt.succeeded for outcome in outcomes],
        "requested_at": [outcome.attempt.requested_at for outcome in outcomes],
        "responded_at": [outcome.attempt.responded_at for outcome in outcomes],
    }
    cursor = await connection.execute(_FINISH, columns)
    return {uid for (uid,) in await cursor.fetchall()}
