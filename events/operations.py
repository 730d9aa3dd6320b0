"""Events in: each is stored with its deliveries in one transaction, before it is answered.

Contract: events sections 2 to 6 and 7.2. Nothing is matched later (defects D1, D3, D4 and D5): an
event is from the start `Success` (its deliveries are made, or it is a duplicate, which has none) or
`Failure`, which says why.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.exceptions import InvalidInput, NotFound
from core.ulid import new_ulid
from core.wake import wake_workers
from endpoints.models import Endpoint, Scope
from endpoints.operations import check_url, create_endpoint
from events.matching import (
    MAX_STEPS_TOGETHER,
    Allowance,
    Candidates,
    Row,
    Settings,
    has_conditions,
    matched,
    matched_once,
    read_candidates,
)
from events.models import Event
from outbound import payload
from outbound.headers import check_custom_headers
from outbound.states import Status
from projects.config import REQUEST_ID_HEADER
from projects.models import Project
from subscriptions.filters import MAX_STEPS
from subscriptions.models import Subscription
from subscriptions.operations import create_subscription, update_subscription

NO_MATCH = "no subscription matched this event"
NOT_CONCRETE = "dynamic event URL must be concrete, not an endpoint URL template"
#: Deliveries in one statement.
CHUNK = 5_000
#: Events that are replayed in one transaction; fewer, once they are for so many subscriptions.
REPLAY_CHUNK = 50
REPLAY_DELIVERIES = 20_000
#: What the filters of a tenant, and of all, may take for a chunk: less than for as many events that come in.
REPLAY_STEPS = 10 * MAX_STEPS
REPLAY_STEPS_TOGETHER = 2 * MAX_STEPS_TOGETHER
#: A batch replay ends with the transaction in which it has taken so long; a web server's thread waits for it.
REPLAY_SECONDS = 20.0

Channel = Event.Channel

_INSERT_EVENT = """
INSERT INTO events_event
  (uid, project_id, channel, event_type, endpoints, owner_id, headers, data, idempotency_key,
   key_scope, is_duplicate_event, status, failure_reason, created_at, updated_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
# A post with the same key that is under way is waited for.
_UNLESS_DUPLICATE = """
ON CONFLICT (project_id, idempotency_key, key_scope) WHERE NOT is_duplicate_event AND NOT idempotency_key = ''
DO NOTHING
"""
# Due by the clock of the database, as the workers read it; this process may have another.
_INSERT_DELIVERIES = """
INSERT INTO events_eventdelivery
  (uid, project_id, event_id, endpoint_id, subscription_id, event_type, delivery_mode, status, description,
   strategy, interval_seconds, retry_limit, num_trials, num_trials_before, next_send_time, latency_seconds,
   due_at, is_parked, lease, created_at, updated_at)
SELECT d.uid, {event}.project_id, {event}.uid, d.endpoint_id, d.subscription_id, {event}.event_type, d.delivery_mode,
  CASE WHEN d.is_active THEN 'Scheduled' ELSE 'Discarded' END,
  CASE WHEN d.is_active THEN '' ELSE 'the endpoint was not active when the event came in' END,
  %s, %s, %s, 0, 0, statement_timestamp(), 0, CASE WHEN d.is_active THEN statement_timestamp() END, FALSE, NULL,
  now.at, now.at
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bool[])
  AS d(uid, event_id, endpoint_id, subscription_id, delivery_mode, is_active)
"""
_STORE = f"""
WITH event AS ({_INSERT_EVENT} {_UNLESS_DUPLICATE} RETURNING uid, project_id, event_type),
deliveries AS (
  {_INSERT_DELIVERIES.format(event="event")} JOIN event ON event.uid = d.event_id, (SELECT %s::timestamptz AS at) now
)
SELECT uid FROM event
"""  # noqa: S608 - only this module's own text
_ADD = f"""
{_INSERT_DELIVERIES.format(event="event")} JOIN events_event event ON event.uid = d.event_id,
(SELECT %s::timestamptz AS at) now
"""
_REWRITE = """
UPDATE events_event e SET endpoints = r.endpoints::varchar[], status = r.status, failure_reason = r.reason,
  updated_at = %s
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS r(uid, endpoints, status, reason) WHERE e.uid = r.uid
"""


class Posted(NamedTuple):
    """An event that was stored, and whether one with its idempotency key was there before."""

    uid: str
    is_duplicate: bool


class Content(NamedTuple):
    """What an event says. `data` is its canonical payload, `value` the same parsed."""

    event_type: str
    data: bytes
    value: Any
    headers: dict[str, list[str]]
    idempotency_key: str


def content(
    *,
    event_type: str,
    raw: bytes,
    value: Any,
    custom_headers: Mapping[str, str] | None = None,
    idempotency_key: str = "",
) -> Content:
    """The content of an event, out of the validated fields of a request.

    `raw` is the text of its `data`, which is kept byte for byte, and `value` the same parsed.
    Raises InvalidInput for headers that cannot be sent.
    """
    check_custom_headers(custom_headers or {})
    headers = {name: [text] for name, text in (custom_headers or {}).items()}
    return Content(event_type, payload.compact(raw), value, headers, idempotency_key)


def create_event(
    project_id: str,
    event: Content,
    *,
    endpoint_id: str = "",
    app_id: str = "",
    key_scope: str = "",
    subscribes: bool = True,
) -> Posted:
    """Store an event for one endpoint, with a delivery for each of its subscriptions that takes it.

    An endpoint's `app_id` is its own id. An endpoint that has no subscription gets one to everything;
    not in an incoming project, where a subscription belongs to a source, nor from a caller who may not
    subscribe (`subscribes`). `key_scope` names the customer who posts it, whose idempotency keys are not
    the company's.
    Raises InvalidInput. Contract: sections 2.1 and 6.1.
    """
    target = endpoint_id or app_id
    if not target:
        raise InvalidInput("please provide an endpoint ID")
    candidates = read_candidates(project_id, event_types=[event.event_type], ids=[target])
    _require_key(candidates.settings, event)
    rows = candidates.endpoints.get(target)
    if rows is None:
        raise InvalidInput("endpoint not found" if endpoint_id else "app ID has no configured endpoints")
    subscribes = subscribes and candidates.settings.type != Project.Type.INCOMING
    if rows[0].subscription_id is not None or not subscribes:
        taken = _direct(candidates, event)
        return _store(project_id, event, Channel.DIRECT, candidates, [target], taken, key_scope=key_scope)
    with transaction.atomic():
        _subscribe_to_everything(project_id, rows[0])
        candidates = read_candidates(project_id, event_types=[event.event_type], ids=[target])
        taken = _direct(candidates, event)
        return _store(project_id, event, Channel.DIRECT, candidates, [target], taken, key_scope=key_scope)


def create_fanout_event(project_id: str, event: Content, *, owner_id: str) -> Posted:
    """Store an event for all endpoints of an owner. Raises InvalidInput. Contract: sections 2.2 and 6.1."""
    candidates = read_candidates(project_id, event_types=[event.event_type], owners=[owner_id])
    _require_key(candidates.settings, event)
    taken = _direct(candidates, event)
    return _store(project_id, event, Channel.FANOUT, candidates, list(candidates.endpoints), taken, owner_id=owner_id)


def create_broadcast_event(project_id: str, event: Content) -> Posted:
    """Store an event for every endpoint of the project that takes it. Raises InvalidInput.

    Contract: sections 2.3 and 6.3.
    """
    candidates = read_candidates(project_id, event_types=[event.event_type], everyone=True)
    _require_key(candidates.settings, event)
    taken = matched_once(
        candidates.endpoints.values(), event_type=event.event_type, data=event.value, headers=event.headers
    )
    return _store(project_id, event, Channel.BROADCAST, candidates, [], taken)


def create_dynamic_event(
    project_id: str, event: Content, *, url: str, secret: str = "", event_types: Sequence[str] = ()
) -> Posted:
    """Store an event for a URL: its endpoint and subscription are made where there are none.

    The first subscription takes it, whatever its event types and filter are; `event_types`, if given,
    replace its own. Raises InvalidInput. Contract: sections 2.4 and 6.4.
    """
    project = Project.objects.live().filter(pk=project_id).first()
    if project is None:
        raise NotFound("failed to retrieve project")
    config = project.config
    settings = Settings(project.type, config["request_id_header"], config["strategy"])
    _require_key(settings, event)
    if "{" in url or "}" in url:
        if config["verify_dynamic_events"]:
            raise InvalidInput(NOT_CONCRETE, field="url")
        return _store(project_id, event, Channel.DYNAMIC, Candidates(settings, {}), [], [], reason=NOT_CONCRETE)
    check_url(project, url)
    with transaction.atomic():
        # One at a time for a URL, so that it gets one endpoint (D13).
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"dynamic {project_id} {url}"])
        endpoint = Endpoint.objects.for_project(project_id).filter(url=url).only("pk").order_by("pk").first()
        if endpoint is None:
            name = f"endpoint-{new_ulid()}"
            endpoint = create_endpoint(project_id, url=url, name=name, http_timeout=10, secret=secret)
        _choose_types(project_id, endpoint.uid, list(dict.fromkeys(event_types)))
        candidates = read_candidates(project_id, event_types=[event.event_type], ids=[endpoint.uid])
        taken = candidates.endpoints.get(endpoint.uid, [])[:1]
        return _store(project_id, event, Channel.DYNAMIC, candidates, [endpoint.uid], taken)


