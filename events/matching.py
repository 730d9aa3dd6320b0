"""Find the subscriptions that take an event. Contract: docs/contract/events.md#matching.

One statement reads everything that one event, or many, can need; the rest is done on its rows.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import orjson
from django.db import connection

from endpoints.models import Endpoint
from events.exceptions import ProjectNotRetrieved
from projects.models import EVERY_TYPE
from subscriptions.filters import MAX_STEPS, Budget, matches_event

#: The steps that the filters of all tenants may take together.
MAX_STEPS_TOGETHER = 20 * MAX_STEPS
#: The steps that each tenant has even where others have used up MAX_STEPS_TOGETHER. A usual filter takes 10 to 50.
AT_LEAST = 1_000
#: The bytes of a filter's JSON that are read for one step.
BYTES_A_STEP = 100

logger = logging.getLogger(__name__)


#: The event type of the one event, whose id the answer to a trigger shows (nahook_api/ingest.py).
_ITS_TYPE = "LEFT JOIN projects_eventtype t ON t.project_id = p.uid AND t.name = %(event_type)s"


def _read(endpoints: str, event_types: str, *, names_type: bool = False) -> str:
    """Return the statement that reads candidates, as columns of Settings and of Row.

    `endpoints` and `event_types` are SQL. `names_type` is for one event: it reads the id of its type.
    """
    return f"""
SELECT p.type, p.config->>'request_id_header' AS request_id_header, (p.config->'strategy')::text AS strategy,
  {"t.uid" if names_type else "NULL::text"} AS event_type_id,
  e.uid AS endpoint_id, e.name, e.owner_id, e.status, s.uid AS subscription_id, s.delivery_mode, s.channels,
  f.event_type, nullif(f.conditions, '{{}}')::text AS conditions
FROM projects_project p {_ITS_TYPE if names_type else ""}
LEFT JOIN endpoints_endpoint e ON e.project_id = p.uid AND e.deleted_at IS NULL AND ({endpoints})
LEFT JOIN subscriptions_subscription s ON s.endpoint_id = e.uid AND s.deleted_at IS NULL
LEFT JOIN subscriptions_filter f
  ON f.subscription_id = s.uid AND f.enabled_at IS NOT NULL AND f.event_type {event_types}
WHERE p.uid = %(project_id)s AND p.deleted_at IS NULL
"""  # noqa: S608 - only this module's own text


#: Order candidates as Candidates has them. The row of the exact type comes before that of "*" and, where it is enabled,
#: hides it.
ORDER = "ORDER BY endpoint_id, subscription_id, event_type = '*'"
# For one event, without a list as a parameter: psycopg goes through lists in Python.
_OF_THE_EVENT = f"IN (%(event_type)s, '{EVERY_TYPE}')"
#: Read those of one endpoint, for one event.
READ_ENDPOINT = _read("e.uid = %(endpoint_id)s", _OF_THE_EVENT)
_OF_THE_EVENTS = "= ANY(%(event_types)s)"
_LISTED = _read("e.uid = ANY(%(ids)s)", _OF_THE_EVENTS) + ORDER
_OWNED = _read("e.owner_id = ANY(%(owners)s)", _OF_THE_EVENTS) + ORDER
_LISTED_OR_OWNED = _read("e.uid = ANY(%(ids)s) OR e.owner_id = ANY(%(owners)s)", _OF_THE_EVENTS) + ORDER
_ALL = _read("TRUE", _OF_THE_EVENTS) + ORDER
_BROADCAST = _read("TRUE", _OF_THE_EVENT, names_type=True) + ORDER


class Settings(NamedTuple):
    """The settings of a project, and of the event's type in it, that matter when an event comes in."""

    type: str
    request_id_header: str
    strategy: Mapping[str, Any]
    #: The id of the event's type; None where there is none, and where it was not read.
    event_type_id: str | None = None


class Row(NamedTuple):
    """An endpoint, one of its subscriptions, and its enabled filter of one event type, or None for these.

    `channels` are those of the subscription, and `conditions` is JSON, None for a filter without conditions.
    """

    endpoint_id: str
    endpoint_name: str
    owner_id: str
    endpoint_status: str
    subscription_id: str | None
    delivery_mode: str
    channels: Sequence[str] | None
    event_type: str | None
    conditions: str | None

    @property
    def is_active(self) -> bool:
        """Return whether the endpoint receives deliveries; if not, they are discarded."""
        return self.endpoint_status == Endpoint.Status.ACTIVE


class Candidates(NamedTuple):
    """A project's settings, and rows by endpoint, the oldest subscription of each endpoint first."""

    settings: Settings
    endpoints: dict[str, list[Row]]


def read_of_owner(owner_id: str) -> str:
    """Return the statement that reads those of one owner, whom an SQL expression names, for one event."""
    return _read(f"e.owner_id = {owner_id}", _OF_THE_EVENT, names_type=True)


