"""The operators' pages of portal links."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal_links.access import find_access
from portal_links.capabilities import ROLES
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link, revoke_portal_link
from portal_links.sessions import Minted, mint_session, open_session, revoke_session
from projects.models import Project
from projects.operations import create_api_key, create_project
from tests.callers import caller_of
from tests.portal_links.admin_posts import refuses_what_may_not_post

LINKS = "/admin/portal_links/portallink/"
SESSIONS = "/admin/portal_links/portalsession/"


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
    @pytest.mark.slow
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

    @pytest.mark.slow
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
        # Session and user; two savepoints, the time limit, the plan mode, and their ends; the bounded count, the rows.
        with django_assert_num_queries(11):
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
        refuses_what_may_not_post(path, client, admin_client)
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


class TestSessions:
    @pytest.fixture
    def session(self, project: Project) -> PortalSession:
        return self.mint(project).session

    @staticmethod
    def mint(project: Project, owner_id: str = "acme", **more: Any) -> Minted:
        given: dict[str, Any] = {"surface": "nahook", "capabilities": ROLES["editor"], "lifetime": timedelta(hours=1)}
        key = create_api_key(name="backend", role="project_admin", project=project)[0]
        given |= {
            "single_use": False,
            "minted_by": caller_of(key),
            "metadata": {"userId": "usr_456"},
            "reference": "browser",
        }
        return mint_session(project.uid, owner_id=owner_id, **given | more)

    @pytest.mark.slow
    def test_the_list_says_who_has_access_since_when_and_from_where(
        self, admin_client: Client, project: Project, refresh_link: PortalLink
    ) -> None:
        token = self.mint(project).secret
        assert find_access(token, address="203.0.113.7") is not None
        ended, expired = (self.mint(project, owner).session for owner in ("globex", "initech"))
        revoke_session(project.uid, ended.uid)
        PortalSession.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
        shown = page(admin_client, SESSIONS)
        assert "4 portal sessions" in shown
        for text in ("acme", "from 203.0.113.7", "has access", "beta", "globex", "ended", "initech", "expired"):
            assert text in shown
        active = page(admin_client, SESSIONS, active="true")
        assert "2 portal sessions" in active
        assert "acme" in active
        assert "globex" not in active
        assert "2 portal sessions" in page(admin_client, SESSIONS, active="false")
        assert "1 portal session\n" in page(admin_client, SESSIONS, surface__exact="convoy")
        revoke_portal_link(project.uid, refresh_link.uid)
        assert "link closed" in page(admin_client, SESSIONS)
        Project.objects.update(deleted_at=timezone.now())
        assert "0 portal sessions" in page(admin_client, SESSIONS)

    @pytest.mark.slow
    def test_search_is_by_the_beginning_of_the_owner_and_by_id(
        self, admin_client: Client, project: Project, refresh_link: PortalLink
    ) -> None:
        session = self.mint(project, "acme-1").session
        self.mint(project, "other")
        for term in ("acme", "acme-1", session.uid):
            found = page(admin_client, SESSIONS, q=term)
            assert "1 result" in found
            assert "acme-1" in found
        assert "1 result" in page(admin_client, SESSIONS, q="bet")
        for term in ("cme", "ACME", session.uid[:-1], "%", "'"):
            assert "0 results" in page(admin_client, SESSIONS, q=term)

    @pytest.mark.slow
    def test_a_page_shows_everything_but_secrets(self, admin_client: Client, project: Project) -> None:
        session, code = self.mint(project, single_use=True)
        token = open_session(project.uid, code, address="203.0.113.7").secret
        session.refresh_from_db()
        digests = [bytes(session.code_digest or b""), bytes(session.token_digest or b"")]
        for path in (SESSIONS, f"{SESSIONS}{session.uid}/change/", f"{SESSIONS}{session.uid}/history/"):
            shown = page(admin_client, path)
            for secret in (code, token, token.removeprefix("PST."), *(digest.hex() for digest in digests)):
                assert secret not in shown
        shown = page(admin_client, f"{SESSIONS}{session.uid}/change/")
        for text in ('"userId": "usr_456"', "browser", "203.0.113.7", "backend", "Choose which events are sent"):
            assert text in shown
        assert "delete endpoints" not in shown
        assert "digest" not in shown

    @pytest.mark.slow
    def test_the_end_is_asked_for_and_takes_effect_at_once(self, admin_client: Client, project: Project) -> None:
        session, token = self.mint(project)
        sent = {"action": "end", "_selected_action": session.uid}
        asked = admin_client.post(SESSIONS, sent)
        assert "End these portal sessions at once?" in asked.content.decode()
        assert find_access(token) is not None
        for said in ("Ended: 1 portal session.", f"{session} ({session.uid}): portal session not found"):
            response: Any = admin_client.post(SESSIONS, sent | {"confirmed": "yes"}, follow=True)
            assert [str(message) for message in response.context["messages"]] == [said]
            assert find_access(token) is None
        assert LogEntry.objects.get().change_message == "Ended."

    def test_who_may_only_view_ends_nothing(self, client: Client, session: PortalSession) -> None:
        viewer = User.objects.create_user("viewer", is_staff=True)
        viewer.user_permissions.add(Permission.objects.get(codename="view_portalsession"))
        client.force_login(viewer)
        client.post(SESSIONS, {"action": "end", "_selected_action": session.uid, "confirmed": "yes"})
        assert PortalSession.objects.get().revoked_at is None

    def test_a_session_is_neither_added_changed_nor_deleted(self, admin_client: Client, session: PortalSession) -> None:
        for path in ("add/", f"{session.uid}/change/", f"{session.uid}/delete/"):
            assert admin_client.post(f"{SESSIONS}{path}", {"owner_id": "globex", "post": "yes"}).status_code == 403

    def test_those_without_access_are_looked_for_among_the_newest_that_other_filters_leave(
        self, admin_client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("portal_links.admin.NEWEST", 2)
        for owner in ("initech", "acme", "globex", "umbrella"):
            minted = self.mint(project, owner).session
            if owner != "globex":
                revoke_session(project.uid, minted.uid)
        shown = page(admin_client, SESSIONS, active="false")
        assert "1 portal session\n" in shown
        assert "umbrella" in shown
        narrowed = page(admin_client, SESSIONS, active="false", owner="acme")
        assert "1 portal session\n" in narrowed
        assert "Has no access now, of the newest 2" in narrowed

    @pytest.mark.slow
    def test_a_search_finds_by_the_owner_of_links_live_or_revoked_however_many_there_are(
        self, admin_client: Client, project: Project, refresh_link: PortalLink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for owner in ("acme", "globex"):
            self.mint(project, owner)
        for most in (5_000, 1):
            monkeypatch.setattr("portal_links.admin.MOST_FOUND", most)
            assert "1 portal session\n" in page(admin_client, SESSIONS, q=refresh_link.owner_id)
        monkeypatch.setattr("portal_links.admin.MOST_FOUND", 0)
        assert "1 portal session\n" in page(admin_client, SESSIONS, q="glob")
        monkeypatch.undo()
        revoke_portal_link(project.uid, refresh_link.uid)
        assert "1 portal session\n" in page(admin_client, SESSIONS, q=refresh_link.owner_id)

    @pytest.mark.slow
    @pytest.mark.parametrize("rows", [1, 20])
    def test_queries(
        self, admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries, rows: int, db: None
    ) -> None:
        for number in range(rows):
            other = create_project(name=f"Project {number}", type="outgoing")[0]
            self.mint(other)
            create_portal_link(other.uid, name="Acme", owner_id="acme", auth_type="refresh_token")
        # Session and user; two savepoints, the time limit, the plan mode, and their ends; the bounded count, the rows.
        # Those without access: the oldest of the newest ones. A search reads the ids of live and of revoked links, and
        # of sessions by link, by id and by owner.
        for query, more in (({}, 0), ({"active": "true"}, 0), ({"active": "false"}, 1), ({"q": "acme"}, 5)):
            with django_assert_num_queries(11 + more):
                page(admin_client, SESSIONS, **query)
