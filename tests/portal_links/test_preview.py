"""An operator's preview of a customer's portal. Contract: docs/contract/portal-sessions.md#preview."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from activity.models import Activity
from endpoints.models import Endpoint
from portal_links.access import find_access
from portal_links.capabilities import READ_ONLY
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link, revoke_portal_link
from portal_links.sessions import preview_portal
from projects.models import Project
from tests.activity.rows import recorded
from tests.portal.api.customers import portal
from tests.portal.customers import Customer, mint
from tests.portal_links.admin_posts import refuses_what_may_not_post

LINKS = "/admin/portal_links/portallink/"
SESSIONS = "/admin/portal_links/portalsession/"
HOSTILE = "<script>alert(1)</script>"
MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture(params=["static_token", "refresh_token"])
def link(request: pytest.FixtureRequest, project: Project) -> PortalLink:
    """A link that allows everything."""
    auth_type = request.param
    made = create_portal_link(
        project.uid, name="Birch", owner_id="acme", can_manage_endpoint=True, auth_type=auth_type
    ).link
    Activity.objects.all().delete()
    return made


def token_of(response: Any) -> str:
    assert response.status_code == 302
    address = urlsplit(str(response.url))
    assert address.fragment.startswith("token=PST.")
    return address.fragment.removeprefix("token=")


def preview(project: Project, **given: Any) -> str:
    return preview_portal(project.uid, operator="jane", **given).secret


class TestFromTheAdmin:
    def test_of_a_link(self, admin_client: Client, project: Project, link: PortalLink) -> None:
        response = admin_client.post(f"{LINKS}{link.uid}/preview")
        access = find_access(token_of(response))
        assert access is not None
        assert access.is_preview
        assert (access.owner_id, access.capabilities) == ("acme", READ_ONLY)
        session = PortalSession.objects.get(surface="preview")
        assert (session.operator, session.portal_link_id, session.minted_by_id) == ("admin", link.uid, None)
        assert session.expires_at - session.created_at == timedelta(minutes=30)
        assert "no-store" in response.headers["Cache-Control"]
        assert LogEntry.objects.get().change_message == "Previewed the portal."

    def test_of_a_sessions_owner(self, admin_client: Client, project: Project) -> None:
        session, _ = mint(project)
        access = find_access(token_of(admin_client.post(f"{SESSIONS}{session.uid}/preview")))
        assert access is not None
        assert (access.owner_id, access.link, access.capabilities) == (session.owner_id, None, READ_ONLY)

    def test_it_is_recorded(self, admin_client: Client, project: Project, link: PortalLink) -> None:
        admin_client.post(f"{LINKS}{link.uid}/preview")
        [row] = recorded()
        assert (row["actor_kind"], row["actor_name"], row["verb"]) == ("operator", "admin", "portal.previewed")
        assert (row["owner_id"], row["object_name"]) == ("acme", "Birch")

    @pytest.mark.parametrize("of_session", [True, False])
    def test_is_refused(self, client: Client, admin_client: Client, project: Project, of_session: bool) -> None:
        link = create_portal_link(project.uid, name="Birch", owner_id="acme", auth_type="refresh_token").link
        session = PortalSession.objects.get()
        path = f"{SESSIONS}{session.uid}/preview" if of_session else f"{LINKS}{link.uid}/preview"
        refuses_what_may_not_post(path, client, admin_client)
        revoke_portal_link(project.uid, link.uid)
        assert admin_client.post(path).status_code == 404
        assert not PortalSession.objects.filter(surface="preview").exists()
        assert not LogEntry.objects.exists()

    @pytest.mark.slow
    def test_the_pages_offer_it(self, admin_client: Client, project: Project, link: PortalLink) -> None:
        session, _ = mint(project)
        for path, uid in ((LINKS, link.uid), (f"{LINKS}{link.uid}/change/", link.uid)):
            assert f"{LINKS}{uid}/preview" in admin_client.get(path).content.decode()
        shown = admin_client.get(f"{SESSIONS}{session.uid}/change/").content.decode()
        assert f"{SESSIONS}{session.uid}/preview" in shown
        assert "csrfmiddlewaretoken" in shown


class TestWhatItMay:
    def test_it_reads_and_changes_nothing(
        self, project: Project, link: PortalLink, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint(owner_id="acme", secret="the signing secret")
        token = preview(project, link=link)
        api = portal(token)
        shown = api.get(f"/endpoints/{endpoint.uid}")
        assert shown.status == 200
        assert "the signing secret" not in shown.response.content.decode()
        for method, path in (
            ("PUT", "/pause"),
            ("POST", "/activate"),
            ("PUT", "/expire_secret"),
            ("DELETE", ""),
            ("PUT", ""),
        ):
            body = {"name": "x", "url": "https://x.example.com"}
            assert api(method, f"/endpoints/{endpoint.uid}{path}", body).error == (403, "Unauthorized")
        pages = Customer(project, token)
        for action in ("pause", "activate", "secret", "rotate", "delete"):
            assert pages.post(f"endpoints/{endpoint.uid}/{action}").status_code == 403

    def test_it_does_not_see_the_links_token(self, project: Project, link: PortalLink) -> None:
        answer = portal(preview(project, link=link)).get("/portal_link")
        assert (answer.status, answer.data["token"]) == (200, "[REDACTED]")
        assert link.token not in answer.response.content.decode()

    @pytest.mark.parametrize("manages", [True, False])
    def test_hidden_payloads_are_hidden_where_they_are_from_the_customer(self, project: Project, manages: bool) -> None:
        Project.objects.filter(pk=project.pk).update(portal_hides_payloads=True)
        link = create_portal_link(project.uid, name="Birch", owner_id="acme", can_manage_endpoint=manages).link
        customer, operator = find_access(link.token), find_access(preview(project, link=link))
        assert customer is not None
        assert operator is not None
        assert operator.capabilities == customer.capabilities & READ_ONLY

    def test_a_link_of_a_list(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        listed, _ = make_endpoint(), make_endpoint()
        link = create_portal_link(project.uid, name="List", endpoints=[listed.uid]).link
        shown = portal(preview(project, link=link)).get("/endpoints").data["content"]
        assert [each["uid"] for each in shown] == [listed.uid]

    def test_it_ends(self, project: Project, link: PortalLink) -> None:
        expired, revoked = preview(project, link=link), preview(project, link=link)
        PortalSession.objects.filter(pk=PortalSession.objects.filter(surface="preview").earliest("pk").pk).update(
            expires_at=timezone.now()
        )
        assert find_access(expired) is None
        assert find_access(revoked) is not None
        revoke_portal_link(project.uid, link.uid)
        assert find_access(revoked) is None

    def test_a_static_link_opens_no_other_session(self, project: Project) -> None:
        link = create_portal_link(project.uid, name="Birch", owner_id="acme", auth_type="refresh_token").link
        session = PortalSession.objects.get()
        PortalLink.objects.filter(pk=link.pk).update(auth_type="static_token")
        assert not PortalSession.objects.active(timezone.now()).filter(pk=session.pk).exists()


class TestTheMark:
    @pytest.mark.slow
    def test_it_is_on_every_page_and_on_no_customers(
        self, project: Project, link: PortalLink, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint(owner_id="acme")
        operator = Customer(project, preview(project, link=link))
        customer = Customer(project, mint(project).secret)
        for path in ("", f"endpoints/{endpoint.uid}", "activity", "endpoints/nope"):
            shown = operator.get(path).content.decode()
            assert "Preview as <strong>acme</strong>, read only. Opened by jane." in shown, path
            assert 'id="preview" class="wrap" hx-swap-oob="true"' in shown
            assert "Preview as" not in customer.get(path).content.decode()
        del operator.headers["HX-Request"]
        assert operator.html().count("Preview as") == 1

    def test_hostile_names(self, project: Project) -> None:
        token = preview_portal(project.uid, operator=HOSTILE, owner_id=HOSTILE).secret
        html = Customer(project, token).html()
        assert HOSTILE not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html

    def test_the_customer_can_see_that_it_was(self, admin_client: Client, project: Project, link: PortalLink) -> None:
        admin_client.post(f"{LINKS}{link.uid}/preview")
        html = Customer(project, mint(project).secret).html("activity")
        assert "Looked at these pages as you see them" in html
        assert "Orders, support" in html


class TestTheExplanation:
    def test_of_a_link_and_of_a_session(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint(owner_id="acme", name=HOSTILE)
        link = create_portal_link(project.uid, name=HOSTILE, owner_id="acme", auth_type="refresh_token").link
        PortalLink.objects.update(endpoints=["<b>nope"])
        session = PortalSession.objects.get()
        for path in (f"{LINKS}{link.uid}/scope", f"{SESSIONS}{session.uid}/scope"):
            shown = admin_client.get(path).content.decode()
            assert HOSTILE not in shown
            assert "<b>nope" not in shown
            assert "can_manage_endpoint is false." in shown
            assert "It belongs to “acme”." in shown
            assert f"/admin/endpoints/endpoint/{endpoint.uid}/change/" in shown
            assert "The project has no such endpoint." in shown
            assert link.token not in shown

    def test_older_endpoints(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("portal_links.admin_pages.SCOPE_ROWS", 2)
        names = [make_endpoint(owner_id="acme", name=f"Number {number}").name for number in range(3)]
        link = create_portal_link(project.uid, name="Birch", owner_id="acme").link
        first = admin_client.get(f"{LINKS}{link.uid}/scope").content.decode()
        assert [name in first for name in names] == [False, True, True]
        after = first.split("?after=")[1].split('"')[0]
        second = admin_client.get(f"{LINKS}{link.uid}/scope?after={after}").content.decode()
        assert [name in second for name in names] == [True, False, False]
        assert "?after=" not in second

    def test_is_refused(self, client: Client, admin_client: Client, project: Project) -> None:
        link = create_portal_link(project.uid, name="Birch", owner_id="acme").link
        path = f"{LINKS}{link.uid}/scope"
        assert client.get(path).status_code == 302
        client.force_login(User.objects.create_user("nobody", is_staff=True))
        assert client.get(path).status_code == 403
        assert admin_client.get(f"{LINKS}nope/scope").status_code == 404
