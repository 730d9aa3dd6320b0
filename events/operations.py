"""Create events: for an endpoint, an owner, all endpoints, or a URL. Contract: docs/contract/events.md.

storage.py stores them, and replay.py matches stored ones again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import connection, transaction

from core.ulid import new_ulid
from endpoints.checks import check_url
from endpoints.exceptions import EndpointUnknown
from endpoints.models import Endpoint
from endpoints.operations import create_endpoint
from events.exceptions import AppUnknown, EndpointMissing, KeyMissing, ProjectNotRetrieved, UrlNotConcrete
from events.intake import take_in
from events.matching import (
    Candidates,
    Row,
    Settings,
    matched,
    matched_once,
    read_candidates,
    read_candidates_of_broadcast,
)
from events.models import Event
from events.storage import Content, Posted, store_event
from outbound import payload
from outbound.headers import check_custom_headers
from outbound.urls import stored_form
from projects.config import REQUEST_ID_HEADER
from projects.keys import Proof
from projects.models import Project
from subscriptions.models import Subscription
from subscriptions.operations import create_subscription, update_subscription

Channel = Event.Channel


def content(
    *,
    event_type: str,
    raw: bytes,
    value: Any,
    custom_headers: Mapping[str, str] | None = None,
    idempotency_key: str = "",
) -> Content:
    """Return the content of an event, made of the validated fields of a request.

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
    proof: Proof | None = None,
) -> Posted:
    """Store an event for one endpoint, with a delivery for each of its subscriptions that takes it.

    An endpoint's `app_id` is its own id. An endpoint that has no subscription gets one to everything, but not in
    an incoming project, where a subscription belongs to a source, nor from a caller who may not subscribe
    (`subscribes`). `key_scope` names the customer who posts the event: the idempotency keys of a customer and
    those of the company are apart.
    Raises InvalidInput, and NotFound where `proof` does not hold. Contract: docs/contract/events.md#direct.
    """
    target = endpoint_id or app_id
    if not target:
        raise EndpointMissing
    candidates = take_in(project_id, event, Channel.DIRECT, endpoint_id=target, key_scope=key_scope, proof=proof)
    if isinstance(candidates, Posted):
        return candidates
    _require_key(candidates.settings, event)
    rows = candidates.endpoints.get(target)
    if rows is None:
        raise EndpointUnknown if endpoint_id else AppUnknown
    subscribes = subscribes and candidates.settings.type != Project.Type.INCOMING
    if rows[0].subscription_id is not None or not subscribes:
        taken = matched(candidates.endpoints.values(), event, event.value)
        return store_event(project_id, event, Channel.DIRECT, candidates, [target], taken, key_scope=key_scope)
    with transaction.atomic():
        _subscribe_to_everything(project_id, rows[0])
        candidates = read_candidates(project_id, event_types=[event.event_type], ids=[target])
        taken = matched(candidates.endpoints.values(), event, event.value)
        return store_event(project_id, event, Channel.DIRECT, candidates, [target], taken, key_scope=key_scope)


def create_fanout_event(
    project_id: str,
    event: Content,
    *,
    owner_id: str,
    application_id: str = "",
    keys: str = "",
    without_endpoints: Callable[[], str] | None = None,
    proof: Proof | None = None,
) -> Posted:
    """Store an event for all endpoints of an owner.

    The idempotency key is the company's; with `keys`, which names a kind of keys, it is one of the owner's own.
    `application_id`, which comes with `keys`, is the id of the application that `owner_id` may be: an owner of this
    name is then meant only where there is no such application. `without_endpoints` is called before anything is stored
    where the owner has no endpoint; it returns the owner, or refuses. Raises InvalidInput, and NotFound where `proof`
    does not hold.
    Contract: docs/contract/events.md#fanout.
    """
    key_scope = f"{keys}:{'' if application_id else owner_id}" if keys else ""
    candidates = take_in(
        project_id,
        event,
        Channel.FANOUT,
        owner_id=owner_id,
        application_id=application_id,
        key_scope=key_scope,
        proof=proof,
    )
    if isinstance(candidates, Posted):
        return candidates
    _require_key(candidates.settings, event)
    if candidates.endpoints:
        owner_id = next(iter(candidates.endpoints.values()))[0].owner_id
    elif without_endpoints:
        owner_id = without_endpoints()
    key_scope = f"{keys}:{owner_id}" if keys else ""
    targets, taken = list(candidates.endpoints), matched(candidates.endpoints.values(), event, event.value)
    return store_event(
        project_id, event, Channel.FANOUT, candidates, targets, taken, owner_id=owner_id, key_scope=key_scope
    )


