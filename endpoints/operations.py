"""Create, change and delete endpoints. Each function owns its transaction.

Contract: docs/contract/endpoints.md. An endpoint is always named together with its project. One of
another project, or outside the given `scope`, looks exactly like one that does not exist.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from activity.operations import Changes, Done, Verb, differences, record, record_all
from core.actors import current_actor
from core.addresses import is_public_url
from core.api.values import REDACTED
from core.encryption import EncryptedJSONField
from core.exceptions import InvalidInput
from core.wake import wake_workers
from endpoints import authentication, certificates, secrets
from endpoints.disabling import close_breaker, forget_failures, notify_reactivated
from endpoints.documents import endpoint_documents
from endpoints.exceptions import (
    ChatUrl,
    CredentialsElsewhere,
    EndpointNotFound,
    NotStored,
    StatusNotChangeable,
    UrlTemplate,
)
from endpoints.models import (
    CONTENT_TYPES,
    DEFAULT_CONTENT_TYPE,
    AlertSettings,
    Endpoint,
    EndpointQuerySet,
    EndpointState,
    Scope,
)
from endpoints.owners import CHECKS_OF_OWNER, hand_over, project_with_room
from meta_events.bodies import ENDPOINT_CREATED, ENDPOINT_DELETED, ENDPOINT_UPDATED
from meta_events.emission import emit_meta_event
from outbound.exceptions import UrlNotSecure
from outbound.urls import check_sendable, is_same_server, parse_target, stored_form
from projects.models import Project

#: The fields that are stored as they are sent, and those of them that an update takes only where they are not empty.
PLAIN = ("description", "support_email", "rate_limit_duration", "owner_id", "http_timeout")
KEPT_WHERE_EMPTY = ("owner_id", "http_timeout")
#: The columns that a change of status writes.
STATUS_FIELDS = ("status", "status_since", "status_actor", "status_reason")
#: The columns that an update writes.
EDITABLE = [
    field.name
    for field in Endpoint._meta.concrete_fields
    if field.name
    not in ("uid", "project", "secrets", "metadata", "created_at", "deleted_at", "held_from", *STATUS_FIELDS)
]
#: Those of them that the record of activity names without their values: a chat's URL is a credential.
SECRET = {
    *("slack_webhook_url", "teams_webhook_url"),
    *(field.name for field in Endpoint._meta.concrete_fields if isinstance(field, EncryptedJSONField)),
}
#: Those of them that another request is made of, so that what has failed before says nothing about the next one.
MENDED = {"url", "authentication", "mtls_client_cert"}

Status = Endpoint.Status
Breaker = EndpointState.Breaker


def create_endpoint(
    project_id: str, *, url: str, name: str, metadata: Mapping[str, str] | None = None, **sent: Any
) -> Endpoint:
    """Create an active endpoint with one secret.

    `sent` holds validated fields of CreateEndpoint; the others have their defaults. `metadata` is that of the
    portal session in which it is created.
    Raises InvalidInput, NotFound.
    """
    now = timezone.now()
    with transaction.atomic():
        project = project_with_room(project_id, owner_id=sent.get("owner_id", ""))
        check_url(project, url)
        endpoint = Endpoint(
            project=project,
            url=stored_form(url),
            name=_checked_name(name, "adding endpoint"),
            advanced_signatures=project.type == Project.Type.INCOMING or sent.get("advanced_signatures", True),
            rate_limit=max(sent.get("rate_limit", 0), 0),
            content_type=_checked_content_type(sent.get("content_type", ""), "adding endpoint"),
            slack_webhook_url=_checked_chat_url(sent.get("slack_webhook_url", ""), "slack"),
            teams_webhook_url=_checked_chat_url(sent.get("teams_webhook_url", ""), "teams"),
            secrets=[secrets.new_secret(sent.get("secret", ""), now)],
            authentication=authentication.checked(sent.get("authentication", {}), None),
            mtls_client_cert=certificates.checked(sent.get("mtls_client_cert", {}), None),
            metadata=dict(metadata or {}),
            created_at=now,
            updated_at=now,
            **{field: sent[field] for field in PLAIN if field in sent},
        )
        endpoint.save(force_insert=True)
        _record(Verb.ENDPOINT_CREATED, endpoint, changes={"url": [None, endpoint.url]})
        _emit(ENDPOINT_CREATED, project, endpoint.uid)
    return endpoint


def update_endpoint(
    project_id: str, endpoint_id: str, *, url: str, name: str, scope: Scope = None, reveal: bool = False, **sent: Any
) -> Endpoint:
    """Update the fields of an endpoint that are sent and not masked (docs/compatibility.md: the original wipes some).

    A blank `owner_id` and an `http_timeout` of 0 count as not sent, `secret` has no effect, and the
    status does not change. A new rate limit applies at once, also to deliveries that the old one held back.
    `reveal` tells whether the caller may see secrets: a URL of another server takes no credential along that the
    caller may not see.
    Raises InvalidInput, NotFound.
    """
    with transaction.atomic():
        # A state is locked before its endpoint, as the workers do it.
        states = EndpointState.objects.filter(endpoint__in=_within(project_id, scope).order_by().values("pk"))
        state = states.select_for_update().filter(pk=endpoint_id).first()
        endpoint = _lock(project_id, endpoint_id, scope)
        before = _editable(endpoint)
        limit_before = endpoint.rate_limit, endpoint.rate_limit_duration
        check_url(endpoint.project, url)
        _check_credentials(endpoint, url, sent, reveal=reveal)
        endpoint.url = stored_form(url)
        endpoint.name = _checked_name(name, "updating endpoints")
        for field in PLAIN:
            if sent.get(field) or (field in sent and field not in KEPT_WHERE_EMPTY):
                setattr(endpoint, field, sent[field])
        if sent.get("rate_limit", -1) >= 0:
            endpoint.rate_limit = sent["rate_limit"]
        if endpoint.project.type == Project.Type.OUTGOING:
            endpoint.advanced_signatures = sent.get("advanced_signatures", endpoint.advanced_signatures)
        if "content_type" in sent:
            endpoint.content_type = _checked_content_type(sent["content_type"], "updating endpoints")
        if sent.get("slack_webhook_url", REDACTED) != REDACTED:
            endpoint.slack_webhook_url = _checked_chat_url(sent["slack_webhook_url"], "slack")
        if sent.get("teams_webhook_url", REDACTED) != REDACTED:
            endpoint.teams_webhook_url = _checked_chat_url(sent["teams_webhook_url"], "teams")
        if "authentication" in sent:
            endpoint.authentication = authentication.checked(sent["authentication"], endpoint.authentication)
        if "mtls_client_cert" in sent:
            endpoint.mtls_client_cert = certificates.checked(sent["mtls_client_cert"], endpoint.mtls_client_cert)
        changes = differences(before, _editable(endpoint), secret=SECRET)
        if "owner_id" in changes:
            project_with_room(project_id, owner_id=endpoint.owner_id)
        endpoint.updated_at = timezone.now()
        endpoint.save(update_fields=EDITABLE)
        if "owner_id" in changes:
            # The addresses are the former customer's: the new one must not see them, and they are not to be told.
            AlertSettings.objects.filter(endpoint=endpoint).delete()
            if before["owner_id"]:
                hand_over(endpoint)
            for check in CHECKS_OF_OWNER:
                check([endpoint.uid])
        if changes:
            _record(Verb.ENDPOINT_UPDATED, endpoint, changes=changes)
        if (endpoint.rate_limit, endpoint.rate_limit_duration) != limit_before:
            EndpointState.objects.filter(pk=endpoint.pk).update(tokens=None, refilled_at=None, held_until=None)
            wake_workers()
        if state is not None and state.breaker not in ("", Breaker.CLOSED) and not MENDED.isdisjoint(changes):
            # The failures were those of another URL or credential.
            close_breaker(endpoint)
            wake_workers()
        _emit(ENDPOINT_UPDATED, endpoint.project, endpoint.uid)
    return endpoint


def delete_endpoint(project_id: str, endpoint_id: str, *, scope: Scope = None) -> None:
    """Delete an endpoint: it leaves every list and every portal link's scope at once. Raises NotFound."""
    with transaction.atomic():
        endpoint = _lock(project_id, endpoint_id, scope)
        _emit(ENDPOINT_DELETED, endpoint.project, endpoint.uid)
        endpoint.deleted_at = endpoint.updated_at = timezone.now()
        endpoint.save(update_fields=["deleted_at", "updated_at"])
        _record(Verb.ENDPOINT_DELETED, endpoint)


