"""Create, change and delete endpoints. Each function owns its transaction.

Contract: docs/contract/endpoints.md. An endpoint is always named together with its project. One of
another project, or outside the given `scope`, looks exactly like one that does not exist.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from activity.operations import Changes, Done, Verb, differences, record, record_all
from core.actors import current_actor
from core.api.values import REDACTED
from core.constraints import broken_constraint
from core.encryption import EncryptedJSONField
from core.wake import wake_workers
from endpoints import authentication, certificates, secrets
from endpoints.checks import check_credentials, check_url, checked_chat_url, checked_content_type, checked_name
from endpoints.disabling import close_breaker, forget_failures, notify_reactivated
from endpoints.documents import endpoint_documents
from endpoints.exceptions import ACTIVATION, PAUSING, EndpointExists, EndpointNotFound, StatusNotChangeable
from endpoints.models import (
    OF_EXTERNAL_ID,
    AlertSettings,
    Endpoint,
    EndpointQuerySet,
    EndpointState,
    Scope,
)
from endpoints.owners import CHECKS_OF_OWNER, hand_over, project_with_room
from meta_events.bodies import ENDPOINT_CREATED, ENDPOINT_DELETED, ENDPOINT_UPDATED
from meta_events.emission import emit_meta_event, emit_meta_events
from outbound.headers import check_custom_headers
from outbound.urls import stored_form
from projects.models import Project

#: The fields that are stored as they are sent, and those of them that an update takes only where they are not empty.
PLAIN = ("description", "support_email", "rate_limit_duration", "owner_id", "http_timeout", "external_id")
KEPT_WHERE_EMPTY = ("owner_id", "http_timeout")
#: The columns that a change of status writes.
STATUS_FIELDS = ("status", "status_since", "status_actor", "status_reason")
#: The columns that an update writes.
EDITABLE = [
    field.name
    for field in Endpoint._meta.concrete_fields
    if field.name not in ("uid", "project", "secrets", "created_at", "deleted_at", "held_from", *STATUS_FIELDS)
]
#: Those of them that the record of activity names without their values: a chat's URL is a credential.
SECRET = {
    *("slack_webhook_url", "teams_webhook_url"),
    *(field.name for field in Endpoint._meta.concrete_fields if isinstance(field, EncryptedJSONField)),
}
#: Those of them that decide where and how requests are sent. Once one has changed, earlier failures say nothing about
#: the next request.
DECIDES_REQUESTS = {"url", "authentication", "mtls_client_cert"}

Status = Endpoint.Status
Breaker = EndpointState.Breaker


def create_endpoint(
    project_id: str, *, url: str, name: str, metadata: Mapping[str, str] | None = None, **sent: Any
) -> Endpoint:
    """Create an active endpoint with one secret.

    `sent` holds validated fields of CreateEndpoint and, from other contracts, `external_id` and `custom_headers`; the
    others have their defaults. `metadata` is that of the portal session in which it is created.
    Raises InvalidInput, NotFound, Conflict.
    """
    now = timezone.now()
    with transaction.atomic():
        project = project_with_room(project_id, owner_id=sent.get("owner_id", ""))
        check_url(project, url)
        endpoint = Endpoint(
            project=project,
            url=stored_form(url),
            name=checked_name(name, "adding endpoint"),
            advanced_signatures=project.type == Project.Type.INCOMING or sent.get("advanced_signatures", True),
            rate_limit=max(sent.get("rate_limit", 0), 0),
            content_type=checked_content_type(sent.get("content_type", ""), "adding endpoint"),
            slack_webhook_url=checked_chat_url(sent.get("slack_webhook_url", ""), "slack"),
            teams_webhook_url=checked_chat_url(sent.get("teams_webhook_url", ""), "teams"),
            secrets=[secrets.new_secret(sent.get("secret", ""), now)],
            authentication=authentication.checked(sent.get("authentication", {}), None),
            mtls_client_cert=certificates.checked(sent.get("mtls_client_cert", {}), None),
            custom_headers=checked_headers(sent.get("custom_headers")),
            metadata=dict(metadata or {}),
            created_at=now,
            updated_at=now,
            **{field: sent[field] for field in PLAIN if field in sent},
        )
        _save(endpoint, force_insert=True)
        record_change(Verb.ENDPOINT_CREATED, endpoint, changes={"url": [None, endpoint.url]})
        _emit(ENDPOINT_CREATED, project, endpoint.uid)
    return endpoint


def update_endpoint(
    project_id: str, endpoint_id: str, *, url: str, name: str, scope: Scope = None, reveal: bool = False, **sent: Any
) -> Endpoint:
    """Update the fields of an endpoint that are sent and not masked (docs/compatibility.md: the original wipes some).

    A blank `owner_id` and an `http_timeout` of 0 count as not sent, `secret` has no effect, and the
    status does not change. A new rate limit applies at once, also to deliveries that the old one held back.
    `reveal` tells whether the caller may see secrets: a URL of another server takes no credential along that the
    caller may not see. `sent` may hold `external_id`, `custom_headers` and `metadata` too, which Convoy's call has not.
    Raises InvalidInput, NotFound, Conflict.
    """
    with transaction.atomic():
        # A state is locked before its endpoint, as the workers do it.
        states = EndpointState.objects.filter(endpoint__in=_within(project_id, scope).order_by().values("pk"))
        state = states.select_for_update().filter(pk=endpoint_id).first()
        endpoint = _lock(project_id, endpoint_id, scope)
        before = _editable(endpoint)
        limit_before = endpoint.rate_limit, endpoint.rate_limit_duration
        check_url(endpoint.project, url)
        check_credentials(endpoint, url, sent, reveal=reveal)
        endpoint.url = stored_form(url)
        endpoint.name = checked_name(name, "updating endpoints")
        _set_sent(endpoint, sent)
        if endpoint.owner_id != before["owner_id"]:
            project_with_room(project_id, owner_id=endpoint.owner_id)
            # It is unique among the endpoints of the former owner only.
            endpoint.external_id = ""
        changes = differences(before, _editable(endpoint), secret=SECRET)
        endpoint.updated_at = timezone.now()
        _save(endpoint, update_fields=EDITABLE)
        if "owner_id" in changes:
            # The addresses are the former customer's: the new one must not see them, and they are not to be told.
            AlertSettings.objects.filter(endpoint=endpoint).delete()
            if before["owner_id"]:
                hand_over(endpoint)
            for check in CHECKS_OF_OWNER:
                check([endpoint.uid])
        if changes:
            record_change(Verb.ENDPOINT_UPDATED, endpoint, changes=changes)
        if (endpoint.rate_limit, endpoint.rate_limit_duration) != limit_before:
            EndpointState.objects.filter(pk=endpoint.pk).update(tokens=None, refilled_at=None, held_until=None)
            wake_workers()
        if state is not None and state.breaker not in ("", Breaker.CLOSED) and not DECIDES_REQUESTS.isdisjoint(changes):
            # The failures were those of another URL or credential.
            close_breaker(endpoint)
            wake_workers()
        _emit(ENDPOINT_UPDATED, endpoint.project, endpoint.uid)
    return endpoint


def _set_sent(endpoint: Endpoint, sent: dict[str, Any]) -> None:
    """Set the fields of an update that are sent and not masked. Raises InvalidInput."""
    for field in PLAIN:
        if sent.get(field) or (field in sent and field not in KEPT_WHERE_EMPTY):
            setattr(endpoint, field, sent[field])
    if sent.get("rate_limit", -1) >= 0:
        endpoint.rate_limit = sent["rate_limit"]
    if endpoint.project.type == Project.Type.OUTGOING:
        endpoint.advanced_signatures = sent.get("advanced_signatures", endpoint.advanced_signatures)
    if "content_type" in sent:
        endpoint.content_type = checked_content_type(sent["content_type"], "updating endpoints")
    if sent.get("slack_webhook_url", REDACTED) != REDACTED:
        endpoint.slack_webhook_url = checked_chat_url(sent["slack_webhook_url"], "slack")
    if sent.get("teams_webhook_url", REDACTED) != REDACTED:
        endpoint.teams_webhook_url = checked_chat_url(sent["teams_webhook_url"], "teams")
    if "authentication" in sent:
        endpoint.authentication = authentication.checked(sent["authentication"], endpoint.authentication)
    if "mtls_client_cert" in sent:
        endpoint.mtls_client_cert = certificates.checked(sent["mtls_client_cert"], endpoint.mtls_client_cert)
    if "custom_headers" in sent:
        endpoint.custom_headers = checked_headers(sent["custom_headers"])
    endpoint.metadata = sent.get("metadata", endpoint.metadata)


def set_metadata(project_id: str, endpoint_id: str, metadata: Mapping[str, str]) -> None:
    """Replace the metadata of an endpoint. Raises NotFound."""
    _replace(project_id, endpoint_id, "metadata", dict(metadata))


def delete_endpoint(project_id: str, endpoint_id: str, *, scope: Scope = None) -> None:
    """Delete an endpoint: it leaves every list and every portal link's scope at once. Raises NotFound."""
    with transaction.atomic():
        endpoint = _lock(project_id, endpoint_id, scope)
        _emit(ENDPOINT_DELETED, endpoint.project, endpoint.uid)
        endpoint.deleted_at = endpoint.updated_at = timezone.now()
        endpoint.save(update_fields=["deleted_at", "updated_at"])
        record_change(Verb.ENDPOINT_DELETED, endpoint)


