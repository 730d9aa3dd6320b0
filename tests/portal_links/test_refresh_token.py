"""GET /api/v1/projects/{projectID}/portal-links/{portalLinkID}/refresh_token"""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link
from portal_links.sessions import REFRESH_LIFETIME
from projects.models import Project
from tests.conftest import API


@pytest.fixture
def link(project: Project) -> PortalLink:
    return create_portal_link(project.uid, name="Acme", owner_id="acme", auth_type="refresh_token").link


@pytest.fixture
def path(project: Project, link: PortalLink) -> str:
    return f"/projects/{project.uid}/portal-links/{link.uid}/refresh_token"


def opens(client: Client, link: PortalLink, token: str = "") -> bool:
    return client.get("/portal", {"token": link.token, "auth_token": token}).status_code == 200


def test_answers_a_bare_token_that_opens_the_link(api: API, path: str, client: Client, link: PortalLink) -> None:
    answer = api.get(path)
    assert (answer.status, answer.message) == (200, "Portal link fetched successfully")
    assert re.fullmatch(r"PRT\.[A-Za-z0-9]{16}\.[A-Za-z0-9]{64}", answer.data)
    assert opens(client, link, answer.data)


def test_earlier_tokens_live_on(api: API, path: str, client: Client, link: PortalLink) -> None:
    tokens = [api.get(path).data for _ in range(3)]
    assert all(opens(client, link, token) for token in tokens)


def test_a_token_lives_an_hour(api: API, path: str, client: Client, link: PortalLink) -> None:
    token = api.get(path).data
    now = timezone.now()
    session = PortalSession.objects.order_by("-pk").first()
    assert session is not None
    assert session.expires_at - session.created_at == REFRESH_LIFETIME
    PortalSession.objects.update(expires_at=now + timedelta(minutes=5))
    assert opens(client, link, token)
    PortalSession.objects.update(expires_at=now)
    assert not opens(client, link, token)


def test_the_static_token_alone_does_not_open_a_refresh_link(client: Client, link: PortalLink) -> None:
    assert not opens(client, link)


def test_a_token_opens_its_own_link_only(api: API, path: str, client: Client, project: Project) -> None:
    other = create_portal_link(project.uid, name="Globex", owner_id="globex", auth_type="refresh_token").link
    assert not opens(client, other, api.get(path).data)


def test_the_kind_of_a_link_decides_which_token_opens_it(api: API, path: str, client: Client, link: PortalLink) -> None:
    token = api.get(path).data
    body = {"name": "Acme", "owner_id": "acme"}
    api.put(path.removesuffix("/refresh_token"), body | {"auth_type": "static_token"})
    assert opens(client, link)
    api.put(path.removesuffix("/refresh_token"), body | {"auth_type": "refresh_token"})
    assert not opens(client, link)
    assert opens(client, link, token)


def test_a_static_link_has_no_refresh_tokens(api: API, project: Project) -> None:
    link = create_portal_link(project.uid, name="Acme", owner_id="acme").link
    answer = api.get(f"/projects/{project.uid}/portal-links/{link.uid}/refresh_token")
    assert answer.status == 400
    assert "static_token" in answer.error[1]
    assert not PortalSession.objects.exists()


def test_who_may_not(
    nobody: API, viewer: API, api: API, other_api: API, other_project: Project, path: str, link: PortalLink
) -> None:
    assert nobody.get(path).error == (401, "Authentication required")
    assert viewer.get(path).error == (403, "Unauthorized")
    assert other_api.get(path).error == (404, "project not found")
    own = f"/projects/{other_project.uid}/portal-links/{link.uid}/refresh_token"
    assert other_api.get(own).error == (400, "portal link not found")
    assert api.get(path.replace(link.uid, "nope")).error == (400, "portal link not found")
    assert PortalSession.objects.count() == 1