def replay_event(project_id: str, event_id: str, *, scope: Scope = None) -> None:
    """Match a stored event with today's subscriptions, and make new deliveries; the event keeps its id (D2).

    Within a `scope`, only an event all of whose endpoints are in it, and only to these.
    Raises NotFound. Contract: section 7.2.
    """
    rows = Event.objects.filter(project_id=project_id, pk=event_id)
    if not _replay(project_id, rows, scope_ids(scope)):
        raise NotFound("event not found")


def batch_replay(
    project_id: str, rows: "QuerySet[Event]", *, scope: Scope = None, customer: str = ""
) -> tuple[int, int]:
    """Replay the events `rows` of a project, oldest first; (how many were, how many were not).

    It takes some statements for each REPLAY_CHUNK events, fewer where these have more than
    REPLAY_DELIVERIES deliveries, each chunk in a transaction of its own. After REPLAY_SECONDS it ends: the
    events that it has not reached are among those that were not replayed.
    Duplicates are no events of their own, and are left out. A project, and in the portal a customer,
    which `customer` names, has one at a time. Raises InvalidInput for a second one. Contract: section 7.2 (E8).
    """
    end = time.monotonic() + REPLAY_SECONDS
    with _alone(f"batch replay {project_id} {customer}", "an active batch replay already exists"):
        within = scope_ids(scope)
        rows = originals(rows)
        replayed, cursor, last = 0, "", rows.order_by("-pk").values_list("pk", flat=True).first()
        total = rows.count()
        while last is not None and cursor < last:
            chunk = list(
                rows.filter(pk__gt=cursor, pk__lte=last).order_by("pk").values_list("pk", flat=True)[:REPLAY_CHUNK]
            )
            if not chunk:
                break
            done = _replay(project_id, Event.objects.filter(project_id=project_id, pk__in=chunk), within)
            replayed += len(done)
            cursor = done[-1] if done else chunk[-1]
            if time.monotonic() > end:
                break
    return replayed, max(total - replayed, 0)


