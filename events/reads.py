"""Choose the events of a list, a count or a batch replay: one set of parameters for all three.

Contract: docs/contract/events.md#list.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import orjson
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from rest_framework.request import Request

from core.api.parameters import texts
from core.api.windows import read_window
from endpoints.models import Endpoint, Scope
from events.exceptions import BadSearch
from events.models import Event


class Contains(Func):
    """The condition that a payload contains a JSON object, by jsonb's `@>`."""

    template = "(payload_as_jsonb(%(expressions)s))"
    arg_joiner = ") @> payload_as_jsonb("
    output_field = BooleanField()


class Within(Collection[str]):
    """The ids of the endpoints of a caller's scope, and the first id of what belongs to it where that is not all."""

    def __init__(self, endpoints: Iterable[tuple[str, str]]) -> None:
        """Take the pairs (id, `held_from`) of the endpoints."""
        found = list(endpoints)
        self.ids = [uid for uid, _ in found]
        self.held = {uid: first for uid, first in found if first}

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, uid: object) -> bool:
        return uid in self.ids

    def sees(self, endpoint_id: str, event_id: str) -> bool:
        """Return whether an event that went to an endpoint is in the scope."""
        return endpoint_id in self and event_id >= self.held.get(endpoint_id, "")

    def events(self, endpoint_ids: Iterable[str]) -> Q:
        """Return the condition that an event went to one of these endpoints, as far as they are in the scope."""
        given = [uid for uid in endpoint_ids if uid in self]
        seen = Q(endpoints__overlap=[uid for uid in given if uid not in self.held])
        for uid in given:
            if uid in self.held:
                seen |= Q(endpoints__overlap=[uid], pk__gte=self.held[uid])
        return seen


def scope_ids(scope: Scope) -> Within | None:
    """Return the ids of the endpoints that a caller may reach; None for all of the project's. One statement."""
    return None if scope is None else Within(scope.values_list("pk", "held_from"))


def chosen_events(request: Request, project_id: str, *, within: Within | None = None) -> "QuerySet[Event]":
    """Return the events of a project that a request's query chooses, `query` and `body` and test events aside.

    With `within`, only those that have one of these endpoints. Raises InvalidInput.
    """
    query = request.query_params
    window = read_window(request)
    rows = Event.objects.filter(project_id=project_id, pk__gte=window.first_uid, pk__lt=window.beyond_uid)
    rows = rows.exclude(channel=Event.Channel.TEST)
    if within is not None:
        rows = rows.filter(within.events(within))
    if given := texts(request, "endpointId"):
        rows = rows.filter(Q(endpoints__overlap=given) if within is None else within.events(given))
    if texts(request, "sourceId"):
        # There are no sources.
        rows = rows.none()
    if owner_id := query.get("ownerId", "").strip():
        owned = Endpoint.objects.for_project(project_id).filter(owner_id=owner_id)
        if within is not None:
            owned = owned.filter(pk__in=within.ids)
        rows = rows.filter(endpoints__overlap=ArraySubquery(owned.values("pk")))
    if key := query.get("idempotencyKey", "").strip():
        # Each half has an index.
        rows = rows.filter(
            Q(is_duplicate_event=False, idempotency_key=key) | Q(is_duplicate_event=True, idempotency_key=key)
        )
    if message_id := query.get("brokerMessageId", "").strip():
        rows = rows.filter(of_broker_message(message_id, "headers"))
    return rows


def of_broker_message(message_id: str, headers: str) -> Q:
    """Return the condition that the field `headers` holds the header X-Broker-Message-Id with this value."""
    names = ("x-broker-message-id", "X-Broker-Message-Id")
    either = [Q(**{f"{headers}__contains": {name: [message_id]}}) for name in names]
    return either[0] | either[1]


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
    """Return whether a request's query searches in payloads or headers: its answer tells what they hold."""
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
