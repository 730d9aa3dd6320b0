"""Choose the events of a list, a count or a batch replay: one set of parameters for all three.

Contract: docs/contract/events.md#list.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from rest_framework.request import Request

from core.api.parameters import texts
from core.api.windows import read_window
from endpoints.models import Endpoint, Scope
from events.exceptions import BadSearch
from events.models import BROKER_HEADERS, Event

#: An event type with more events is not rare: its deliveries are found soon from the newest on.
RARE_AT_MOST = 1_000


class Contains(Func):
    """The condition that a payload contains a JSON object, by jsonb's `@>`."""

    template = "(payload_as_jsonb(%(expressions)s))"
    arg_joiner = ") @> payload_as_jsonb("
    output_field = BooleanField()


class Within(Collection[str]):
    """The ids of the endpoints of a caller's scope. Of some, only events from a first id on are in the scope."""

    def __init__(self, endpoints: Iterable[tuple[str, str]]) -> None:
        """Take the pairs (id, `held_from`) of the endpoints; `held_from` is "" where all events are in the scope."""
        self.first_ids = dict(endpoints)

    def __iter__(self) -> Iterator[str]:
        return iter(self.first_ids)

    def __len__(self) -> int:
        return len(self.first_ids)

    def __contains__(self, uid: object) -> bool:
        return uid in self.first_ids

    @property
    def ids(self) -> list[str]:
        """Return the ids of the endpoints."""
        return list(self.first_ids)

    @property
    def held(self) -> dict[str, str]:
        """Return the endpoints of which not all events are in the scope, with the first id of those that are."""
        return {uid: first for uid, first in self.first_ids.items() if first}

    def sees(self, endpoint_id: str, event_id: str) -> bool:
        """Return whether an event that went to an endpoint is in the scope."""
        return endpoint_id in self and event_id >= self.first_ids[endpoint_id]

    def events(self, endpoint_ids: Iterable[str]) -> Q:
        """Return the condition that an event went to one of these endpoints, as far as they are in the scope."""
        given = {uid: self.first_ids[uid] for uid in endpoint_ids if uid in self}
        seen = Q(endpoints__overlap=[uid for uid, first in given.items() if not first])
        for uid, first in given.items():
            if first:
                seen |= Q(endpoints__overlap=[uid], pk__gte=first)
        return seen


def still_held(within: Within | None) -> Within | None:
    """Return an earlier scope without the endpoints whose owner has changed since. One statement."""
    if within is None:
        return None
    now = dict(Endpoint.objects.filter(pk__in=within.ids).values_list("pk", "held_from"))
    return Within((uid, first) for uid, first in within.first_ids.items() if now.get(uid, first) == first)