def toggle_pause(project_id: str, endpoint_id: str, *, scope: Scope = None) -> Endpoint:
    """Pause an active endpoint, or activate a paused one. Raises InvalidInput, NotFound."""
    moves = {Status.ACTIVE: Status.PAUSED, Status.PAUSED: Status.ACTIVE}
    return _change_status(project_id, endpoint_id, moves, "pausing or unpausing", scope)


def pause_endpoint(project_id: str, endpoint_id: str, *, scope: Scope = None) -> Endpoint:
    """Pause an active endpoint, and only that. Raises InvalidInput, NotFound."""
    return _change_status(project_id, endpoint_id, {Status.ACTIVE: Status.PAUSED}, "pausing", scope)


def activate_endpoint(project_id: str, endpoint_id: str, *, scope: Scope = None) -> Endpoint:
    """Activate an endpoint that is not active, and reset its failures. Raises InvalidInput, NotFound.

    Where it was inactive, its channels get a message. Contract: docs/contract/endpoints.md#activate.
    """
    moves = dict.fromkeys((Status.INACTIVE, Status.PAUSED, Status.PENDING), Status.ACTIVE)
    with transaction.atomic():
        forget_failures(_within(project_id, scope).filter(pk=endpoint_id))
        return _change_status(project_id, endpoint_id, moves, "activation", scope)


