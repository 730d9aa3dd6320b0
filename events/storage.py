"""Store events and their deliveries. Contract: docs/contract/events.md#stored-first.

An event is stored with its deliveries in one transaction, before the request is answered. Nothing is matched later:
from the start an event is `Success` (its deliveries are created, or it is a duplicate,
which has none) or `Failure`, with the reason.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction
from django.utils import timezone

from core.rows import array_text
from core.tracing import traceparent
from core.ulid import new_ulid
from core.wake import wake_workers
from events.matching import Candidates, Row, Settings
from events.models import Event
from events.unsent import NOT_ACTIVE
from outbound.states import Status

NO_MATCH = "no subscription matched this event"
#: Deliveries in one statement.
CHUNK = 5_000

EVENT_COLUMNS = """uid, project_id, channel, event_type, endpoints, owner_id, headers, data, idempotency_key,
key_scope, trace, channels, tags, external_id, is_duplicate_event, status, failure_reason, created_at, updated_at"""
# The statement waits for an uncommitted event with the same key.
UNLESS_DUPLICATE = """
ON CONFLICT (project_id, idempotency_key, key_scope) WHERE NOT is_duplicate_event AND NOT idempotency_key = ''
DO NOTHING
"""
#: Create deliveries of the rows `d`, each of which names its `event`.
# Due by the clock of the database, as the workers read it; this process may have another.
INSERT_DELIVERIES = f"""
INSERT INTO events_eventdelivery
  (uid, project_id, event_id, endpoint_id, subscription_id, event_type, delivery_mode, status, description,
   strategy, interval_seconds, retry_limit, num_trials, num_trials_before, next_send_time, latency_seconds,
   due_at, is_parked, lease, created_at, updated_at)
SELECT d.uid, event.project_id, event.uid, d.endpoint_id, d.subscription_id, event.event_type, d.delivery_mode,
  CASE WHEN d.is_active THEN '{Status.SCHEDULED}' ELSE '{Status.DISCARDED}' END,
  CASE WHEN d.is_active THEN '' ELSE '{NOT_ACTIVE}' END,
  d.strategy, d.interval_seconds, d.retry_limit, 0, 0, statement_timestamp(), 0,
  CASE WHEN d.is_active THEN statement_timestamp() END, FALSE, NULL, d.created_at, d.created_at
"""


def event_content(*, key_scope: str = "%(key_scope)s", outcome: str = f"FALSE, '{Status.SUCCESS}', ''") -> str:
    """Return the values of EVENT_COLUMNS from `headers` on, of a new event, by the names of named_content().

    Both arguments are SQL: the scope of the key, and the values from `is_duplicate_event` to `failure_reason`, which
    are those of an event that endpoints take.
    """
    return f"""%(headers)s::jsonb, %(data)s, %(key)s, {key_scope}, %(trace)s, %(channels)s::text[],
    %(tags)s::text[], %(external_id)s, {outcome}, %(now)s, %(now)s"""


_INSERT_EVENT = f"""
INSERT INTO events_event ({EVENT_COLUMNS})
VALUES (%(uid)s, %(project_id)s, %(channel)s, %(event_type)s, %(endpoints)s, %(owner_id)s,
  {event_content(outcome="%(is_duplicate)s, %(status)s, %(reason)s")})
