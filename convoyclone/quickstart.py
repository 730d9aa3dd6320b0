"""Make a demo project at the first run of script/server, to try the API on."""

import json
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction

from convoyclone.private_files import write_private
from endpoints.operations import create_endpoint
from projects.keys import INSTANCE_ADMIN
from projects.models import Project
from projects.operations import create_api_key, create_project

OWNER_ID = "acme"
ADMIN = "admin"


def ensure_demo(path: Path) -> dict[str, Any]:
    """Make the demo: an operator, a project with its key, an instance key, and three endpoints of one owner.

    The demo is made in a database without projects and described in `path` (`quickstart.json`), whose content is
    returned. Later runs return the same content with the addresses of that run.
    """
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if not known and Project.objects.exists():
        return {}
    base = {
        "base_url": settings.BASE_URL,
        "docs_url": f"{settings.BASE_URL}/api/docs",
        "admin_url": f"{settings.BASE_URL}/admin/",
    }
    with transaction.atomic():
        if not known or not Project.objects.filter(pk=known["project_id"]).exists():
            known = _create_demo()
        known = base | {key: value for key, value in known.items() if key not in base}
        # Written before the commit: a file can be written again, but the keys of a committed demo are not known.
        write_private(path, known)
    return known


def _create_demo() -> dict[str, Any]:
    password = secrets.token_urlsafe(12)
    users = get_user_model().objects
    users.filter(username=ADMIN).delete()
    users.create_superuser(ADMIN, password=password)
    project, _, api_key = create_project(name="Demo", type=Project.Type.OUTGOING)
    _, instance_key = create_api_key(name="Demo instance key", role=INSTANCE_ADMIN)
    sent: list[dict[str, Any]] = [
        {"name": "Orders", "url": "https://hooks.example.com/orders", "description": "New and changed orders"},
        {
            "name": "Billing",
            "url": "https://hooks.example.com/billing",
            "description": "Invoices and refunds",
            "authentication": {
                "type": "api_key",
                "api_key": {"header_name": "X-Billing-Key", "header_value": secrets.token_urlsafe(16)},
            },
        },
        {"name": "Staging", "url": "http://localhost:9000/webhooks", "description": "A developer's machine"},
    ]
    endpoints = [create_endpoint(project.uid, owner_id=OWNER_ID, **fields) for fields in sent]
    return {
        "admin_user": ADMIN,
        "admin_password": password,
        "project_id": project.uid,
        "api_key": api_key,
        "instance_api_key": instance_key,
        "owner_id": OWNER_ID,
        "endpoint_ids": [endpoint.uid for endpoint in endpoints],
    }
