"""Make a demo project at the first run of script/server, to try the API and the portal on."""

import json
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction

from convoyclone.demo_content import ENDPOINTS, EVENT_TYPES, EVENTS, OWNER_ID, DemoEndpoint
from convoyclone.private_files import write_private
from endpoints.models import Endpoint
from endpoints.operations import create_endpoint, pause_endpoint, update_endpoint
from events.operations import content, create_fanout_event
from portal_links.models import PortalLink, portal_url
from portal_links.operations import create_portal_link
from projects.keys import INSTANCE_ADMIN
from projects.models import Project
from projects.operations import create_api_key, create_project
from subscriptions.event_types import create_event_type, deprecate_event_type, event_types
from subscriptions.operations import create_subscription

ADMIN = "admin"


def receiver_port(path: Path) -> int | None:
    """Return the port of the demo's receiver in the last run, which `path` describes; None before the first."""
    url = _read(path).get("receiver_url")
    return urlsplit(url).port if url else None


def ensure_demo(path: Path, receiver_url: str) -> dict[str, Any]:
    """Make the demo: an operator, a project with its keys, and all that makes one of its customers see webhooks.

    The demo is made in a database without projects and described in `path` (`quickstart.json`), whose content is
    returned. Later runs return the same content with the addresses of that run; `receiver_url` is where the demo's
    receiver listens. The demo of an earlier version gets what it lacks. Everything is stored or nothing. Where the
    demo's project was deleted, there is no demo any more.
    """
    known = _read(path)
    if not known and Project.objects.exists():
        return {}
    with transaction.atomic():
        project = Project.objects.filter(pk=known.get("project_id", "")).first()
        if project is not None and project.deleted_at:
            return {}
        if project is None:
            known = _create_project()
        project_id = known["project_id"]
        if "receiver_url" not in known:
            known["endpoint_ids"] = [*known.get("endpoint_ids", []), *_create_content(project_id, receiver_url)]
        else:
            former = sorted({*known.get("moved_from", []), known["receiver_url"]} - {receiver_url})
            for before in former:
                _move_endpoints(project_id, before, receiver_url)
            # Noted until the commit is certain: a crash before it leaves the endpoints at the former address.
            known |= {"moved_from": former} if former else {}
        link = _ensure_link(project_id, known.get("portal_link_id", ""))
        base = {
            "base_url": settings.BASE_URL,
            "portal_url": portal_url(link.token),
            "receiver_url": receiver_url,
            "docs_url": f"{settings.BASE_URL}/api/docs",
            "admin_url": f"{settings.BASE_URL}/admin/",
        }
        known = base | {key: value for key, value in known.items() if key not in base} | {"portal_link_id": link.uid}
        # Written before the commit: a file can be written again, but the keys of a committed demo are not known.
        write_private(path, known)
    if known.pop("moved_from", None):
        write_private(path, known)
    return known


def _read(path: Path) -> dict[str, Any]:
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return known


def _create_project() -> dict[str, Any]:
    password = secrets.token_urlsafe(12)
    users = get_user_model().objects
    users.filter(username=ADMIN).delete()
    users.create_superuser(ADMIN, password=password)
    project, _, api_key = create_project(name="Demo", type=Project.Type.OUTGOING)
    _, instance_key = create_api_key(name="Demo instance key", role=INSTANCE_ADMIN)
    return {
        "admin_user": ADMIN,
        "admin_password": password,
        "project_id": project.uid,
        "api_key": api_key,
        "instance_api_key": instance_key,
        "owner_id": OWNER_ID,
    }


def _create_content(project_id: str, receiver_url: str) -> list[str]:
    """Create event types, endpoints with subscriptions, and events, which the worker sends. Returns the endpoints."""
    # In the demo of an earlier version, events may have brought some of the types already.
    names = set(event_types(project_id).values_list("name", flat=True))
    for described in EVENT_TYPES:
        if described.name in names:
            continue
        event_type = create_event_type(
            project_id,
            name=described.name,
            category=described.category,
            description=described.description,
            json_schema=described.json_schema,
        )
        if described.is_deprecated:
            deprecate_event_type(project_id, event_type.uid)
    ids = [_create_endpoint(project_id, receiver_url, described) for described in ENDPOINTS]
    for name, data in EVENTS:
        event = content(event_type=name, raw=orjson.dumps(data), value=data)
        create_fanout_event(project_id, event, owner_id=OWNER_ID)
    return ids


def _create_endpoint(project_id: str, receiver_url: str, described: DemoEndpoint) -> str:
    url, description = f"{receiver_url}{described.path}", described.description
    endpoint = create_endpoint(project_id, url=url, name=described.name, description=description, owner_id=OWNER_ID)
    create_subscription(
        project_id,
        name=f"{described.name} subscription",
        endpoint_id=endpoint.uid,
        filter_config={"event_types": described.event_types},
    )
    if described.is_paused:
        pause_endpoint(project_id, endpoint.uid)
    return str(endpoint.uid)


def _move_endpoints(project_id: str, before: str, after: str) -> None:
    """Change the address of all endpoints at the receiver, whose former port another program has taken."""
    for endpoint in Endpoint.objects.for_project(project_id).filter(url__startswith=f"{before}/"):
        url = f"{after}{endpoint.url.removeprefix(before)}"
        update_endpoint(project_id, endpoint.uid, url=url, name=endpoint.name)


def _ensure_link(project_id: str, known_id: str) -> PortalLink:
    """Return the link to the portal of the demo's customer; a new one where there is none or it was revoked."""
    link = PortalLink.objects.for_project(project_id).filter(pk=known_id).first()
    if link is None:
        created = create_portal_link(project_id, name="Acme webhooks", owner_id=OWNER_ID, can_manage_endpoint=True)
        link = created.link
    return link