def scope_ids(scope: Scope) -> Within | None:
    """Return the ids of the endpoints that a caller may reach; None for all of the project's. One statement."""
    return None if scope is None else Within(scope.values_list("pk", "held_from"))


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """The events that a caller has asked for, resolved to stay the same. A batch replay's job stores it as JSON."""

    first_uid: str
    beyond_uid: str
    #: The endpoints that the caller may see, with the id of the first event that each shows; None for all.
    within: dict[str, str] | None = None
    #: Only events that have one of these endpoints; None for any.
    endpoint_ids: list[str] | None = None
    owner_id: str = ""
    idempotency_key: str = ""
    broker_message_id: str = ""
    #: Whether a source is asked for. There are no sources.
    of_source: bool = False

    @property
    def parameters(self) -> dict[str, object]:
        """Return it as JSON without what is not set, so that servers of an earlier version can read it."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "", False)} | {
            "first_uid": self.first_uid,
            "beyond_uid": self.beyond_uid,
        }

    @property
    def scope(self) -> Within | None:
        """Return the endpoints that the caller may see; None for all of the project."""
        return None if self.within is None else Within(self.within.items())

    def rows(self, project_id: str) -> "QuerySet[Event]":
        """Return the events of a project that it chooses, test events aside. A statement where an owner is named."""
        rows = Event.objects.filter(project_id=project_id, pk__gte=self.first_uid, pk__lt=self.beyond_uid)
        rows = rows.exclude(channel=Event.Channel.TEST)
        scope = self.scope
        if scope is not None:
            rows = rows.filter(scope.events(scope))
        if self.endpoint_ids is not None:
            given = self.endpoint_ids
            rows = rows.filter(Q(endpoints__overlap=given) if scope is None else scope.events(given))
        if self.of_source:
            rows = rows.none()
        if self.owner_id:
            owned = Endpoint.objects.for_project(project_id).filter(owner_id=self.owner_id)
            if scope is not None:
                owned = owned.filter(pk__in=scope.ids)
            # As a list, by which PostgreSQL estimates the number of rows.
            rows = rows.filter(endpoints__overlap=list(owned.values_list("pk", flat=True)))
        if self.idempotency_key:
            # Each half has an index.
            rows = rows.filter(
                Q(is_duplicate_event=False, idempotency_key=self.idempotency_key)
                | Q(is_duplicate_event=True, idempotency_key=self.idempotency_key)
            )
        if self.broker_message_id:
            rows = rows.filter(of_broker_message(self.broker_message_id, "headers"))
        return rows


def read_event_filter(request: Request, *, within: Within | None = None) -> EventFilter:
    """Return the filter in a request's query, `query` and `body` aside. Raises InvalidInput.

    With `within`, it chooses only events that have one of these endpoints.
    """
    query = request.query_params
    window = read_window(request)
    given = texts(request, "endpointId")
    seen = given if within is None else [uid for uid in given if uid in within]
    return EventFilter(
        first_uid=window.first_uid,
        beyond_uid=window.beyond_uid,
        within=None if within is None else within.first_ids,
        endpoint_ids=seen if given else None,
        owner_id=query.get("ownerId", "").strip(),
        idempotency_key=query.get("idempotencyKey", "").strip(),
        broker_message_id=query.get("brokerMessageId", "").strip(),
        of_source=bool(texts(request, "sourceId")),
    )


def of_broker_message(message_id: str, headers: str) -> Q:
    """Return the condition that the field `headers` holds the header X-Broker-Message-Id with this value."""
    either = [Q(**{f"{headers}__contains": {name: [message_id]}}) for name in BROKER_HEADERS]
    # As in the condition of the index.
    return (either[0] | either[1]) & Q(**{f"{headers}__has_any_keys": list(BROKER_HEADERS)})


def events_of_type(project_id: str, event_type: str) -> list[str] | None:
    """Return the ids of a project's events of a type; None where there are more than RARE_AT_MOST.

    No index of deliveries has their types, as each index makes every delivery cost more.
    """
    rows = Event.objects.filter(project_id=project_id, event_type=event_type).order_by("-pk")
    found = list(rows.values_list("pk", flat=True)[: RARE_AT_MOST + 1])
    return found if len(found) <= RARE_AT_MOST else None


def searched_events(request: Request, rows: "QuerySet[Event]") -> "QuerySet[Event]":
    """Return those of `rows` that a request's `query` and `body` find. Raises InvalidInput."""
    text, objects = _split(request.query_params.get("query", "").strip())
    if body := request.query_params.get("body", "").strip():
        if not _is_object(body):
            raise BadSearch
        objects.append(body)
    for wanted in objects:
        rows = rows.filter(Contains(F("data"), Value(wanted)))
    if text:
        rows = rows.filter(Q(pk__startswith=text) | Q(idempotency_key__icontains=text) | Q(event_type__icontains=text))
    return rows


def is_search(request: Request) -> bool:
    """Return whether a request has `query` or `body`."""
    return any(request.query_params.get(name, "").strip() for name in ("query", "body"))


def searches_content(request: Request) -> bool:
    """Return whether a request's query searches payloads or headers, so that its answer reveals what they hold."""
    query = request.query_params
    in_payload = query.get("body", "").strip() or _split(query.get("query", "").strip())[1]
    return bool(in_payload or query.get("brokerMessageId", "").strip())


def _split(text: str) -> tuple[str, list[str]]:
    """Return the text of a `query`, and a list of the JSON object in it, if it has one."""
    start, end = text.find("{"), text.rfind("}") + 1
    if start >= 0 and _is_object(text[start:end]):
        return " ".join([*text[:start].split(), *text[end:].split()]), [text[start:end]]
    return text, []


def _is_object(text: str) -> bool:
    try:
        value: Any = orjson.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and bool(value)
