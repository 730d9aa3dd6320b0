"""The operators' pages of portal links."""

from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link, revoke_portal_link
from projects.models import Project
from projects.operations import create_project

LINKS = "/admin/portal_links/portallink/"


@pytest.fixture
def link(project: Project) -> PortalLink:
    return create_portal_link(project.uid, name="Acme", owner_id="acme").link


@pytest.fixture
def refresh_link(project: Project) -> PortalLink:
    return create_portal_link(project.uid, name="Embedded", owner_id="beta", auth_type="refresh_token").link


def page(client: Client, path: str = LINKS, **query: str) -> str:
    response = client.get(path, query)
    assert response.status_code == 200
    return unescape(response.content.decode())


class TestList:
    def test_shows_live_links_and_finds_by_owner_and_id(
        self, admin_client: Client, project: Project, link: PortalLink, refresh_link: PortalLink
    ) -> None:
        gone = create_portal_link(project.uid, name="Gone", owner_id="acme").link
        revoke_portal_link(project.uid, gone.uid)
        shown = page(admin_client)
        assert "2 portal links" in shown
        assert "Gone" not in shown
        for term in ("acm", link.uid):
            found = page(admin_client, q=term)
            assert ">Acme</a>" in found
            assert ">Embedded</a>" not in found

    def test_no_page_shows_a_token(self, admin_client: Client, link: PortalLink, refresh_link: PortalLink) -> None:
        paths = [
            LINKS,
            *(f"{LINKS}{uid}/{what}/" for uid in (link.uid, refresh_link.uid) for what in ("change", "history")),
        ]
        for one in (link, refresh_link):
            admin_client.post(f"{LINKS}{one.uid}/url")
        for path in paths:
            shown = page(admin_client, path)
            for one in (link, refresh_link):
                assert one.token not in shown
                assert bytes(one.token_digest).hex() not in shown
            assert "PRT." not in shown

    @pytest.mark.parametrize("rows", [1, 20])
    def test_queries(
        self, admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries, rows: int, db: None
    ) -> None:
        for number in range(rows):
            other = create_project(name=f"Project {number}", type="outgoing")[0]
            create_portal_link(other.uid, name="Acme", owner_id="acme")
        # The session, the user, a savepoint, the plan mode, the bounded count, the rows, the savepoint's end.
        with django_assert_num_queries(7):
            page(admin_client)


class TestPortal:
    def test_open_leads_to_the_portal(self, admin_client: Client, client: Client, link: PortalLink) -> None:
        response: Any = admin_client.post(f"{LINKS}{link.uid}/open")
        assert (response.status_code, response.url) == (302, link.url)
        assert "no-store" in response.headers["Cache-Control"]
        assert LogEntry.objects.get().change_message == "Opened the portal."

    def test_the_url_is_answered_in_plain_text_and_opens_the_portal(
        self, admin_client: Client, client: Client, link: PortalLink
    ) -> None:
        response = admin_client.post(f"{LINKS}{link.uid}/url")
        assert (response.status_code, response.content.decode()) == (200, link.url)
        assert response.headers["Content-Type"] == "text/plain"
        assert "no-store" in response.headers["Cache-Control"]
        assert client.get(link.url).status_code == 200

    def test_a_refresh_link_gets_a_new_token(
        self, admin_client: Client, client: Client, refresh_link: PortalLink
    ) -> None:
        sessions = PortalSession.objects.count()
        url = admin_client.post(f"{LINKS}{refresh_link.uid}/url").content.decode()
        assert url.startswith(f"{refresh_link.url}&auth_token=PRT.")
        assert PortalSession.objects.count() == sessions + 1
        assert client.get(url).status_code == 200
        assert client.get(refresh_link.url).status_code == 404

    @pytest.mark.parametrize("what", ["open", "url"])
    def test_is_refused(self, client: Client, admin_client: Client, link: PortalLink, what: str) -> None:
        path = f"{LINKS}{link.uid}/{what}"
        assert admin_client.get(path).status_code == 405
        assert client.post(path).status_code == 302
        unaware = Client(enforce_csrf_checks=True)
        unaware.cookies = admin_client.cookies
        assert unaware.post(path).status_code == 403
        viewer = User.objects.create_user("viewer", is_staff=True)
        viewer.user_permissions.add(Permission.objects.get(codename="view_portallink"))
        client.force_login(viewer)
        assert client.post(path).status_code == 403
        revoke_portal_link(link.project_id, link.uid)
        assert admin_client.post(path).status_code == 404
        assert not LogEntry.objects.exists()


class TestRevocation:
    def test_is_asked_for_and_ends_the_link(self, admin_client: Client, client: Client, link: PortalLink) -> None:
        sent = {"action": "revoke", "_selected_action": link.uid}
        asked = admin_client.post(LINKS, sent)
        assert "Revoke these portal links for good?" in asked.content.decode()
        assert client.get(link.url).status_code == 200
        response: Any = admin_client.post(LINKS, sent | {"confirmed": "yes"}, follow=True)
        assert [str(message) for message in response.context["messages"]] == ["Revoked: 1 portal link."]
        assert client.get(link.url).status_code == 404
        assert PortalLink.objects.filter(pk=link.uid).exclude(deleted_at=None).exists()

    def test_a_link_is_neither_added_changed_nor_deleted(self, admin_client: Client, link: PortalLink) -> None:
        for path in (f"{LINKS}add/", f"{LINKS}{link.uid}/change/", f"{LINKS}{link.uid}/delete/"):
            assert admin_client.post(path, {"name": "Other", "post": "yes"}).status_code == 403
        assert PortalLink.objects.filter(pk=link.uid, name="Acme", deleted_at=None).exists()
