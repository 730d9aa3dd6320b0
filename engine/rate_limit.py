"""Keep the rate limit of an endpoint, by a bucket of tokens in its EndpointState that all workers share.

A bucket holds at most `rate_limit` tokens and is refilled with as many in `rate_limit_duration` seconds; each request
uses one. A delivery waits for the next token. Contract: docs/contract/deliveries.md#endpoint-rate-limit.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from engine.targets import Target

#: Lock the buckets of endpoints, and read them.
# Rows are made and locked in one statement, in the order of their ids, as engine/outcomes.py does: this avoids
# deadlocks between workers.
_LOCK = """
INSERT INTO endpoints_endpointstate AS s (endpoint_id, events, failure_rate, consecutive_trips)
SELECT uid, 0, 0, 0 FROM unnest(%s::text[]) AS given (uid) ORDER BY uid
ON CONFLICT (endpoint_id) DO UPDATE SET events = s.events
RETURNING s.endpoint_id, s.tokens, s.refilled_at
"""
#: Write buckets after their tokens were taken.
_USE = """
UPDATE endpoints_endpointstate s SET tokens = u.tokens, refilled_at = greatest(s.refilled_at, u.refilled_at),
  held_until = u.held_until
FROM unnest(%s::text[], %s::float[], %s::timestamptz[], %s::timestamptz[]) AS u (uid, tokens, refilled_at, held_until)
WHERE s.endpoint_id = u.uid
"""


def refilled(
    tokens: float | None, since: datetime | None, *, limit: int, duration_seconds: int, now: datetime
) -> float:
    """Return the tokens in a bucket `now` that had `tokens` at `since`. A bucket that was never used is full."""
    if tokens is None or since is None:
        return float(limit)
    return min(float(limit), tokens + max((now - since).total_seconds(), 0) * limit / duration_seconds)


def next_token_at(tokens: float, *, limit: int, duration_seconds: int, now: datetime) -> datetime | None:
    """Return when a bucket will have a whole token again; None where it has one."""
    return None if tokens >= 1 else now + timedelta(seconds=(1 - tokens) * duration_seconds / limit)


async def fill(connection: AsyncConnection[Any], targets: Sequence[Target]) -> None:
    """Lock the buckets of `targets`, which all have a limit, and set the tokens that each has now."""
    if not targets:
        return
    ids = [target.uid for target in targets]
    cursor = await connection.execute(_LOCK, [ids])
    stored = {uid: (tokens, since) for uid, tokens, since in await cursor.fetchall()}
    for target in targets:
        tokens, since = stored[target.uid]
        target.tokens = refilled(
            tokens, since, limit=target.rate_limit, duration_seconds=target.rate_limit_duration, now=target.now
        )


async def use(connection: AsyncConnection[Any], used: Sequence[tuple[Target, int]]) -> None:
    """Take tokens out of locked buckets. An empty bucket holds its endpoint until the next token."""
    rows = []
    for target, requests in used:
        left = (target.tokens or 0) - requests
        held_until = next_token_at(
            left, limit=target.rate_limit, duration_seconds=target.rate_limit_duration, now=target.now
        )
        rows.append((target.uid, left, target.now, held_until))
    await connection.execute(_USE, [list(column) for column in zip(*rows, strict=True)])