def delete_endpoints(project_id: str, *, owner_id: str) -> None:
    """Delete all endpoints of an owner, with as many statements as for one."""
    rows = Endpoint.objects.for_project(project_id).filter(owner_id=owner_id).order_by("pk")
    with transaction.atomic():
        names = dict(rows.select_for_update(of=("self",)).values_list("pk", "name"))
        if not names:
            return
        emit_meta_events(
            ENDPOINT_DELETED,
            Project.objects.get(pk=project_id),
            lambda: endpoint_documents(project_id, ids=[*names], reveal=False),
        )
        now = timezone.now()
        Endpoint.objects.filter(pk__in=[*names]).update(deleted_at=now, updated_at=now)
        record_all(project_id, (Done(Verb.ENDPOINT_DELETED, owner_id, uid, uid, names[uid]) for uid in names))


def toggle_pause(project_id: str, endpoint_id: str, *, scope: Scope = None) -> Endpoint:
    """Pause an active endpoint, or activate a paused one. Raises InvalidInput, NotFound."""
    moves = {Status.ACTIVE: Status.PAUSED, Status.PAUSED: Status.ACTIVE}
    return _change_status(project_id, endpoint_id, moves, PAUSING, scope)


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
        return _change_status(project_id, endpoint_id, moves, ACTIVATION, scope)


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
        record_change(Verb.SECRET_ROTATED, endpoint, changes={"expiration": [None, expiration]} if expiration else None)
    return endpoint


