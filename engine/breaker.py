"""Open the circuit breakers of endpoints whose attempts mostly fail, so that nothing is sent to them for a while.

Attempts are counted in a sliding window, and nothing is sent before the breaker's time is over. After that time only
new attempts count: earlier failures do not open the breaker again.
Contract: docs/contract/deliveries.md#circuit-breaker.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from core.ulid import first_ulid_at
from endpoints.disabling import disable_endpoint
from endpoints.models import EndpointState
from engine.lost import LOST_ATTEMPT
from projects.config import CircuitBreakerDocument

CLOSED, HALF_OPEN, OPEN = EndpointState.Breaker.CLOSED, EndpointState.Breaker.HALF_OPEN, EndpointState.Breaker.OPEN
#: One worker looks at a time.
LOCK_ID = 0x436F6E766F79_01
THRESHOLD_EXCEEDED = "Circuit breaker threshold exceeded"


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of one endpoint's breaker."""

    state: str
    consecutive_trips: int
    open_until: datetime | None
    #: Attempts before this moment do not count.
    counted_from: datetime | None


def next_state(
    breaker: Breaker, *, successes: int, failures: int, config: CircuitBreakerDocument, now: datetime
) -> Breaker:
    """Return the breaker after the attempts of its window. `config` is the project's `circuit_breaker`."""
    requests = successes + failures
    if breaker.state == OPEN:
        if breaker.open_until is not None and now <= breaker.open_until:
            return breaker
        return replace(breaker, state=HALF_OPEN, open_until=None, counted_from=breaker.open_until)
    if not requests:
        return breaker
    if breaker.state == HALF_OPEN and successes * 100 >= config["success_threshold"] * requests:
        return Breaker(CLOSED, 0, None, now)
    enough = breaker.state == HALF_OPEN or requests >= config["minimum_request_count"]
    if enough and failures * 100 >= config["failure_threshold"] * requests:
        until = now + timedelta(seconds=config["error_timeout"])
        return Breaker(OPEN, breaker.consecutive_trips + 1, until, breaker.counted_from)
    return breaker


# Bounded here as well: a window may have been stored before windows were checked.
_WINDOW = "least(greatest((p.config->'circuit_breaker'->>'observability_window')::float, 1), 60) * interval '1 minute'"
#: Count the attempts in each endpoint's window, and read its breaker; endpoints without either are left out.
# The window slides: it ends now, and begins no earlier than the breaker's last change.
_LOOK = f"""
WITH counted AS (
  SELECT a.endpoint_id, count(*) FILTER (WHERE a.status) AS successes, count(*) FILTER (WHERE NOT a.status) AS failures
  FROM events_deliveryattempt a
  JOIN projects_project p ON p.uid = a.project_id
  LEFT JOIN endpoints_endpointstate s ON s.endpoint_id = a.endpoint_id
  WHERE a.uid >= %(first)s AND NOT a.is_test AND (a.status OR a.error <> '{LOST_ATTEMPT}')
    AND a.created_at > now() - {_WINDOW}
    AND (s.counted_from IS NULL OR a.created_at > s.counted_from)
  GROUP BY a.endpoint_id
)
SELECT e.uid, coalesce(c.successes, 0) AS successes, coalesce(c.failures, 0) AS failures, now() AS now,
  coalesce(s.breaker, '{CLOSED}') AS state, coalesce(s.consecutive_trips, 0) AS consecutive_trips,
  s.open_until, s.counted_from, s.breaker IS NULL AS is_new, coalesce(s.failure_rate, 0) AS failure_rate,
  p.config->'circuit_breaker' AS config, (p.config->>'disable_endpoint')::boolean AS may_disable
FROM counted c
FULL JOIN (
  SELECT * FROM endpoints_endpointstate WHERE breaker IN ('{OPEN}', '{HALF_OPEN}') OR failure_rate > 0
) x ON x.endpoint_id = c.endpoint_id
JOIN endpoints_endpoint e ON e.uid = coalesce(c.endpoint_id, x.endpoint_id) AND e.deleted_at IS NULL
JOIN projects_project p ON p.uid = e.project_id
LEFT JOIN endpoints_endpointstate s ON s.endpoint_id = e.uid
ORDER BY e.uid
"""  # noqa: S608 - only this module's own text
#: Write breakers, and return the endpoints whose row was written.
# An endpoint that was activated since it was read has another counted_from: its row is left unchanged.
_WRITE = """
WITH n AS (
  SELECT * FROM unnest(
    %s::text[], %s::text[], %s::float[], %s::int[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[]
  ) AS given (uid, breaker, failure_rate, trips, open_until, counted_from, counted_from_before)
)
INSERT INTO endpoints_endpointstate AS state
  (endpoint_id, events, breaker, failure_rate, consecutive_trips, open_until, counted_from)
SELECT uid, 0, breaker, failure_rate, trips, open_until, counted_from FROM n ORDER BY uid
ON CONFLICT (endpoint_id) DO UPDATE SET breaker = excluded.breaker, failure_rate = excluded.failure_rate,
  consecutive_trips = excluded.consecutive_trips, open_until = excluded.open_until,
  counted_from = excluded.counted_from
WHERE (state.endpoint_id, coalesce(state.counted_from, '-infinity'))
  IN (SELECT uid, coalesce(counted_from_before, '-infinity') FROM n)
RETURNING endpoint_id
"""
#: Try for the lock, and read the beginning of the longest window of all projects.
_BEGIN = f"""
SELECT pg_try_advisory_xact_lock({LOCK_ID}),
  (SELECT now() - max({_WINDOW}) FROM projects_project p WHERE p.deleted_at IS NULL)
"""  # noqa: S608 - only this module's own text


