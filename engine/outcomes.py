"""Write the outcomes of claims: each delivery's new state, the attempt that led to it, and the figures of endpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.database import Connection
from engine.queue import Claim
from outbound.answers import answer_kind, answer_text


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


#: The highest number of deliveries in a row that is counted.
MOST_IN_A_ROW = 1_000_000_000
#: The most characters of an error that an endpoint's state keeps.
QUOTED_CHARACTERS = 200

#: Write deliveries and attempts.
# Arrays are sent in binary form (%b): as text each value is escaped, which cost a tenth of a delivery's CPU. The
# condition on the lease skips outcomes whose delivery another worker has claimed since.
_WRITE = """
WITH outcome AS (
  SELECT * FROM unnest(
    %(uid)b::text[], %(lease)b::uuid[], %(status)b::text[], %(description)b::text[], %(delay)b::float[],
    %(latency)b::float[], %(attempt_uid)b::text[], %(url)b::text[], %(ip)b::text[], %(request_headers)b::text[],
    %(response_headers)b::text[], %(http_status)b::text[], %(body)b::text[], %(error)b::text[],
    %(succeeded)b::boolean[], %(requested_at)b::timestamptz[], %(responded_at)b::timestamptz[],
    %(answer)b::text[], %(answer_text)b::text[]
  ) AS o (uid, lease, status, description, delay, latency, attempt_uid, url, ip, request_headers,
    response_headers, http_status, body, error, succeeded, requested_at, responded_at, answer, answer_text)
), settled AS (
  UPDATE events_eventdelivery d
  SET status = o.status, description = o.description, num_trials = d.num_trials + 1,
      next_send_time = coalesce(now() + o.delay * interval '1 second', d.next_send_time),
      due_at = now() + o.delay * interval '1 second',
      latency_seconds = o.latency, lease = NULL, is_parked = false, updated_at = now()
  FROM outcome o WHERE d.uid = o.uid AND d.lease = o.lease
  RETURNING d.uid, d.project_id, d.endpoint_id, d.num_trials, d.test, o.delay IS NULL AS has_finished, o.succeeded,
    o.attempt_uid COLLATE "C" AS attempt_uid, o.requested_at, o.responded_at, o.answer, o.answer_text
), attempts AS (
  INSERT INTO events_deliveryattempt (uid, delivery_id, project_id, endpoint_id, url, ip_address, request_http_header,
    response_http_header, http_status, response_data, error, status, is_test, requested_at, responded_at,
    created_at)
  SELECT o.attempt_uid, s.uid, s.project_id, s.endpoint_id, o.url, o.ip, o.request_headers::jsonb,
    o.response_headers::jsonb, o.http_status, o.body, o.error, o.succeeded, s.test <> '', o.requested_at,
    o.responded_at, now()
  FROM outcome o JOIN settled s ON s.uid = o.uid
)"""
#: The state of endpoints after a batch in which every attempt has succeeded, and none was a test event.
_AFTER_SUCCESSES = f"""
counted AS (
  INSERT INTO endpoints_endpointstate AS state (endpoint_id, events, failure_rate, consecutive_trips,
    delivered_in_a_row, last_delivered_at)
  SELECT endpoint_id, count(*) FILTER (WHERE num_trials = 1), 0, 0, count(*), max(responded_at)
  FROM settled GROUP BY endpoint_id ORDER BY endpoint_id
  ON CONFLICT (endpoint_id) DO UPDATE SET events = state.events + excluded.events,
    failed_in_a_row = 0, failing_since = NULL, last_delivered_at = excluded.last_delivered_at,
    delivered_in_a_row = least(state.delivered_in_a_row + excluded.delivered_in_a_row, {MOST_IN_A_ROW})
  RETURNING endpoint_id
)"""  # noqa: S608 - only this module's own text
#: The same after any other batch. A success ends a run of failures, and a delivery that is given up a run of successes.
_AFTER_ANY = f"""
placed AS (
  SELECT *, max(attempt_uid) FILTER (WHERE succeeded) OVER same AS last_success,
    max(attempt_uid) FILTER (WHERE has_finished AND NOT succeeded) OVER same AS last_given_up
  FROM settled WHERE test = '' WINDOW same AS (PARTITION BY endpoint_id)
), facts AS (
  SELECT endpoint_id, count(*) FILTER (WHERE num_trials = 1) AS firsts,
    count(*) FILTER (WHERE has_finished AND attempt_uid > coalesce(last_success, '')) AS failed,
    count(*) FILTER (WHERE succeeded AND attempt_uid > coalesce(last_given_up, '')) AS delivered,
    bool_or(last_given_up IS NOT NULL) AS has_given_up,
    min(requested_at) FILTER (WHERE attempt_uid > coalesce(last_success, '')) AS failing_since,
    (array_agg(answer ORDER BY attempt_uid DESC) FILTER (WHERE NOT succeeded))[1] AS last_failure,
    (array_agg(answer_text ORDER BY attempt_uid DESC) FILTER (WHERE NOT succeeded))[1] AS last_failure_text,
    max(requested_at) FILTER (WHERE NOT succeeded) AS last_failure_at,
    max(responded_at) FILTER (WHERE succeeded) AS last_delivered_at
  FROM placed GROUP BY endpoint_id
), counted AS (
  INSERT INTO endpoints_endpointstate AS state (endpoint_id, events, failure_rate, consecutive_trips, failed_in_a_row,
    delivered_in_a_row, failing_since, last_failure, last_failure_text, last_failure_at, last_delivered_at)
  SELECT endpoint_id, firsts, 0, 0, failed, delivered, failing_since, coalesce(last_failure, ''),
    coalesce(last_failure_text, ''), last_failure_at, last_delivered_at
  FROM facts ORDER BY endpoint_id
  ON CONFLICT (endpoint_id) DO UPDATE SET events = state.events + excluded.events,
    failed_in_a_row = least(excluded.failed_in_a_row
      + CASE WHEN excluded.last_delivered_at IS NULL THEN state.failed_in_a_row ELSE 0 END, {MOST_IN_A_ROW}),
    delivered_in_a_row = least(excluded.delivered_in_a_row
      + CASE WHEN excluded.endpoint_id IN (SELECT endpoint_id FROM facts WHERE has_given_up) THEN 0
        ELSE state.delivered_in_a_row END, {MOST_IN_A_ROW}),
    failing_since = CASE WHEN excluded.last_delivered_at IS NULL
      THEN coalesce(state.failing_since, excluded.failing_since) ELSE excluded.failing_since END,
    last_failure = coalesce(nullif(excluded.last_failure, ''), state.last_failure),
    last_failure_text = CASE WHEN excluded.last_failure = '' THEN state.last_failure_text
      ELSE excluded.last_failure_text END,
    last_failure_at = coalesce(excluded.last_failure_at, state.last_failure_at),
    last_delivered_at = coalesce(excluded.last_delivered_at, state.last_delivered_at)
  RETURNING endpoint_id
)"""  # noqa: S608 - only this module's own text
#: The figures of the present hour.
# The row of an hour is written by whoever has locked its endpoint's state, which the join with `counted` makes sure of.
# States are locked in the order of their ids, so that workers do not block each other.
_HOURS = """
hours AS (
  INSERT INTO endpoints_endpointhour AS h (endpoint_id, hour, answer, delivered, failed)
  SELECT s.endpoint_id, date_trunc('hour', now(), 'UTC'), s.answer, count(*) FILTER (WHERE s.succeeded),
    count(*) FILTER (WHERE NOT s.succeeded)
  FROM settled s JOIN counted c ON c.endpoint_id = s.endpoint_id
  WHERE s.has_finished AND s.test = ''
  GROUP BY s.endpoint_id, s.answer ORDER BY s.endpoint_id, s.answer
  ON CONFLICT (endpoint_id, hour, answer)
  DO UPDATE SET delivered = h.delivered + excluded.delivered, failed = h.failed + excluded.failed
)
SELECT uid FROM settled
"""
_FINISH = f"{_WRITE}, {_AFTER_ANY}, {_HOURS}"
# Almost every batch is of this kind.
_FINISH_SUCCESSES = f"{_WRITE}, {_AFTER_SUCCESSES}, {_HOURS}"


async def finish(connection: Connection, outcomes: Sequence[Outcome]) -> set[str]:
    """Write outcomes, attempts and figures in one statement. Returns the ids of those whose lease was unchanged."""
    attempts = [outcome.attempt for outcome in outcomes]
    is_quiet = all(outcome.attempt.succeeded and not outcome.claim.delivery.test for outcome in outcomes)
    columns: dict[str, list[Any]] = {
        "uid": [outcome.claim.delivery.uid for outcome in outcomes],
        "lease": [outcome.claim.lease for outcome in outcomes],
        "status": [outcome.status for outcome in outcomes],
        "description": [outcome.description for outcome in outcomes],
        # Numbers of one type: psycopg refuses arrays of several.
        "delay": [None if outcome.delay is None else float(outcome.delay) for outcome in outcomes],
        "latency": [float(outcome.latency_seconds) for outcome in outcomes],
        "attempt_uid": [attempt.uid for attempt in attempts],
        "url": [attempt.url for attempt in attempts],
        "ip": [attempt.ip_address for attempt in attempts],
        "request_headers": [attempt.request_headers for attempt in attempts],
        "response_headers": [attempt.response_headers for attempt in attempts],
        "http_status": [attempt.http_status for attempt in attempts],
        "body": [attempt.response_data for attempt in attempts],
        "error": [attempt.error for attempt in attempts],
        "succeeded": [attempt.succeeded for attempt in attempts],
        "requested_at": [attempt.requested_at for attempt in attempts],
        "responded_at": [attempt.responded_at for attempt in attempts],
        "answer": [answer_kind(attempt.http_status, attempt.error) for attempt in attempts],
        "answer_text": [answer_text(attempt.http_status, attempt.error)[:QUOTED_CHARACTERS] for attempt in attempts],
    }
    cursor = await connection.execute(_FINISH_SUCCESSES if is_quiet else _FINISH, columns)
    return {uid for (uid,) in await cursor.fetchall()}
