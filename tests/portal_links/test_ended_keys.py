"""Sessions end with the API key that minted them: those that are open, and codes that nobody has opened yet."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.exceptions import NotFound
from deliveries.links import create_link
from endpoints.operations import create_endpoint
from portal_links.access import find_access
from portal_links.capabilities import EVERYTHING
from portal_links.delivery_links import find_delivery_link
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link, mint_refresh_token, revoke_portal_link
from portal_links.sessions import end_own_session, mint_session, open_session, preview_portal
from projects.models import APIKey, Project
from projects.operations import create_api_key, revoke_api_key
from tests.callers import caller_of
from tests.conftest import API
from tests.deliveries.rows import make_delivery
from tests.portal_links.calls import call
from tests.statements import nothing_changes, statements

HOUR = timedelta(hours=1)
End = Callable[[APIKey], object]


def revoke(key: APIKey) -> None:
    revoke_api_key(key.uid)


def expire(key: APIKey) -> None:
    APIKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - HOUR)


def delete(key: APIKey) -> None:
    key.delete()


ENDS: list[End] = [revoke, expire, delete]


@pytest.fixture
def key(project: Project) -> APIKey:
    return create_api_key(name="backend", role=APIKey.Role.PROJECT_ADMIN, project=project)[0]


@pytest.fixture
def instance_key(db: None) -> APIKey:
    return create_api_key(name="instance", role=APIKey.Role.INSTANCE_ADMIN)[0]


def mint(project: Project, key: APIKey, *, single_use: bool = False) -> str:
    return mint_session(
        project.uid,
        owner_id="acme",
        surface=PortalSession.Surface.SVIX,
        capabilities=EVERYTHING,
        lifetime=HOUR,
        single_use=single_use,
        minted_by=caller_of(key),
    ).secret


def refresh_token(project: Project, key: APIKey) -> str:
    link = create_portal_link(project.uid, name="Acme", owner_id="acme", auth_type="refresh_token").link
    return mint_refresh_token(project.uid, link.uid, minted_by=key.uid)


def opened_code(project: Project, key: APIKey) -> str:
    return open_session(project.uid, mint(project, key, single_use=True), address=None).secret


MADE = [mint, refresh_token, opened_code]


@pytest.mark.parametrize("end", ENDS)
class TestTheEndOfAKey:
    @pytest.mark.parametrize("make", MADE)
    def test_ends_its_sessions_with_the_next_request(
        self, project: Project, key: APIKey, make: Callable[[Project, APIKey], str], end: End
    ) -> None:
        token = make(project, key)
        portal = API(token, root="/portal-api")
        assert portal.get("/endpoints").status == 200
        end(key)
        with nothing_changes():
            assert portal.get("/endpoints").error == (401, "authorization failed")
            page = Client().get(f"/portal/{project.uid}/", headers={"Authorization": f"Bearer {token}"})
            assert page.status_code == 401
        assert not end_own_session(token)

    def test_ends_codes_that_nobody_has_opened(self, project: Project, key: APIKey, end: End) -> None:
        code = mint(project, key, single_use=True)
        end(key)
        with pytest.raises(NotFound):
            open_session(project.uid, code, address=None)
        assert Client().post(f"/portal/{project.uid}/open", {"code": code}).status_code == 404

    def test_ends_nobody_elses(self, project: Project, key: APIKey, instance_key: APIKey, end: End) -> None:
        other = create_api_key(name="other", role=APIKey.Role.PROJECT_ADMIN, project=project)[0]
        preview = preview_portal(project.uid, operator="admin", owner_id="acme").secret
        tokens = [preview, mint(project, other), mint(project, instance_key)]
        link = create_portal_link(project.uid, name="Acme", owner_id="acme").link
        tokens.append(link.token)
        end(key)
        assert all(find_access(token) for token in tokens)

    def test_an_instance_keys_sessions_end_too(self, project: Project, instance_key: APIKey, end: End) -> None:
        token = mint(project, instance_key)
        end(instance_key)
        assert find_access(token) is None

    def test_the_list_of_those_who_have_access(self, project: Project, api: API, key: APIKey, end: End) -> None:
        mint(project, key)
        path = f"/projects/{project.uid}/portal-sessions"
        assert len(api.get(f"{path}?active=true").data["content"]) == 1
        end(key)
        assert api.get(f"{path}?active=true").data["content"] == []


@pytest.mark.parametrize("end", [revoke, expire])
@pytest.mark.parametrize("make", MADE)
def test_a_project_can_keep_them(
    project: Project, key: APIKey, make: Callable[[Project, APIKey], str], end: End
) -> None:
    token, code = make(project, key), mint(project, key, single_use=True)
    Project.objects.filter(pk=project.pk).update(portal_keeps_sessions=True)
    end(key)
    assert find_access(token) is not None
    assert find_access(open_session(project.uid, code, address=None).secret) is not None


def test_the_check_costs_no_statement(project: Project, key: APIKey) -> None:
    token = mint(project, key)
    find_access(token)
    with statements() as found:
        find_access(token)
    assert found == ["SELECT portal_links_portalsession"]


class TestLinksToDeliveries:
    """They end with the access of whoever made them."""

    @pytest.fixture
    def delivery_id(self, project: Project) -> str:
        fields: dict[str, Any] = {"name": "In", "url": "https://in.example.com/", "owner_id": "acme"}
        return str(make_delivery(create_endpoint(project.uid, **fields)).uid)

    def share(self, project: Project, token: str, delivery_id: str, root: str = "/portal-api") -> str:
        path = f"{root}/eventdeliveries/{delivery_id}/links"
        reply = call("POST", path, Authorization=f"Bearer {token}")
        assert reply.status == 201, reply.json
        return str(reply.json["data"]["url"]).partition("#token=")[2]

    def is_open(self, project: Project, token: str) -> bool:
        return find_delivery_link(project.uid, token) is not None

    @pytest.mark.parametrize("end", ENDS)
    def test_of_a_session_whose_key_ends(self, project: Project, key: APIKey, delivery_id: str, end: End) -> None:
        shared = self.share(project, mint(project, key), delivery_id)
        assert self.is_open(project, shared)
        end(key)
        assert not self.is_open(project, shared)

    def test_of_a_session_that_is_revoked(self, project: Project, key: APIKey, delivery_id: str) -> None:
        token = mint(project, key)
        shared = self.share(project, token, delivery_id)
        assert end_own_session(token)
        assert not self.is_open(project, shared)

    def test_of_a_session_that_expires(self, project: Project, key: APIKey, delivery_id: str) -> None:
        shared = self.share(project, mint(project, key), delivery_id)
        PortalSession.objects.update(expires_at=timezone.now() - HOUR)
        assert not self.is_open(project, shared)

    def test_of_a_portal_link_that_is_revoked(self, project: Project, delivery_id: str) -> None:
        link = create_portal_link(project.uid, name="Acme", owner_id="acme").link
        shared = self.share(project, link.token, delivery_id)
        assert self.is_open(project, shared)
        revoke_portal_link(project.uid, link.uid)
        assert not self.is_open(project, shared)

    def test_of_a_portal_link_that_has_become_one_with_sessions(self, project: Project, delivery_id: str) -> None:
        link = create_portal_link(project.uid, name="Acme", owner_id="acme").link
        shared = self.share(project, link.token, delivery_id)
        PortalLink.objects.update(auth_type=PortalLink.AuthType.REFRESH_TOKEN)
        assert not self.is_open(project, shared)

    @pytest.mark.parametrize("end", ENDS)
    def test_of_a_key(self, project: Project, delivery_id: str, end: End) -> None:
        key, secret = create_api_key(name="backend", role=APIKey.Role.PROJECT_ADMIN, project=project)
        shared = self.share(project, secret, delivery_id, f"/api/v1/projects/{project.uid}")
        assert self.is_open(project, shared)
        end(key)
        assert not self.is_open(project, shared)

    def test_of_a_key_in_a_project_that_keeps_them(self, project: Project, delivery_id: str) -> None:
        key, secret = create_api_key(name="backend", role=APIKey.Role.PROJECT_ADMIN, project=project)
        shared = self.share(project, secret, delivery_id, f"/api/v1/projects/{project.uid}")
        Project.objects.filter(pk=project.pk).update(portal_keeps_sessions=True)
        revoke(key)
        assert self.is_open(project, shared)

    def test_of_nobody_who_can_lose_access(self, project: Project, delivery_id: str) -> None:
        made = create_link(project.uid, delivery_id, shows_payload=True)
        assert self.is_open(project, made.token)