@contextmanager
def _alone(name: str, refusal: str) -> Iterator[None]:
    """A block that nobody else is in by the same name. Raises InvalidInput with `refusal` when somebody is.

    The lock is this connection's, over all transactions, and ends with it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
        if not cursor.fetchone()[0]:
            raise InvalidInput(refusal)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [name])


def originals(rows: "QuerySet[Event]") -> "QuerySet[Event]":
    """The events that a batch replays and its count counts (D11): those that are no duplicates."""
    return rows.filter(is_duplicate_event=False)


def scope_ids(scope: Scope) -> list[str] | None:
    """The ids of the endpoints that a caller may reach; None for all of the project's."""
    return None if scope is None else list(scope.values_list("pk", flat=True))


def _require_key(settings: Settings, event: Content) -> None:
    if event.idempotency_key or settings.type != Project.Type.OUTGOING:
        return
    if settings.request_id_header not in ("", REQUEST_ID_HEADER):
        raise InvalidInput("idempotency_key is required when a custom request_id_header is configured")


def _direct(candidates: Candidates, event: Content) -> list[Row]:
    return matched(candidates.endpoints.values(), event_type=event.event_type, data=event.value, headers=event.headers)


def _store(
    project_id: str,
    event: Content,
    channel: Channel,
    candidates: Candidates,
    targets: list[str],
    taken: list[Row],
    *,
    owner_id: str = "",
    key_scope: str = "",
    reason: str = NO_MATCH,
) -> Posted:
    """Store an event and its deliveries: one statement, unless they are many or it is a duplicate."""
    uid, now = new_ulid(), timezone.now()
    endpoints = [row.endpoint_id for row in taken] or targets
    status, reason = (Status.SUCCESS, "") if taken else (Status.FAILURE, reason)
    text, headers = event.data.decode(), orjson.dumps(event.headers).decode()
    said: list[Any] = [project_id, channel.value, event.event_type, endpoints, owner_id, headers, text]
    said += [event.idempotency_key, key_scope]
    first, *others = _chunks((uid, row) for row in taken) or [[]]
    with connection.cursor() as cursor:
        if not others:
            cursor.execute(
                _STORE, [uid, *said, False, status, reason, now, now, *_deliveries(candidates.settings, first, now)]
            )
            is_new = cursor.fetchone() is not None
        else:
            with transaction.atomic():
                cursor.execute(f"{_INSERT_EVENT} {_UNLESS_DUPLICATE}", [uid, *said, False, status, reason, now, now])
                is_new = cursor.rowcount == 1
                for chunk in [first, *others] if is_new else []:
                    cursor.execute(_ADD, _deliveries(candidates.settings, chunk, now))
        if not is_new:
            # It goes to nobody, and that is how it ends (D6).
            said[3] = targets
            cursor.execute(_INSERT_EVENT, [uid, *said, True, Status.SUCCESS, "", now, now])
    if is_new and any(row.is_active for row in taken):
        wake_workers()
    return Posted(uid, not is_new)


