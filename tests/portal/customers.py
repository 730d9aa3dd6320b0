"""Customers who ask for the portal's pages."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

from django.test import Client

from endpoints.models import Endpoint
from portal_links.capabilities import EVERYTHING, Capabilities
from portal_links.models import PortalSession
from portal_links.sessions import Minted, mint_session
from projects.models import APIKey, Project
from projects.operations import create_api_key
from tests.callers import caller_of

MakeEndpoint = Callable[..., Endpoint]
OWNER = "acme"
SECRET = "the secret of the endpoint"


def mint(project: Project, capabilities: Capabilities = EVERYTHING, **options: Any) -> Minted:
    """A session of OWNER's, by default one that may do everything."""
    key, _ = create_api_key(name="key", role=APIKey.Role.PROJECT_ADMIN, project=project)
    given: dict[str, Any] = {
        "owner_id": OWNER,
        "surface": PortalSession.Surface.NAHOOK,
        "lifetime": timedelta(hours=1),
        "single_use": False,
        "minted_by": caller_of(key),
    }
    return mint_session(project.uid, capabilities=capabilities, **given | options)


class Customer:
    """Asks for pages as the portal's script does, with a credential and by way of htmx."""

    def __init__(self, project: Project, credential: str) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.home = f"/portal/{project.uid}/"
        self.headers = {"HX-Request": "true", "Authorization": f"Bearer {credential}"}

    def get(self, path: str = "", **query: str) -> Any:
        return self.client.get(self.home + path, query, headers=self.headers)

    def post(self, path: str, **form: Any) -> Any:
        return self.client.post(self.home + path, form, headers=self.headers)

    def html(self, path: str = "", **query: str) -> str:
        response = self.get(path, **query)
        assert response.status_code == 200
        return str(response.content.decode())


#: Pages of the portal, below a project's: {id} is an endpoint's.
PAGES = ["", "endpoints/new", "endpoints/{id}", "endpoints/{id}/settings", "endpoints/no-such", "activity"]


def text_of(html: str) -> str:
    """Return the text of a part of a page, as a reader sees it."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def opened(client: Client, project: Project, code: str) -> Any:
    """The answer to opening the portal by a code."""
    return client.post(f"/portal/{project.uid}/open", {"code": code}, headers={"HX-Request": "true"})