def read_candidates(
    project_id: str,
    *,
    event_types: Iterable[str],
    ids: Sequence[str] = (),
    owners: Sequence[str] = (),
    everyone: bool = False,
) -> Candidates:
    """Read the candidates for events of these types, for these endpoints or owners or for everyone.

    One statement. Deleted endpoints are left out. Raises NotFound.
    """
    if everyone:
        statement = _ALL
    elif owners and ids:
        statement = _LISTED_OR_OWNED
    else:
        statement = _OWNED if owners else _LISTED
    given: dict[str, Any] = {
        "project_id": project_id,
        "event_types": [*{*event_types, EVERY_TYPE}],
        "ids": list(ids),
        "owners": list(owners),
    }
    return _candidates(statement, given)


def read_candidates_of_broadcast(project_id: str, event_type: str) -> Candidates:
    """Read the candidates for one event, for everyone. One statement. Raises NotFound."""
    return _candidates(_BROADCAST, {"project_id": project_id, "event_type": event_type})


def _candidates(statement: str, given: Mapping[str, Any]) -> Candidates:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return candidates_of(cursor.fetchall())


def candidates_of(found: Sequence[Sequence[Any]]) -> Candidates:
    """Return the candidates that were read, of rows in their ORDER. Raises NotFound where there is no project."""
    if not found:
        raise ProjectNotRetrieved
    kind, request_id_header, strategy, event_type_id = found[0][:4]
    settings = Settings(kind, request_id_header, orjson.loads(strategy), event_type_id)
    endpoints: dict[str, list[Row]] = {}
    for row in found:
        if row[4] is not None:
            endpoints.setdefault(row[4], []).append(Row(*row[4:]))
    return Candidates(settings, endpoints)


def of_each_subscription(rows: Iterable[Row], event_type: str, channels: Sequence[str]) -> list[Row]:
    """Return each subscription's row that decides on events of a type and of these channels, if there is one.

    Contract: docs/contract/subscriptions.md#filter-choice, docs/contract/subscriptions.md#channels.
    """
    deciding: dict[str, Row] = {}
    for row in rows:
        if row.channels and not set(row.channels).intersection(channels):
            continue
        if row.subscription_id is not None and row.event_type in (event_type, EVERY_TYPE):
            # The rows may have been read for several events: those of other types are skipped.
            deciding.setdefault(row.subscription_id, row)
    return list(deciding.values())


class Allowance:
    """The steps that filters may take to match one event, or a few that are replayed.

    The filters of a tenant share `steps`, so that a customer with many filters costs no more than one with a single
    filter. All tenants share `together`, but each has AT_LEAST.
    """

    def __init__(self, steps: int = MAX_STEPS, together: int = MAX_STEPS_TOGETHER) -> None:
        self._each = steps
        self._together = together
        self._spent: Counter[tuple[str, str]] = Counter()
        self._is_told = False

    def is_taken(self, row: Row, *, data: Any, headers: Any) -> bool:
        """Return whether the row's conditions hold for an event.

        A filter that cannot be evaluated, or has no steps left, takes no event.
        """
        if row.conditions is None:
            return True
        # The endpoints of an owner belong to one tenant.
        tenant = (row.owner_id, "" if row.owner_id else row.endpoint_id)
        spent = self._spent[tenant]
        left_to_tenant, left_to_all = self._each - spent, max(self._together, AT_LEAST - spent)
        given = max(min(left_to_tenant, left_to_all), 0)
        budget = Budget(given - len(row.conditions) // BYTES_A_STEP)
        taken = budget.steps >= 0 and matches_event(
            orjson.loads(row.conditions), body=data, headers=headers, query={}, path={}, budget=budget
        )
        used = min(given - budget.steps, given)
        self._spent[tenant] += used
        self._together -= used
        if budget.steps < 0 and not self._is_told:
            self._is_told = True
            logger.warning(
                "filters take too many steps and count as no match, first that of subscription %s", row.subscription_id
            )
        return taken


class Matchable(Protocol):
    """The members by which an event is matched, beside its payload. New events and stored ones have them."""

    @property
    def event_type(self) -> str: ...
    @property
    def headers(self) -> Any: ...
    @property
    def channels(self) -> Sequence[str]: ...


def matched(
    endpoints: Iterable[Sequence[Row]], event: Matchable, data: Any, allowance: Allowance | None = None
) -> list[Row]:
    """Return the rows of every subscription that takes a direct event or a fanout, whose parsed payload is `data`."""
    allowance = allowance or Allowance()
    return [
        row
        for rows in endpoints
        for row in of_each_subscription(rows, event.event_type, event.channels)
        if allowance.is_taken(row, data=data, headers=event.headers)
    ]


def matched_once(
    endpoints: Iterable[Sequence[Row]], event: Matchable, data: Any, allowance: Allowance | None = None
) -> list[Row]:
    """Return one row for each endpoint that takes a broadcast, preferably that of the exact type."""
    allowance = allowance or Allowance()
    taken = []
    for rows in endpoints:
        deciding = of_each_subscription(rows, event.event_type, event.channels)
        deciding.sort(key=lambda row: row.event_type != event.event_type)
        first = next((row for row in deciding if allowance.is_taken(row, data=data, headers=event.headers)), None)
        if first is not None:
            taken.append(first)
    return taken


def has_conditions(rows: Iterable[Row]) -> bool:
    """Return whether the payload is needed to match an event with these rows."""
    return any(row.conditions is not None for row in rows)