def expire_secret(
    project_id: str, endpoint_id: str, *, secret: str = "", expiration: float = 0, scope: Scope = None
) -> Endpoint:
    """Give the current secret `expiration` more hours, and put a new one in its place.

    `secret` is the new value; blank, it is generated. Raises InvalidInput, NotFound.
    Contract: docs/contract/endpoints.md#expire-secret.
    """
    now = timezone.now()
    with transaction.atomic():
        endpoint = _lock(project_id, endpoint_id, scope)
        endpoint.secrets = secrets.rotate(endpoint.secrets, value=secret, hours=expiration, now=now)
        endpoint.updated_at = now
        endpoint.save(update_fields=["secrets", "updated_at"])
        _record(Verb.SECRET_ROTATED, endpoint, changes={"expiration": [None, expiration]} if expiration else None)
    return endpoint


def reactivate_endpoints(project_id: str, now: datetime) -> None:
    """Make the project's inactive endpoints active, within the caller's transaction."""
    inactive = Endpoint.objects.for_project(project_id).filter(status=Status.INACTIVE)
    forget_failures(inactive)
    actor = asdict(current_actor())
    locked = list(inactive.order_by("pk").select_for_update().values_list("pk", "owner_id", "name"))
    inactive.filter(pk__in=[uid for uid, _, _ in locked]).update(
        status=Status.ACTIVE, status_since=now, status_actor=actor, status_reason="", updated_at=now
    )
    record_all(project_id, (Done(Verb.ENDPOINT_ENABLED, owner, uid, uid, name) for uid, owner, name in locked))
    wake_workers()


def _change_status(
    project_id: str, endpoint_id: str, moves: dict[Status, Status], change: str, scope: Scope = None
) -> Endpoint:
    with transaction.atomic():
        endpoint = _lock(project_id, endpoint_id, scope)
        status = Status(endpoint.status)
        if status not in moves:
            raise StatusNotChangeable(status=status, change=change)
        endpoint.status = moves[status]
        endpoint.status_since = endpoint.updated_at = timezone.now()
        endpoint.status_actor = asdict(current_actor())
        endpoint.status_reason = ""
        endpoint.save(update_fields=[*STATUS_FIELDS, "updated_at"])
        _record(_change_of(status, moves[status]), endpoint)
        if status == Status.INACTIVE:
            notify_reactivated(endpoint)
        if endpoint.status == Status.ACTIVE:
            wake_workers()
    return endpoint


def _change_of(before: Status, after: Status) -> Verb:
    """Return the verb for a change of status: an endpoint that was disabled is enabled, another one resumed."""
    if after == Status.PAUSED:
        return Verb.ENDPOINT_PAUSED
    return Verb.ENDPOINT_ENABLED if before == Status.INACTIVE else Verb.ENDPOINT_RESUMED


