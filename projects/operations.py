"""Create, change and delete projects and API keys. Each function owns its transaction."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.tokens import digest
from core.ulid import new_ulid
from outbound.exceptions import UrlNotSecure
from projects.config import META_EVENT, REQUEST_ID_HEADER, created_config, merged_config, merged_meta_event
from projects.exceptions import KeyNeedsProject, NameTaken, ProjectNotFound, RequestIDHeaderFixed, WindowTooShort
from projects.keys import PREFIX, PROJECT_ADMIN, make_key
from projects.models import EVERY_TYPE, APIKey, EventType, Project


def create_project(
    *,
    name: str,
    type: str,  # noqa: A002 - the wire's name
    logo_url: str = "",
    config: dict[str, Any] | None = None,
) -> tuple[Project, APIKey, str]:
    """Create a project with its default key and the event type `*`, all or nothing.

    `config` is a validated config object, or None for the defaults. Returns the project, the key's
    row and the key itself, which is not kept. Raises InvalidInput. Contract: docs/contract/projects.md#creation.
    """
    now = timezone.now()
    _check_request_id_header(type, config)
    try:
        with transaction.atomic():
            project = Project(
                name=name,
                type=type,
                logo_url=logo_url,
                config=created_config(config, now),
                meta_event=merged_meta_event(META_EVENT, (config or {}).get("meta_event", {})),
                created_at=now,
                updated_at=now,
            )
            _check_meta_event(project)
            _check_circuit_breaker(project, config)
            project.save(force_insert=True)
            EventType.objects.create(project=project, name=EVERY_TYPE, created_at=now, updated_at=now)
            api_key, key = create_api_key(
                name=f"{name}'s default key", role=PROJECT_ADMIN, project=project, created_at=now
            )
    except IntegrityError:
        raise NameTaken from None
    return project, api_key, key


def update_project(
    project_id: str,
    *,
    name: str,
    logo_url: str = "",
    config: dict[str, Any] | None = None,
    portal: Mapping[str, Any] | None = None,
    reactivate_endpoints: Callable[[str, datetime], None] | None = None,
) -> Project:
    """Rename a project and merge `config` into its stored configuration.

    An empty `logo_url` keeps the stored one; `portal` has validated values of the `portal_` and `owner_` fields.
    Where the update turns `disable_endpoint` off, `reactivate_endpoints` is called with the project's id and the time,
    within the transaction. Raises InvalidInput, NotFound. Contract: docs/contract/projects.md#update,
    docs/contract/projects.md#reactivation.
    """
    now = timezone.now()
    try:
        with transaction.atomic():
            project = _lock(project_id)
            _check_request_id_header(project.type, config)
            was_disabling = project.config["disable_endpoint"]
            project.name = name
            project.logo_url = logo_url or project.logo_url
            project.config = merged_config(project.config, config or {}, now)
            if config and "meta_event" in config:
                project.meta_event = merged_meta_event(project.meta_event, config["meta_event"])
                _check_meta_event(project)
            _check_circuit_breaker(project, config)
            project.updated_at = now
            for field, value in (portal or {}).items():
                setattr(project, field, value)
            project.save(update_fields=["name", "logo_url", "config", "meta_event", "updated_at", *(portal or ())])
            if reactivate_endpoints and was_disabling and not project.config["disable_endpoint"]:
                reactivate_endpoints(project_id, now)
    except IntegrityError:
        raise NameTaken from None
    return project


def delete_project(project_id: str) -> None:
    """Delete a project: from the next request on, nothing that belongs to it can be reached. Raises NotFound.

    Only the project's row is marked, as its other rows are reached through a live project only.
    Contract: docs/contract/projects.md#delete.
    """
    now = timezone.now()
    if not Project.objects.live().filter(pk=project_id).update(deleted_at=now, updated_at=now):
        raise ProjectNotFound


def create_api_key(
    *,
    name: str,
    role: str,
    project: Project | None = None,
    owner_id: str = "",
    scopes: list[str] | None = None,
    expires_at: datetime | None = None,
    created_at: datetime | None = None,
    prefix: str = PREFIX,
) -> tuple[APIKey, str]:
    """Create an API key. Returns its row and the key itself, which is not kept.

    `project` is None for the role instance_admin, and only then. `prefix` is PREFIX, or for Nahook's clients
    MANAGEMENT_PREFIX or SENDING_PREFIX. Raises InvalidInput.
    """
    if (role == APIKey.Role.INSTANCE_ADMIN) != (project is None):
        raise KeyNeedsProject
    mask, key = make_key(prefix)
    api_key = APIKey(
        uid=new_ulid(),
        name=name,
        role=role,
        project=project,
        owner_id=owner_id,
        scopes=scopes or [],
        mask=mask,
        digest=digest(key),
        expires_at=expires_at,
        created_at=created_at or timezone.now(),
    )
    api_key.save(force_insert=True)
    return api_key, key


def revoke_api_key(api_key_id: str) -> None:
    """Revoke an API key for good, from the next request on. Revoking it again changes nothing."""
    APIKey.objects.filter(pk=api_key_id, revoked_at=None).update(revoked_at=timezone.now())


def _lock(project_id: str) -> Project:
    try:
        return Project.objects.live().select_for_update(no_key=True).get(pk=project_id)
    except Project.DoesNotExist:
        raise ProjectNotFound from None


def _check_meta_event(project: Project) -> None:
    meta_event = project.meta_event
    secure = meta_event["url"].lower().startswith("https:") or not project.config["ssl"]["enforce_secure_endpoints"]
    if meta_event["is_enabled"] and not secure:
        raise UrlNotSecure


def _check_circuit_breaker(project: Project, config: dict[str, Any] | None) -> None:
    """Refuse a window that is not longer than the sample rate: attempts would be left uncounted."""
    breaker = project.config["circuit_breaker"]
    if config and "circuit_breaker" in config and breaker["observability_window"] * 60 <= breaker["sample_rate"]:
        raise WindowTooShort


def _check_request_id_header(project_type: str, config: dict[str, Any] | None) -> None:
    header = (config or {}).get("request_id_header") or REQUEST_ID_HEADER
    if project_type == Project.Type.INCOMING and header != REQUEST_ID_HEADER:
        raise RequestIDHeaderFixed