def create_broadcast_event(project_id: str, event: Content) -> Posted:
    """Store an event for every endpoint of the project that takes it. Raises InvalidInput.

    Contract: docs/contract/events.md#broadcast.
    """
    candidates = read_candidates_of_broadcast(project_id, event.event_type)
    _require_key(candidates.settings, event)
    taken = matched_once(candidates.endpoints.values(), event, event.value)
    return store_event(project_id, event, Channel.BROADCAST, candidates, [], taken)


def create_dynamic_event(
    project_id: str, event: Content, *, url: str, secret: str = "", event_types: Sequence[str] = ()
) -> Posted:
    """Store an event for a URL, whose endpoint and subscription are created where there are none.

    The first subscription takes the event, whatever its event types and filter are; `event_types`, if given,
    replace its own. Raises InvalidInput. Contract: docs/contract/events.md#dynamic.
    """
    project = Project.objects.live().filter(pk=project_id).first()
    if project is None:
        raise ProjectNotRetrieved
    config = project.config
    settings = Settings(project.type, config["request_id_header"], config["strategy"])
    _require_key(settings, event)
    if "{" in url or "}" in url:
        if config["verify_dynamic_events"]:
            raise UrlNotConcrete
        nobody = Candidates(settings, {})
        return store_event(project_id, event, Channel.DYNAMIC, nobody, [], [], reason=UrlNotConcrete.message)
    check_url(project, url)
    url = stored_form(url)
    with transaction.atomic():
        # One at a time for a URL, so that it gets one endpoint.
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"dynamic {project_id} {url}"])
        endpoint = Endpoint.objects.for_project(project_id).filter(url=url).only("pk").order_by("pk").first()
        if endpoint is None:
            name = f"endpoint-{new_ulid()}"
            endpoint = create_endpoint(project_id, url=url, name=name, http_timeout=10, secret=secret)
        _choose_types(project_id, endpoint.uid, list(dict.fromkeys(event_types)))
        candidates = read_candidates(project_id, event_types=[event.event_type], ids=[endpoint.uid])
        taken = candidates.endpoints.get(endpoint.uid, [])[:1]
        return store_event(project_id, event, Channel.DYNAMIC, candidates, [endpoint.uid], taken)


def _require_key(settings: Settings, event: Content) -> None:
    if event.idempotency_key or settings.type != Project.Type.OUTGOING:
        return
    if settings.request_id_header not in ("", REQUEST_ID_HEADER):
        raise KeyMissing


def _subscribe_to_everything(project_id: str, row: Row) -> None:
    """Create an endpoint's first subscription, unless it has one by now."""
    if _lock(project_id, row.endpoint_id) is None:
        raise EndpointUnknown
    if _first_subscription(row.endpoint_id) is None:
        create_subscription(project_id, name=f"{row.endpoint_name[:242]}-subscription", endpoint_id=row.endpoint_id)


def _choose_types(project_id: str, endpoint_id: str, event_types: list[str]) -> None:
    """Create a dynamic event's subscription, or replace the event types of its endpoint's first one."""
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
    """Return a live endpoint, locked as creating a subscription locks it, so that two events do not both create one."""
    rows = Endpoint.objects.for_project(project_id).filter(pk=endpoint_id).only("pk")
    return rows.select_for_update(of=("self",), no_key=True).first()


def _first_subscription(endpoint_id: str) -> Subscription | None:
    return Subscription.objects.filter(endpoint=endpoint_id, deleted_at=None).order_by("pk").first()