def _chunks(deliveries: Iterable[tuple[str, Row]]) -> list[list[tuple[str, Row]]]:
    found = list(deliveries)
    return [found[start : start + CHUNK] for start in range(0, len(found), CHUNK)]


def _deliveries(settings: Settings, made: Sequence[tuple[str, Row]], now: datetime) -> list[Any]:
    """The parameters of _INSERT_DELIVERIES, for pairs of an event's id and the row that takes it."""
    strategy = settings.strategy
    return [
        *(strategy["type"], strategy["duration"], strategy["retry_count"]),
        [new_ulid() for _ in made],
        [uid for uid, _ in made],
        [row.endpoint_id for _, row in made],
        [row.subscription_id for _, row in made],
        [row.delivery_mode for _, row in made],
        [row.is_active for _, row in made],
        now,
    ]


def _subscribe_to_everything(project_id: str, row: Row) -> None:
    """Give an endpoint its first subscription, unless it has one by now."""
    if _lock(project_id, row.endpoint_id) is None:
        raise InvalidInput("endpoint not found")
    if _first_subscription(row.endpoint_id) is None:
        create_subscription(project_id, name=f"{row.endpoint_name[:242]}-subscription", endpoint_id=row.endpoint_id)


def _choose_types(project_id: str, endpoint_id: str, event_types: list[str]) -> None:
    """Make a dynamic event's subscription, or give the first one of its endpoint other event types."""
    subscription = _first_subscription(endpoint_id)
    if subscription is None and _lock(project_id, endpoint_id) is not None:
        subscription = _first_subscription(endpoint_id)
    if subscription is None:
        name = f"dynamic-subscription-{endpoint_id}"
        config = {"event_types": event_types}
        create_subscription(project_id, name=name, endpoint_id=endpoint_id, filter_config=config)
    elif event_types and subscription.event_types != event_types:
        config = {"event_types": event_types, "filter": subscription.filter}
        update_subscription(project_id, subscription.uid, filter_config=config)


