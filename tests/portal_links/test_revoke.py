"""PUT /api/v1/projects/{projectID}/portal-links/{portalLinkID}/revoke"""

from collections.abc import Callable

import pytest
from django.test import Client

from endpoints.models import Endpoint
from portal_links.models import PortalLink
from portal_links.operations import CreatedLink, create_portal_link
from projects.models import Project
from tests.conftest import API


@pytest.fixture
def created(project: Project) -> CreatedLink:
    return create_portal_link(project.uid, name="Acme", owner_id="acme", auth_type="refresh_token")


@pytest.fixture
def path(project: Project, created: CreatedLink) -> str:
    return f"/projects/{project.uid}/portal-links/{created.link.uid}/revoke"


def test_ends_the_link_and_every_token_at_once(
    api: API, path: str, client: Client, created: CreatedLink, make_endpoint: Callable[..., Endpoint]
) -> None:
    make_endpoint(owner_id="acme")
    url = f"/portal?token={created.link.token}&auth_token={created.auth_key}"
    assert client.get(url).status_code == 200
    answer = api.put(path)
    assert (answer.status, answer.message, answer.data) == (200, "Portal link revoked successfully", None)
    assert client.get(url).status_code == 404
    assert Endpoint.objects.get().owner_id == "acme"
    assert Endpoint.objects.get().deleted_at is None


def test_the_second_time_it_is_not_found(api: API, path: str) -> None:
    assert api.put(path).status == 200
    assert api.put(path).error == (404, "Resource not found")
    assert api.get(path.removesuffix("/revoke")).error == (404, "Resource not found")
    assert api.put(path.removesuffix("/revoke"), {"name": "x"}).error == (404, "Resource not found")
    assert api.get(path.replace("/revoke", "/refresh_token")).error == (400, "portal link not found")


def test_a_body_is_ignored(api: API, path: str) -> None:
    assert api.put(path, b"not json").status == 200


def test_there_is_no_delete(api: API, path: str) -> None:
    answer = api.delete(path.removesuffix("/revoke"))
    assert answer.error == (405, "method not allowed")
    assert answer.headers["Allow"] == "GET, HEAD, PUT"
    assert PortalLink.objects.get().deleted_at is None


def test_who_may_not(nobody: API, viewer: API, other_api: API, other_project: Project, path: str) -> None:
    assert nobody.put(path).error == (401, "Authentication required")
    assert viewer.put(path).error == (403, "Unauthorized")
    assert other_api.put(path).error == (404, "project not found")
    own = path.replace(path.split("/")[2], other_project.uid)
    assert other_api.put(own).error == (404, "Resource not found")
    assert PortalLink.objects.get().deleted_at is None