def set_custom_headers(project_id: str, endpoint_id: str, headers: Mapping[str, str], *, scope: Scope = None) -> None:
    """Replace the endpoint's own headers; the record of activity leaves their values out.

    Raises InvalidInput, NotFound.
    """
    _replace(project_id, endpoint_id, "custom_headers", checked_headers(headers), scope)


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


def _replace(project_id: str, endpoint_id: str, column: str, value: object, scope: Scope = None) -> None:
    """Set one column of an endpoint, and record that where its value changes. Raises NotFound."""
    with transaction.atomic():
        endpoint = _lock(project_id, endpoint_id, scope)
        changes = differences({column: getattr(endpoint, column)}, {column: value}, secret=SECRET)
        if not changes:
            return
        setattr(endpoint, column, value)
        endpoint.updated_at = timezone.now()
        endpoint.save(update_fields=[column, "updated_at"])
        record_change(Verb.ENDPOINT_UPDATED, endpoint, changes=changes)
        _emit(ENDPOINT_UPDATED, endpoint.project, endpoint.uid)


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
        record_change(_change_of(status, moves[status]), endpoint)
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


def checked_headers(headers: Mapping[str, str] | None) -> dict[str, str] | None:
    """Return the headers to store for an endpoint, None where there are none. Raises InvalidInput."""
    check_custom_headers(headers or {})
    return dict(headers) if headers else None


def _save(endpoint: Endpoint, **options: Any) -> None:
    """Save an endpoint. Raises EndpointExists, which has to end the caller's transaction."""
    try:
        endpoint.save(**options)
    except IntegrityError as error:
        if broken_constraint(error) != OF_EXTERNAL_ID:
            raise
        raise EndpointExists from None


def _editable(endpoint: Endpoint) -> dict[str, Any]:
    """Return the values of the columns that an update writes, without its time."""
    return {name: getattr(endpoint, name) for name in EDITABLE if name != "updated_at"}


def record_change(verb: Verb, endpoint: Endpoint, *, changes: Changes | None = None) -> None:
    """Record what was done to an endpoint, in the caller's transaction."""
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


def _emit(event_type: str, project: Project, endpoint_id: str) -> None:
    """Queue a meta event with the live endpoint as the API shows it to read-only keys: without secrets."""
    emit_meta_event(event_type, project, lambda: endpoint_documents(project.uid, ids=[endpoint_id], reveal=False)[0])