async def look(connection: AsyncConnection[Any]) -> float:
    """Open and close the breakers of all endpoints by their recent attempts, unless another worker does so now.

    Returns the seconds that this took.
    """
    started = time.monotonic()
    async with connection.transaction():
        [(is_locked, since)] = await (await connection.execute(_BEGIN)).fetchall()
        if not is_locked or since is None:
            return time.monotonic() - started
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_LOOK, {"first": first_ulid_at(since)})
            rows = await cursor.fetchall()
        changed, to_disable = _changes(rows)
        if changed:
            # Lock states before endpoints, as all code does: this avoids deadlocks.
            cursor = await connection.execute(_WRITE, [list(column) for column in zip(*changed, strict=True)])
            written = {uid for (uid,) in await cursor.fetchall()}
            for uid in sorted(to_disable.keys() & written):
                await disable_endpoint(
                    connection, endpoint_id=uid, failure=THRESHOLD_EXCEEDED, failure_rate=to_disable[uid]
                )
    return time.monotonic() - started


def _changes(rows: Iterable[dict[str, Any]]) -> tuple[list[tuple[Any, ...]], dict[str, float]]:
    """Return the parameters of _WRITE for the breakers that change, and the failure rates of endpoints to disable."""
    changed = []
    to_disable = {}
    for row in rows:
        before = Breaker(row["state"], row["consecutive_trips"], row["open_until"], row["counted_from"])
        after = next_state(
            before, successes=row["successes"], failures=row["failures"], config=row["config"], now=row["now"]
        )
        requests = row["successes"] + row["failures"]
        rate = round(100 * row["failures"] / requests, 2) if requests else 0.0
        if after.state == OPEN and not requests:
            rate = row["failure_rate"]
        if after != before or row["is_new"] or rate != row["failure_rate"]:
            changed.append(
                (
                    *(row["uid"], after.state, rate, after.consecutive_trips, after.open_until),
                    *(after.counted_from, before.counted_from),
                )
            )
        tripped = after.consecutive_trips > before.consecutive_trips
        if tripped and row["may_disable"] and after.consecutive_trips >= row["config"]["consecutive_failure_threshold"]:
            to_disable[row["uid"]] = rate
    return changed, to_disable