"""  # noqa: S608 - only this module's own text
#: The parameters of _deliveries(), as the rows `d`.
_MATCHED = """(
  SELECT * FROM
    unnest(%(uids)s::text[], %(event_ids)s::text[], %(endpoint_ids)s::text[], %(subscription_ids)s::text[],
      %(delivery_modes)s::text[], %(are_active)s::bool[])
      AS given (uid, event_id, endpoint_id, subscription_id, delivery_mode, is_active),
    (SELECT %(strategy)s::text AS strategy, %(interval_seconds)s::int AS interval_seconds,
      %(retry_limit)s::int AS retry_limit, %(now)s::timestamptz AS created_at) s
) d"""
_STORE = f"""
WITH event AS ({_INSERT_EVENT} {UNLESS_DUPLICATE} RETURNING uid, project_id, event_type),
deliveries AS ({INSERT_DELIVERIES} FROM {_MATCHED} JOIN event ON event.uid = d.event_id)
SELECT uid FROM event
"""  # noqa: S608 - only this module's own text
_ADD = f"{INSERT_DELIVERIES} FROM {_MATCHED} JOIN events_event event ON event.uid = d.event_id"

#: The id of a delivery, that of its event, and the row that takes it.
Made = tuple[str, str, Row]


class Content(NamedTuple):
    """The content of an event. `data` is its canonical payload, `value` the same parsed."""

    event_type: str
    data: bytes
    value: Any
    headers: dict[str, list[str]]
    idempotency_key: str
    channels: Sequence[str] = ()
    tags: Sequence[str] = ()
    external_id: str = ""


class Posted(NamedTuple):
    """An event that was stored, whether an earlier one has its idempotency key, and the ids of its own deliveries."""

    uid: str
    is_duplicate: bool
    created_at: datetime
    delivery_ids: tuple[str, ...] = ()
    #: The id of the type of a fanout or a broadcast; None where the project has no such event type.
    event_type_id: str | None = None


def named_content(project_id: str, event: Content, *, key_scope: str) -> dict[str, Any]:
    """Return the parameters of a statement that stores a new event by event_content(), with a new `uid`."""
    return {
        "uid": new_ulid(),
        "project_id": project_id,
        "event_type": event.event_type,
        "headers": orjson.dumps(event.headers).decode(),
        "data": event.data.decode(),
        "key": event.idempotency_key,
        "key_scope": key_scope,
        "trace": traceparent(),
        "channels": list(event.channels),
        "tags": list(event.tags),
        "external_id": event.external_id,
        "now": timezone.now(),
    }


def store_event(
    project_id: str,
    event: Content,
    channel: Event.Channel,
    candidates: Candidates,
    targets: list[str],
    taken: list[Row],
    *,
    owner_id: str = "",
    key_scope: str = "",
    reason: str = NO_MATCH,
) -> Posted:
    """Store an event that is for the endpoints `targets`, with a delivery for each row that has `taken` it.

    It takes one statement, and more for a duplicate or more than CHUNK deliveries. `reason` is why it has failed
    where no row has taken it.
    """
    given = named_content(project_id, event, key_scope=key_scope)
    uid, now = given["uid"], given["now"]
    status, reason = (Status.SUCCESS, "") if taken else (Status.FAILURE, reason)
    endpoints = [row.endpoint_id for row in taken] or targets
    given |= {"channel": channel.value, "owner_id": owner_id, "endpoints": array_text(endpoints)}
    given |= {"is_duplicate": False, "status": status, "reason": reason}
    made = [new_ulid() for _ in taken]
    first, *others = _chunks((delivery_id, uid, row) for delivery_id, row in zip(made, taken, strict=True)) or [[]]
    with connection.cursor() as cursor:
        if not others:
            cursor.execute(_STORE, given | _deliveries(candidates.settings, first, now))
            is_new = cursor.fetchone() is not None
        else:
            with transaction.atomic():
                cursor.execute(f"{_INSERT_EVENT} {UNLESS_DUPLICATE}", given)
                is_new = cursor.rowcount == 1
                for chunk in [first, *others] if is_new else []:
                    cursor.execute(_ADD, _deliveries(candidates.settings, chunk, now))
        if not is_new:
            # A duplicate has no deliveries, and that is a success.
            duplicate = {"is_duplicate": True, "status": Status.SUCCESS, "reason": "", "endpoints": array_text(targets)}
            cursor.execute(_INSERT_EVENT, given | duplicate)
    if is_new and any(row.is_active for row in taken):
        wake_workers()
    return Posted(uid, not is_new, now, tuple(made) if is_new else (), candidates.settings.event_type_id)


def add_deliveries(settings: Settings, taken: Iterable[tuple[str, Row]], now: datetime) -> None:
    """Store a delivery for each pair of a stored event's id and a row that takes it, CHUNK in a statement."""
    with connection.cursor() as cursor:
        for chunk in _chunks((new_ulid(), uid, row) for uid, row in taken):
            cursor.execute(_ADD, _deliveries(settings, chunk, now))


def _chunks(deliveries: Iterable[Made]) -> list[list[Made]]:
    found = list(deliveries)
    return [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)]


def _deliveries(settings: Settings, made: Sequence[Made], now: datetime) -> dict[str, Any]:
    """Return the parameters of _MATCHED."""
    strategy = settings.strategy
    return {
        "uids": array_text(delivery_id for delivery_id, _, _ in made),
        "event_ids": array_text(event_id for _, event_id, _ in made),
        "endpoint_ids": array_text(row.endpoint_id for _, _, row in made),
        "subscription_ids": array_text(row.subscription_id for _, _, row in made),
        "delivery_modes": array_text(row.delivery_mode for _, _, row in made),
        "are_active": array_text(row.is_active for _, _, row in made),
        "strategy": strategy["type"],
        "interval_seconds": strategy["duration"],
        "retry_limit": strategy["retry_count"],
        "now": now,
    }