def _lock(project_id: str, endpoint_id: str) -> Endpoint | None:
    """A live endpoint of a project, locked as it is where subscriptions are created: of two events one makes it."""
    rows = Endpoint.objects.for_project(project_id).filter(pk=endpoint_id).only("pk")
    return rows.select_for_update(of=("self",), no_key=True).first()


def _first_subscription(endpoint_id: str) -> Subscription | None:
    return Subscription.objects.filter(endpoint=endpoint_id, deleted_at=None).order_by("pk").first()


def _replay(project_id: str, rows: "QuerySet[Event]", within: list[str] | None) -> list[str]:
    """Replay some events in one transaction, the oldest first, until they are for REPLAY_DELIVERIES subscriptions.

    Returns the ids of those that were. Each statement is for all of them.
    """
    if within is not None:
        # An event without endpoints is in nobody's scope.
        rows = rows.filter(endpoints__contained_by=within, endpoints__len__gt=0)
    now = timezone.now()
    with transaction.atomic():
        events = list(rows.order_by("pk").select_for_update().defer("data"))
        if not events:
            return []
        candidates = read_candidates(
            project_id,
            event_types={event.event_type for event in events},
            ids=[uid for event in events for uid in event.endpoints],
            owners=[event.owner_id for event in events if event.channel == Channel.FANOUT],
            everyone=any(event.channel == Channel.BROADCAST for event in events),
        )
        allowed = candidates.endpoints.keys() if within is None else candidates.endpoints.keys() & set(within)
        chosen: dict[str, list[list[Row]]] = {}
        size = 0
        for event in events:
            chosen[event.uid] = _targets(event, candidates, allowed)
            size += sum(map(len, chosen[event.uid]))
            if size >= REPLAY_DELIVERIES:
                break
        events = events[: len(chosen)]
        reading = [event.uid for event in events if has_conditions(row for rows in chosen[event.uid] for row in rows)]
        data = dict(Event.objects.filter(pk__in=reading).values_list("pk", "data")) if reading else {}
        allowance = Allowance() if len(events) == 1 else Allowance(REPLAY_STEPS, REPLAY_STEPS_TOGETHER)
        taken = {event.uid: _retaken(event, chosen[event.uid], data.get(event.uid), allowance) for event in events}
        with connection.cursor() as cursor:
            for chunk in _chunks((uid, row) for uid, found in taken.items() for row in found):
                cursor.execute(_ADD, _deliveries(candidates.settings, chunk, now))
            outcomes = zip(*(_outcome(event, taken[event.uid]) for event in events), strict=True)
            cursor.execute(_REWRITE, [now, *map(list, outcomes)])
        wake_workers()
    return list(chosen)


def _targets(event: Event, candidates: Candidates, allowed: Iterable[str]) -> list[list[Row]]:
    """The endpoints that a stored event is for today."""
    match event.channel:
        case Channel.BROADCAST:
            return [rows for uid, rows in candidates.endpoints.items() if uid in allowed]
        case Channel.FANOUT:
            return [
                rows
                for uid, rows in candidates.endpoints.items()
                if uid in allowed and rows[0].owner_id == event.owner_id
            ]
    return [candidates.endpoints[uid] for uid in dict.fromkeys(event.endpoints) if uid in allowed]


def _retaken(event: Event, targets: list[list[Row]], data: str | None, allowance: Allowance) -> list[Row]:
    if event.channel == Channel.DYNAMIC:
        return [rows[0] for rows in targets if rows[0].subscription_id is not None]
    value = None if data is None else orjson.loads(data)
    match = matched_once if event.channel == Channel.BROADCAST else matched
    return match(targets, event_type=event.event_type, data=value, headers=event.headers, allowance=allowance)


def _outcome(event: Event, taken: list[Row]) -> tuple[str, str, str, str]:
    """What a replay makes of an event: its id, its endpoints as PostgreSQL's array, status and reason."""
    endpoints = "{" + ",".join([row.endpoint_id for row in taken] or event.endpoints) + "}"
    if taken:
        return event.uid, endpoints, Status.SUCCESS, ""
    return event.uid, endpoints, Status.FAILURE, event.failure_reason or NO_MATCH
