"""Take in an event by a single statement where SQL alone can match it. Contract: docs/contract/events.md#matching.

Most subscriptions have no conditions on the payload. For these the statement reads the candidates, chooses each
subscription's filter, and writes the event with its deliveries. Everything else is left to matching.py and storage.py:
conditions, an event that nobody takes, a duplicate, more deliveries than MOST_AT_ONCE, and all refusals. In these cases
nothing is written, and the candidates have been read.
"""

from core.rows import read_rows
from core.ulid import new_ulid
from core.wake import wake_workers
from endpoints.models import Endpoint
from events.matching import ORDER, READ_ENDPOINT, Candidates, candidates_of, read_of_owner
from events.models import Event
from events.storage import (
    EVENT_COLUMNS,
    INSERT_DELIVERIES,
    UNLESS_DUPLICATE,
    Content,
    Posted,
    event_content,
    named_content,
)
from projects.config import REQUEST_ID_HEADER
from projects.keys import IS_PROVEN, Proof
from projects.models import Project

#: The most deliveries of an event that is stored here. Their ids are made before it is known how many are needed.
MOST_AT_ONCE = 4
#: The most candidates that are looked at here, so that a fan-out to a thousand endpoints is not sorted in vain. A
#: subscription has at most two: its filter of the event's type, and that of all types.
MOST_CANDIDATES = 2 * MOST_AT_ONCE

#: Read the owner that the id of an application names, or an owner's own id.
_APPLICATION = """owner AS (
  SELECT coalesce((
    SELECT owner_id FROM applications_application
    WHERE project_id = %(project_id)s AND (uid = %(application_id)s OR owner_id = %(owner_id)s)
  ), %(owner_id)s) AS owner_id
), """
_ITS_OWNER = "(SELECT owner_id FROM owner)"


def _take_in(
    candidates: str, *, owner: str = "", owner_id: str = "%(owner_id)s", key_scope: str = "%(key_scope)s"
) -> str:
    """Return the statement that takes in an event for `candidates`. All arguments are SQL; `owner` reads the owner."""
    # `deciding` does what matching.of_each_subscription() does, and the conditions of `event` what operations.py
    # requires of an idempotency key. A bool_and() of no row is null.
    return f"""
WITH {owner}candidate AS ({candidates}),
deciding AS (
  SELECT *, row_number() OVER (ORDER BY endpoint_id, subscription_id) AS number FROM (
    SELECT DISTINCT ON (endpoint_id, subscription_id) * FROM candidate
    WHERE event_type IS NOT NULL AND (channels = '{{}}' OR channels && %(channels)s::varchar[])
      AND (SELECT count(*) FROM candidate) <= {MOST_CANDIDATES} {ORDER}
  ) first
), event AS (
  INSERT INTO events_event ({EVENT_COLUMNS})
  SELECT %(uid)s, %(project_id)s, %(channel)s, %(event_type)s, taken.endpoints, {owner_id},
    {event_content(key_scope=key_scope)}
  FROM (
    SELECT array_agg(endpoint_id ORDER BY number) AS endpoints, count(*) <= {MOST_AT_ONCE} AND bool_and(
      conditions IS NULL
      AND (%(key)s <> '' OR type <> '{Project.Type.OUTGOING}' OR request_id_header IN ('', '{REQUEST_ID_HEADER}'))
    ) AS is_plain FROM deciding
  ) taken WHERE taken.is_plain
  {UNLESS_DUPLICATE} RETURNING uid, project_id, event_type
), deliveries AS (
  {INSERT_DELIVERIES} FROM (
    SELECT (string_to_array(%(delivery_ids)s, ' '))[number] AS uid, endpoint_id, subscription_id, delivery_mode,
      status = '{Endpoint.Status.ACTIVE}' AS is_active, strategy::json->>'type' AS strategy,
      (strategy::json->>'duration')::int AS interval_seconds, (strategy::json->>'retry_count')::int AS retry_limit,
      %(now)s AS created_at
    FROM deciding
  ) d, event
)
SELECT CASE WHEN EXISTS (SELECT FROM event) THEN (SELECT count(*) FROM deciding) END, candidate.* FROM candidate {ORDER}
"""  # noqa: S608 - only this package's own text


def _both(candidates: str, **named: str) -> tuple[str, str]:
    """Return the statements that take in an event without and with proof; the arguments are those of _take_in()."""
    return _take_in(candidates, **named), _take_in(f"{candidates} AND {IS_PROVEN}", **named)


_FOR_ENDPOINT = _both(READ_ENDPOINT)
_FOR_OWNER = _both(read_of_owner("%(owner_id)s"))
_FOR_APPLICATION = _both(
    read_of_owner(_ITS_OWNER), owner=_APPLICATION, owner_id=_ITS_OWNER, key_scope=f"%(key_scope)s || {_ITS_OWNER}"
)


def take_in(
    project_id: str,
    event: Content,
    channel: Event.Channel,
    *,
    endpoint_id: str = "",
    owner_id: str = "",
    application_id: str = "",
    key_scope: str = "",
    proof: Proof | None = None,
) -> Posted | Candidates:
    """Store an event for an endpoint, or for those of an owner, where no more than a statement is needed for it.

    Where `application_id` is given, the owner is that of the application with this id, and `owner_id` is the owner
    where there is none. The owner's id is then added to `key_scope`.
    Return the candidates where nothing was stored, for the caller to match with. Raises NotFound where there is no
    project, and where `proof` does not hold.
    """
    given = named_content(project_id, event, key_scope=key_scope)
    delivery_ids = [new_ulid() for _ in range(MOST_AT_ONCE)]
    given |= {
        "channel": channel.value,
        "endpoint_id": endpoint_id,
        "owner_id": owner_id,
        "application_id": application_id,
        "delivery_ids": " ".join(delivery_ids),
    }
    if endpoint_id:
        without, proven = _FOR_ENDPOINT
    else:
        without, proven = _FOR_APPLICATION if application_id else _FOR_OWNER
    rows = read_rows(proven, given | proof._asdict()) if proof else read_rows(without, given)
    candidates = candidates_of([row[1:] for row in rows])
    made = rows[0][0]
    if made is None:
        return candidates
    if any(row.is_active for each in candidates.endpoints.values() for row in each):
        wake_workers()
    return Posted(
        uid=given["uid"],
        is_duplicate=False,
        created_at=given["now"],
        delivery_ids=tuple(delivery_ids[:made]),
        event_type_id=candidates.settings.event_type_id,
    )
