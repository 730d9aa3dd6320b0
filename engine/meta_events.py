"""Send meta events, fairly between projects. Contract: docs/contract/meta-events.md#delivery.

A row is claimed under a lease, sent outside of any transaction, and its outcome is written while the lease is
unchanged. When a worker dies, its lease ends and another worker claims the row again. A worker does not claim a
row whose outcome it still has to write.
"""

import asyncio
import hashlib
import logging
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import psycopg
from django.conf import settings
from psycopg.rows import dict_row

from core.encryption import UndecryptableValue
from core.storable_text import storable
from engine.attempt import has_succeeded
from engine.database import Pool, write_outcome
from meta_events.emission import settings_of
from outbound.client import Exchange, Outbound
from outbound.retries import delay_seconds, parse_retry_after
from outbound.signatures import NothingToSignWith, convoy_signature
from outbound.states import Status

logger = logging.getLogger("convoyclone.meta_events")

TIMEOUT_SECONDS = 10
#: The longest request, and the time to write its outcome.
LEASE_SECONDS = TIMEOUT_SECONDS + 20
#: Requests under way in one worker, of all projects and of one: a URL that hangs takes PROJECT_AT_ONCE places at most.
AT_ONCE = 50
PROJECT_AT_ONCE = 4
#: The number of projects with unsent meta events that one claim goes through.
PROJECTS_PER_CLAIM = 500
#: The pause between two claims while nothing is due, and while there are more projects to go through.
POLL_SECONDS = 1.0
WALK_SECONDS = 0.05
SIGNATURE_HEADER = "X-Convoy-Signature"
IDEMPOTENCY_HEADER = "X-Convoy-Idempotency-Key"
USER_AGENT = f"Convoy/{settings.VERSION}"
_SIGNED_WITH = [{"hash": "SHA256", "encoding": "hex"}]

#: Give due meta events a lease, a few of each project.
# The claim hops from project to project in the index meta_event_due, starting after the last one that it saw, so that
# no project is held up by another's backlog. The first meta event of each comes before the second of any.
_CLAIM = f"""
WITH RECURSIVE walk AS (
  (
    SELECT project_id, 1 AS hop FROM meta_events_metaevent
    WHERE due_at IS NOT NULL AND project_id > %(after)s ORDER BY project_id LIMIT 1
  )
  UNION ALL
  SELECT later.project_id, walk.hop + 1
  FROM walk CROSS JOIN LATERAL (
    SELECT project_id FROM meta_events_metaevent
    WHERE due_at IS NOT NULL AND project_id > walk.project_id ORDER BY project_id LIMIT 1
  ) later
  WHERE walk.hop < %(projects)s
), due AS (
  SELECT found.uid, walk.hop, row_number() OVER (PARTITION BY walk.hop ORDER BY found.due_at) AS place
  FROM walk
  LEFT JOIN unnest(%(busy)s::text[], %(under_way)s::int[]) AS busy (project_id, under_way) USING (project_id)
  CROSS JOIN LATERAL (
    SELECT uid, due_at FROM meta_events_metaevent WHERE project_id = walk.project_id AND due_at <= now()
      AND uid <> ALL(%(unsettled)s::text[])
    ORDER BY due_at LIMIT greatest(0, %(cap)s - coalesce(busy.under_way, 0)) FOR UPDATE SKIP LOCKED
  ) found
), fair AS (
  SELECT uid, place, hop FROM due ORDER BY place, hop LIMIT %(places)s
), claimed AS (
  UPDATE meta_events_metaevent m
  SET status = '{Status.PROCESSING}', lease = %(lease)s, due_at = now() + %(seconds)s * interval '1 second',
    updated_at = now()
  FROM fair, projects_project p
  WHERE m.uid = fair.uid AND p.uid = m.project_id
  RETURNING fair.place, fair.hop, m.uid, m.project_id, m.body, m.strategy, m.interval_seconds, m.retry_limit,
    m.num_trials, m.num_trials_before, p.meta_event AS settings, p.deleted_at IS NOT NULL AS project_is_deleted
)
SELECT claimed.*, reached.project_id AS reached, reached.hop AS hops
FROM (SELECT * FROM walk ORDER BY hop DESC LIMIT 1) reached LEFT JOIN claimed ON true
ORDER BY claimed.place, claimed.hop
"""  # noqa: S608 - only this module's own text
#: Write the outcome of a meta event whose lease is unchanged.
_SETTLE = """
UPDATE meta_events_metaevent
SET status = %(status)s, num_trials = num_trials + %(trials)s, attempt = coalesce(%(attempt)s::jsonb, attempt),
  next_send_time = coalesce(now() + %(delay)s * interval '1 second', next_send_time),
  due_at = now() + %(delay)s * interval '1 second', lease = NULL, updated_at = now()
WHERE uid = %(uid)s AND lease = %(lease)s
"""


