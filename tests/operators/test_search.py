"""The search box of the operators' start page."""

from collections.abc import Callable
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.admin_display import customer_url
from endpoints.models import Endpoint
from endpoints.operations import delete_endpoint
from operators import search_page
from operators.search import MOST
from portal_links.operations import create_portal_link, revoke_portal_link
from portal_links.sessions import preview_portal
from projects.models import Project
from projects.operations import delete_project
from tests.deliveries.rows import make_attempt, make_delivery
from tests.locks import locked
from tests.operators.staff import staff

MakeEndpoint = Callable[..., Endpoint]
SEARCH = "/admin/search"
HOSTILE = '"><script>alert(1)</script>'


def led_to(client: Client, text: str) -> str:
    """Where one match leads; "" where a list is shown."""
    response = client.get(SEARCH, {"q": text})
    return str(response.headers.get("Location", ""))


def listed(client: Client, text: str) -> str:
    response = client.get(SEARCH, {"q": text})
    assert response.status_code == 200
    return unescape(response.content.decode())


class TestStart:
    def test_the_box_is_there_and_says_what_it_finds(self, admin_client: Client) -> None:
        shown = unescape(admin_client.get("/admin/").content.decode())
        assert 'action="/admin/search"' in shown
        assert "the beginning of an owner_id, an endpoint’s URL or name" in shown
        assert "/admin/endpoints/endpoint/" in shown

    def test_strangers_are_sent_to_the_login(self, client: Client, db: None) -> None:
        assert led_to(client, "acme").startswith("/admin/login/")

    @pytest.mark.slow
    def test_scripts_come_from_files_alone(self, admin_client: Client, project: Project) -> None:
        for path in ("/admin/", f"{SEARCH}?q=a", customer_url(project.uid, "acme"), "/admin/events/event/"):
            response = admin_client.get(path)
            assert "script-src 'self';" in response.headers["Content-Security-Policy"]
            shown = response.content.decode()
            assert "<script>" not in shown
            assert " onclick=" not in shown