def _editable(endpoint: Endpoint) -> dict[str, Any]:
    """Return the values of the columns that an update writes, without its time."""
    return {name: getattr(endpoint, name) for name in EDITABLE if name != "updated_at"}


def _record(verb: Verb, endpoint: Endpoint, *, changes: Changes | None = None) -> None:
    record(
        endpoint.project_id,
        verb,
        owner_id=endpoint.owner_id,
        endpoint_id=endpoint.uid,
        object_uid=endpoint.uid,
        object_name=endpoint.name,
        changes=changes,
    )


def _within(project_id: str, scope: Scope) -> EndpointQuerySet:
    return Endpoint.objects.for_project(project_id) if scope is None else scope


def _lock(project_id: str, endpoint_id: str, scope: Scope = None) -> Endpoint:
    rows = _within(project_id, scope).select_related("project").select_for_update(of=("self",))
    try:
        return rows.get(pk=endpoint_id)
    except Endpoint.DoesNotExist:
        raise EndpointNotFound from None


def check_url(project: Project, url: str) -> None:
    """Refuse a URL to which nothing could be delivered. Contract: docs/contract/endpoints.md#url."""
    if "{" in url or "}" in url:
        raise UrlTemplate
    parts = parse_target(url)
    check_sendable(url)
    if parts.scheme == "http" and project.config["ssl"]["enforce_secure_endpoints"]:
        raise UrlNotSecure


def _check_credentials(endpoint: Endpoint, url: str, sent: Mapping[str, Any], *, reveal: bool) -> None:
    """Refuse a URL of another server that would be sent credentials which the caller may not see."""
    if not is_same_server(url, endpoint.url) and (
        authentication.keeps_hidden(sent.get("authentication"), endpoint.authentication, reveal=reveal)
        or certificates.keeps_hidden(sent.get("mtls_client_cert"), endpoint.mtls_client_cert)
    ):
        raise CredentialsElsewhere


def refusals(
    project: Project, sent: Mapping[str, Any], stored: Endpoint | None = None
) -> list[tuple[str, InvalidInput]]:
    """Return every reason for which create_endpoint or, with `stored`, update_endpoint refuses validated fields.

    Each stands beside the field it is about, for a form that shows them all at once.
    """
    known = (None, None) if stored is None else (stored.authentication, stored.mtls_client_cert)
    checks: list[tuple[str, Callable[[], object]]] = [
        ("url", lambda: check_url(project, sent.get("url", ""))),
        ("name", lambda: _checked_name(sent.get("name", ""), "")),
        ("content_type", lambda: _checked_content_type(sent.get("content_type", ""), "")),
        ("authentication", lambda: authentication.checked(sent.get("authentication") or {}, known[0])),
        ("mtls_client_cert", lambda: certificates.checked(sent.get("mtls_client_cert") or {}, known[1])),
    ]
    for product in ("slack", "teams"):
        url = sent.get(f"{product}_webhook_url", "")
        if url != REDACTED:
            checks.append((f"{product}_webhook_url", partial(_checked_chat_url, url, product)))
    found = []
    for field, check in checks:
        try:
            check()
        except InvalidInput as refusal:
            found.append((field, refusal))
    return found


def _checked_name(name: str, doing: str) -> str:
    if not name.strip():
        raise NotStored(doing=doing, field="name")
    return name


def _checked_content_type(content_type: str, doing: str) -> str:
    if (content_type or DEFAULT_CONTENT_TYPE) not in CONTENT_TYPES:
        raise NotStored(doing=doing)
    return content_type or DEFAULT_CONTENT_TYPE


def _checked_chat_url(url: str, product: str) -> str:
    if url and not is_public_url(url):
        raise ChatUrl(product=product, field=f"{product}_webhook_url")
    return url


def _emit(event_type: str, project: Project, endpoint_id: str) -> None:
    """Queue a meta event with the live endpoint as the API shows it to read-only keys: without secrets."""
    emit_meta_event(event_type, project, lambda: endpoint_documents(project.uid, ids=[endpoint_id], reveal=False)[0])