@dataclass(slots=True)
class Claim:
    """A meta event to send now, with its project's settings as they are stored."""

    uid: str
    project_id: str
    body: str
    strategy: str
    interval_seconds: int
    retry_limit: int
    num_trials: int
    num_trials_before: int
    settings: bytes
    project_is_deleted: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a claim. `delay` is in seconds, and None where the meta event is not sent again."""

    status: str
    trials: int
    attempt: str | None = None
    delay: float | None = None


class Sender:
    """Send meta events, at most AT_ONCE at a time, and at most PROJECT_AT_ONCE of one project."""

    def __init__(self, pool: Pool, outbound: Outbound) -> None:
        self._pool = pool
        self._outbound = outbound
        #: The requests whose outcome is not written yet.
        self._under_way: dict[asyncio.Task[None], Claim] = {}
        #: The next claim begins after this project.
        self._after = ""

    async def run(self, stopping: asyncio.Event) -> None:
        """Send due meta events until `stopping` is set, then finish the requests under way and return."""
        stopped = asyncio.create_task(stopping.wait())
        try:
            while not stopping.is_set():
                pause: float | None = POLL_SECONDS
                after = self._after
                try:
                    count = await self.start_due()
                    if after or self._after:
                        # There are more projects: later ones, or those before the one where the claim began.
                        pause = 0.0 if count else WALK_SECONDS
                except (psycopg.Error, OSError) as error:
                    logger.error("cannot claim meta events: %s", error)
                except Exception:
                    logger.exception("meta events cannot be claimed")
                # Claim again as soon as a place becomes free; while none is free, nothing can be claimed.
                if len(self._under_way) >= AT_ONCE:
                    pause = None
                ends = {stopped, *self._under_way}
                await asyncio.wait(ends, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        await self.finish()

    async def start_due(self) -> int:
        """Claim due meta events, as many as there are free places, and begin to send them. Returns their number."""
        places = AT_ONCE - len(self._under_way)
        if places <= 0:
            return 0
        lease = uuid.uuid4()
        busy = Counter(claim.project_id for claim in self._under_way.values())
        parameters = {
            "after": self._after,
            "projects": PROJECTS_PER_CLAIM,
            "busy": list(busy),
            "under_way": list(busy.values()),
            "cap": PROJECT_AT_ONCE,
            "unsettled": [claim.uid for claim in self._under_way.values()],
            "places": places,
            "lease": lease,
            "seconds": LEASE_SECONDS,
        }
        async with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_CLAIM, parameters)
            rows = await cursor.fetchall()
        claims = [Claim(**{name: row[name] for name in Claim.__slots__}) for row in rows if row["uid"]]
        if len(claims) == places:
            self._after = claims[-1].project_id
        else:
            self._after = rows[0]["reached"] if rows and rows[0]["hops"] == PROJECTS_PER_CLAIM else ""
        for claim in claims:
            task = asyncio.create_task(self._send(claim, lease))
            self._under_way[task] = claim
            task.add_done_callback(self._under_way.pop)
        return len(claims)

    async def finish(self) -> None:
        """Wait until the requests under way have ended, and cancel them where the wait is cancelled."""
        try:
            while self._under_way:
                await asyncio.wait(self._under_way)
        finally:
            for task in self._under_way:
                task.cancel()

    async def _send(self, claim: Claim, lease: uuid.UUID) -> None:
        try:
            await _deliver(self._pool, self._outbound, claim, lease)
        except Exception:
            # The meta event is sent again once its lease has ended.
            logger.exception("meta event %s could not be sent", claim.uid)


async def _deliver(pool: Pool, outbound: Outbound, claim: Claim, lease: uuid.UUID) -> None:
    outcome = await _attempt(outbound, claim)
    await write_outcome(
        pool,
        _SETTLE,
        {
            "uid": claim.uid,
            "lease": lease,
            "status": outcome.status,
            "trials": outcome.trials,
            "attempt": outcome.attempt,
            "delay": outcome.delay,
        },
    )


async def _attempt(outbound: Outbound, claim: Claim) -> Outcome:
    if claim.project_is_deleted:
        return Outcome(Status.DISCARDED, trials=0)
    try:
        config = settings_of(claim.settings, claim.project_id)
        if not config["is_enabled"]:
            return Outcome(Status.DISCARDED, trials=0)
        headers = request_headers(claim.uid, claim.body.encode(), secret=config["secret"])
    except (UndecryptableValue, NothingToSignWith):
        # The operator or the project can fix this before the next attempt.
        return _failed(claim, retry_after=None)
    exchange = await outbound.post(config["url"], headers=headers, body=claim.body.encode(), timeout=TIMEOUT_SECONDS)
    return _outcome(claim, headers, exchange)


def request_headers(uid: str, body: bytes, *, secret: str) -> list[tuple[str, str]]:
    """Return the headers of a request, which are the same at each attempt. Raises NothingToSignWith.

    The project's signature settings do not apply to meta events.
    """
    signature = convoy_signature(body, secrets=[secret], versions=_SIGNED_WITH, advanced=False, timestamp=0)
    return [
        ("Content-Type", "application/json"),
        ("Accept-Encoding", "gzip"),
        ("User-Agent", USER_AGENT),
        (IDEMPOTENCY_HEADER, hashlib.sha256(uid.encode()).hexdigest()),
        (SIGNATURE_HEADER, signature),
    ]


def _outcome(claim: Claim, headers: list[tuple[str, str]], exchange: Exchange) -> Outcome:
    if exchange.status is None:
        return _failed(claim, retry_after=None, is_permanent=exchange.is_permanent)
    attempt = orjson.dumps(
        {
            "request_http_header": _joined(headers),
            "response_http_header": _joined(exchange.response_headers),
            "response_data": storable(exchange.body),
        }
    ).decode()
    if has_succeeded(exchange):
        return Outcome(Status.SUCCESS, trials=1, attempt=attempt)
    asked = next((value for name, value in exchange.response_headers if name.lower() == "retry-after"), "")
    return _failed(claim, retry_after=parse_retry_after(asked, datetime.now(UTC)), attempt=attempt)


def _failed(
    claim: Claim, *, retry_after: float | None, attempt: str | None = None, is_permanent: bool = False
) -> Outcome:
    failures_before = claim.num_trials - claim.num_trials_before
    if is_permanent or failures_before + 1 >= claim.retry_limit:
        return Outcome(Status.FAILURE, trials=1, attempt=attempt)
    delay = delay_seconds(claim.strategy, claim.interval_seconds, failures_before, retry_after=retry_after)
    return Outcome(Status.RETRY, trials=1, attempt=attempt, delay=delay)


def _joined(headers: list[tuple[str, str]]) -> dict[str, str]:
    """Return headers as an object, the values of one name joined with a space."""
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]} {value}" if name in joined else value
    return joined
