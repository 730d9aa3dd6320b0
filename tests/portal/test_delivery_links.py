"""Links that show one delivery: made by a customer, opened by whoever holds them."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from endpoints.models import Endpoint
from events.models import EventDelivery
from outbound.states import Status
from portal_links.capabilities import EVERYTHING, READ_ONLY, VIEW_PAYLOADS
from portal_links.models import DeliveryLink, PortalSession
from projects.models import Project
from projects.operations import delete_project
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.portal.customers import OWNER, Customer, MakeEndpoint, mint
from tests.statements import nothing_changes

Login = Callable[..., Customer]


@pytest.fixture
def delivery(endpoint: Endpoint) -> EventDelivery:
    event = make_event(endpoint.project_id, data='{"invoice":991.25}')
    row = make_delivery(endpoint, Status.FAILURE, event=event)
    make_attempt(row, status=False, response_data="their answer")
    return row


def share(customer: Customer, delivery: EventDelivery) -> str:
    """The token of a new link, out of the address that the page shows."""
    html = customer.post(f"deliveries/{delivery.uid}/share").content.decode()
    found = re.search(r"http://[^<]*/portal/(\w+)/shared#token=(PDL\.\w+)", html)
    assert found
    assert found[1] == delivery.project_id
    return found[2]


def opened(project: Project, token: str, path: str = "shared", *, htmx: bool = True) -> Any:
    """The answer to whoever holds a link."""
    headers = {"Authorization": f"Bearer {token}"} | ({"HX-Request": "true"} if htmx else {})
    return Client().get(f"/portal/{project.uid}/{path}", headers=headers)


class TestOpening:
    def test_it_shows_the_delivery_and_nothing_to_click(
        self, login: Login, project: Project, delivery: EventDelivery
    ) -> None:
        token = share(login(), delivery)
        with nothing_changes():
            response = opened(project, token)
        assert response.status_code == 200
        html = response.content.decode()
        assert "Given up after" in html
        assert "their answer" in html
        assert '<span class="n">991.25</span>' in html
        for word in ("Retry now", "Share…", "hx-post", "Copy as curl", "<form", "/endpoints/", 'href="/portal/'):
            assert (word in html) is (word == "Copy as curl"), word
        assert "data-alone" in html

    def test_it_opens_no_other_page_and_no_api(self, login: Login, project: Project, delivery: EventDelivery) -> None:
        token = share(login(), delivery)
        other = make_delivery(delivery.endpoint)
        with nothing_changes():
            for path in (
                *("", "deliveries", f"deliveries/{delivery.uid}", f"deliveries/{other.uid}", "endpoints/new"),
                *(f"deliveries/{delivery.uid}/payload", f"endpoints/{delivery.endpoint_id}"),
            ):
                assert opened(project, token, path).status_code == 401, path
            headers = {"Authorization": f"Bearer {token}"}
            assert Client().get("/portal-api/eventdeliveries", headers=headers).status_code == 401
            assert (
                Client().post(f"/portal/{project.uid}/deliveries/{delivery.uid}/retry", headers=headers).status_code
                == 401
            )
            assert Client().post(f"/portal/{project.uid}/shared", headers=headers).status_code == 405

    def test_a_browser_gets_the_shell_first(self, project: Project) -> None:
        response = Client().get(f"/portal/{project.uid}/shared")
        assert response.status_code == 200
        assert "Loading" in response.content.decode()

    @pytest.mark.slow
    def test_it_follows_the_delivery(self, login: Login, project: Project, delivery: EventDelivery) -> None:
        EventDelivery.objects.update(status=Status.RETRY)
        token = share(login(), delivery)
        found = re.search(r'data-poll hx-get="/portal/\w+/([^"]+)"', opened(project, token).content.decode())
        assert found
        assert opened(project, token, found[1]).status_code == 204
        EventDelivery.objects.update(status=Status.SUCCESS)
        assert "Delivered" in opened(project, token, found[1]).content.decode()


class TestTheEnd:
    def check_ended(self, project: Project, token: str) -> None:
        response = opened(project, token)
        assert response.status_code == 404
        html = response.content.decode()
        assert "This link has ended" in html
        assert "invoice" not in html

    @pytest.mark.parametrize("token", ["PDL.unknown", "nonsense", "PDL.\u00e4", "PST.x"])
    def test_unknown(self, project: Project, token: str) -> None:
        self.check_ended(project, token)

    def test_a_customers_own_token_is_none(self, project: Project, delivery: EventDelivery) -> None:
        self.check_ended(project, mint(project).secret)

    def test_expired(self, login: Login, project: Project, delivery: EventDelivery) -> None:
        token = share(login(), delivery)
        link = DeliveryLink.objects.get()
        assert link.expires_at == PortalSession.objects.get().expires_at < link.created_at + timedelta(hours=24)
        DeliveryLink.objects.update(expires_at=timezone.now() - timedelta(hours=1))
        self.check_ended(project, token)

    def test_it_works_for_a_day_where_the_maker_has_access_for_longer(
        self, project: Project, delivery: EventDelivery
    ) -> None:
        customer = Customer(project, mint(project, lifetime=timedelta(days=7)).secret)
        token = share(customer, delivery)
        link = DeliveryLink.objects.get()
        assert link.expires_at - link.created_at == timedelta(hours=24)
        DeliveryLink.objects.update(expires_at=timezone.now() - timedelta(hours=1))
        self.check_ended(project, token)

    @pytest.mark.slow
    def test_ended_by_its_maker(self, login: Login, project: Project, delivery: EventDelivery) -> None:
        customer = login()
        token = share(customer, delivery)
        link = DeliveryLink.objects.get()
        assert f"deliveries/{delivery.uid}/links/{link.uid}/end" in customer.html(f"deliveries/{delivery.uid}")
        response = customer.post(f"deliveries/{delivery.uid}/links/{link.uid}/end")
        assert "The link has ended." in response.content.decode()
        self.check_ended(project, token)
        assert customer.post(f"deliveries/{delivery.uid}/links/{link.uid}/end").status_code == 404
        assert "/links/" not in customer.html(f"deliveries/{delivery.uid}")

    def test_the_delivery_is_no_longer_kept(self, login: Login, project: Project, delivery: EventDelivery) -> None:
        token = share(login(), delivery)
        delivery.attempts.all().delete()
        delivery.delete()
        self.check_ended(project, token)

    def test_of_another_project(self, login: Login, other_project: Project, delivery: EventDelivery) -> None:
        self.check_ended(other_project, share(login(), delivery))

    def test_the_project_is_deleted(self, login: Login, project: Project, delivery: EventDelivery) -> None:
        token = share(login(), delivery)
        delete_project(project.uid)
        assert opened(project, token).status_code == 404


class TestPayloads:
    def test_a_maker_who_may_not_see_them(self, login: Login, project: Project, delivery: EventDelivery) -> None:
        html = opened(project, share(login(EVERYTHING - {VIEW_PAYLOADS}), delivery)).content.decode()
        assert "991.25" not in html
        assert "their answer" not in html
        assert "Copy as curl" not in html
        assert "503 Service Unavailable" in html

    def test_a_project_that_hides_them(self, login: Login, project: Project, delivery: EventDelivery) -> None:
        token = share(login(), delivery)
        Project.objects.update(portal_hides_payloads=True)
        assert "991.25" not in opened(project, token).content.decode()


class TestMaking:
    def test_a_viewer_may(self, login: Login, project: Project, delivery: EventDelivery) -> None:
        assert opened(project, share(login(READ_ONLY), delivery)).status_code == 200

    def test_the_token_is_not_stored(self, login: Login, delivery: EventDelivery) -> None:
        token = share(login(), delivery)
        link = DeliveryLink.objects.get()
        assert token.encode() not in bytes(link.token_digest)
        assert link.made_by["kind"] == "portal_session"
        assert link.customer == f"owner:{OWNER}"

    def test_another_customers_link_is_not_shown(
        self, login: Login, project: Project, delivery: EventDelivery, make_endpoint: MakeEndpoint
    ) -> None:
        share(login(), delivery)
        DeliveryLink.objects.update(customer="")
        link, customer = DeliveryLink.objects.get(), login()
        assert "/links/" not in customer.html(f"deliveries/{delivery.uid}")
        assert customer.post(f"deliveries/{delivery.uid}/links/{link.uid}/end").status_code == 404
        link.refresh_from_db()
        assert link.revoked_at is None