class TestOneMatch:
    def test_an_owner_leads_to_the_customer(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        make_endpoint(owner_id="acme", name="acme")
        make_endpoint(owner_id="acme-2")
        assert led_to(admin_client, "acme") == f"/admin/customers/{project.uid}/acme/"

    @pytest.mark.parametrize("made", ["link", "session"])
    def test_so_does_an_owner_without_an_endpoint(self, admin_client: Client, project: Project, made: str) -> None:
        if made == "link":
            create_portal_link(project.uid, name="Birch", owner_id="birch")
        else:
            preview_portal(project.uid, operator="jane", owner_id="birch")
        assert led_to(admin_client, "birch") == f"/admin/customers/{project.uid}/birch/"
        assert led_to(admin_client, "bir") == f"/admin/customers/{project.uid}/birch/"

    @pytest.mark.parametrize("owner", ["a/b", "..", "a b", "ä", "x\ny", "50%", "a?b#c", HOSTILE])
    def test_any_owner_has_a_page(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint, owner: str
    ) -> None:
        make_endpoint(owner_id=owner, name="Theirs")
        url = led_to(admin_client, owner)
        assert url.startswith(f"/admin/customers/{project.uid}/")
        response = admin_client.get(url)
        assert response.status_code == 200
        assert "Theirs" in response.content.decode()
        assert HOSTILE not in response.content.decode()

    @pytest.mark.slow
    def test_an_id_leads_to_its_row(self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint()
        delivery = make_delivery(endpoint, "Failure")
        attempt = make_attempt(delivery)
        link = create_portal_link(project.uid, name="Birch", owner_id="birch").link
        session, _ = preview_portal(project.uid, operator="jane", owner_id="birch")
        for table, uid in (
            ("events/event", delivery.event_id),
            ("events/eventdelivery", delivery.uid),
            ("events/deliveryattempt", attempt.uid),
            ("endpoints/endpoint", endpoint.uid),
            ("portal_links/portallink", link.uid),
            ("portal_links/portalsession", session.uid),
            ("projects/project", project.uid),
        ):
            assert led_to(admin_client, uid) == f"/admin/{table}/{uid}/change/", table
            assert led_to(admin_client, f" {uid.lower()} ") == f"/admin/{table}/{uid}/change/", table

    @pytest.mark.parametrize(
        "text", ["Billing", "https://hooks.example.com/in", "hooks.example.com/in", "hooks.exam", "Bill"]
    )
    def test_an_endpoint(self, admin_client: Client, make_endpoint: MakeEndpoint, text: str) -> None:
        endpoint = make_endpoint(name="Billing")
        assert led_to(admin_client, text) == f"/admin/endpoints/endpoint/{endpoint.uid}/change/"

    def test_a_link_and_a_project(self, admin_client: Client, project: Project) -> None:
        link = create_portal_link(project.uid, name="Birch, embedded", owner_id="birch").link
        assert led_to(admin_client, "Birch, emb") == f"/admin/portal_links/portallink/{link.uid}/change/"
        assert led_to(admin_client, "Orders") == f"/admin/projects/project/{project.uid}/change/"


class TestSeveral:
    def test_they_are_grouped(self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint) -> None:
        make_endpoint(owner_id="acme", name="acme billing")
        make_endpoint(owner_id="acme-2", name="other")
        create_portal_link(project.uid, name="acme portal", owner_id="acme")
        shown = listed(admin_client, "acm")
        assert [part in shown for part in ("Customers", "Endpoints", "Portal links", "Projects")] == [
            *(True, True, True, False)
        ]
        for text in (">acme</a>", ">acme-2</a>", ">acme billing</a>", ">acme portal</a>"):
            assert text in shown
        assert ">other</a>" not in shown

    def test_one_owner_of_two_projects_is_a_choice(
        self, admin_client: Client, project: Project, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        make_endpoint(owner_id="acme")
        make_endpoint(owner_id="acme", project_id=other_project.uid)
        shown = listed(admin_client, "acme")
        for found in (project, other_project):
            assert f"/admin/customers/{found.uid}/acme/" in shown
            assert found.name in shown

    @pytest.mark.slow
    def test_what_is_gone_is_not_found(
        self, admin_client: Client, project: Project, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        gone = make_endpoint(owner_id="acme", name="acme gone")
        delete_endpoint(project.uid, gone.uid)
        link = create_portal_link(project.uid, name="acme link", owner_id="acme").link
        revoke_portal_link(project.uid, link.uid)
        make_endpoint(owner_id="acme", name="acme elsewhere", project_id=other_project.uid)
        delete_project(other_project.uid)
        for text in ("acme", gone.uid, link.uid, other_project.uid):
            assert "Nothing was found" in listed(admin_client, text)

    def test_each_kind_is_bounded(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        for number in range(MOST + 3):
            make_endpoint(owner_id=f"acme-{number:02}", name=f"acme {number:02}")
        shown = listed(admin_client, "acme")
        assert shown.count("/admin/customers/") == MOST
        assert shown.count("/admin/endpoints/endpoint/") == MOST
        assert f"The first {MOST}." in shown

    @pytest.mark.parametrize("text", ["%", "_", "\\", "'", "\x00", "", " ", "acme%", HOSTILE, "x" * 5_000])
    def test_odd_texts_find_nothing(self, admin_client: Client, make_endpoint: MakeEndpoint, text: str) -> None:
        make_endpoint(owner_id="acme", name="acme")
        response = admin_client.get(SEARCH, {"q": text})
        assert response.status_code == 200
        assert "acme</a>" not in response.content.decode()
        assert HOSTILE not in response.content.decode()

    @pytest.mark.slow
    def test_the_statements_do_not_grow(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        numbers = []
        for start in (0, 1):
            for number in range(start * 8, start * 8 + 8):
                make_endpoint(owner_id=f"acme-{number}", name=f"acme {number}")
            with CaptureQueriesContext(connection) as made:
                listed(admin_client, "acme")
            numbers.append(len(made))
        assert numbers[0] == numbers[1] <= 20

    @pytest.mark.django_db(transaction=True)
    def test_what_takes_too_long_is_given_up(
        self, admin_client: Client, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A lock on the table stands for rows that take long to find."""
        monkeypatch.setattr(search_page, "SECONDS", 0.2)
        make_endpoint(owner_id="acme")
        with locked(Endpoint):
            shown = listed(admin_client, "acme")
        assert "The search was given up" in shown


class TestRights:
    def test_nobody_finds_what_they_may_not_see(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint(owner_id="acme", name="acme")
        delivery = make_delivery(endpoint)
        create_portal_link(project.uid, name="acme", owner_id="acme")
        client = staff("view_portallink")
        shown = listed(client, "acme") if not led_to(client, "acme") else led_to(client, "acme")
        assert shown.startswith("/admin/portal_links/portallink/")
        for uid in (endpoint.uid, delivery.uid, delivery.event_id, project.uid):
            assert "Nothing was found" in listed(client, uid)
