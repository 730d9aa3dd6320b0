"""The e-mail addresses of alerts: their readers confirm them, and few are asked."""

import asyncio
from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from core.tokens import digest
from endpoints.email_addresses import is_confirmed
from endpoints.models import AlertSettings, Endpoint, Notification
from endpoints.operations import delete_endpoint
from engine import notifications
from engine.notifications import NOT_CONFIRMED, Claim
from portal.alert_addresses import MOST_ASKED
from portal.alerts import raise_alerts
from projects.models import Project
from subscriptions.operations import create_subscription
from tests.portal.alerts import choose, fails, told
from tests.portal.customers import Customer, MakeEndpoint, mint
from tests.statements import nothing_changes

Login = Callable[..., Customer]


@pytest.fixture
def endpoint(project: Project, make_endpoint: MakeEndpoint) -> Endpoint:
    endpoint = make_endpoint(owner_id="acme", name="Orders in")
    create_subscription(project.uid, name="All", endpoint_id=endpoint.uid)
    return endpoint


@pytest.fixture
def path(endpoint: Endpoint) -> str:
    return f"endpoints/{endpoint.uid}/alerts"


class TestAddress:
    """An address is written to when its reader has confirmed it, and before that once, to ask."""

    GOOD = {"on": ["failing"], "email": "Ops@acme.example"}

    def link(self) -> str:
        text = Notification.objects.filter(alert="confirm").latest("pk").text
        return str(text.split("\n")[-1]).removeprefix(settings.BASE_URL)

    def test_nothing_is_sent_before_it_is_confirmed(self, login: Login, path: str, endpoint: Endpoint) -> None:
        response = login().post(path, **self.GOOD | {"hook": "https://alerts.acme.example/in"})
        assert "We have written to this address." in response.content.decode()
        fails(endpoint)
        raise_alerts()
        assert told() == [("confirm", "email"), ("failing", "hook")]

    def test_the_mail_that_asks_holds_nothing_of_the_customers(self, login: Login, path: str) -> None:
        Endpoint.objects.update(name="Cheap watches", url="https://spam.example/")
        login().post(path, **self.GOOD)
        sent = Notification.objects.get()
        assert "watches" not in sent.subject + sent.text
        assert "spam" not in sent.subject + sent.text

    @pytest.mark.slow
    def test_opening_the_link_asks_and_the_button_confirms(
        self, login: Login, path: str, endpoint: Endpoint, client: Client
    ) -> None:
        login().post(path, **self.GOOD)
        link = self.link()
        with nothing_changes():
            page = client.get(link)
        assert (page.status_code, page["Cache-Control"]) == (200, "no-store")
        assert "Ops@acme.example" in page.content.decode()
        where, token = link.split("?token=")
        assert client.post(where, {"token": token}).status_code == 200
        html = login().html(f"endpoints/{endpoint.uid}/settings")
        assert "We have written to this address." not in html
        fails(endpoint)
        raise_alerts()
        assert told() == [("confirm", "email"), ("failing", "email")]

    @pytest.mark.slow
    def test_a_link_confirms_the_address_to_which_it_was_sent_and_no_other(
        self, login: Login, path: str, client: Client
    ) -> None:
        customer = login()
        customer.post(path, **self.GOOD)
        where, token = self.link().split("?token=")
        customer.post(path, **self.GOOD | {"email": "victim@example.com"})
        with nothing_changes():
            assert client.post(where, {"token": token}).status_code == 404

    @pytest.mark.parametrize("token", ["", "x", "0" * 64, "\u00e4"])
    def test_a_token_that_confirms_nothing(self, login: Login, path: str, client: Client, token: str) -> None:
        login().post(path, **self.GOOD)
        where = self.link().split("?token=")[0]
        with nothing_changes():
            assert client.get(where, {"token": token}).status_code == 404
            assert client.post(where, {"token": token}).status_code == 404

    def test_the_link_of_one_endpoint_is_not_that_of_another(
        self, login: Login, path: str, endpoint: Endpoint, make_endpoint: MakeEndpoint, client: Client
    ) -> None:
        login().post(path, **self.GOOD)
        where, token = self.link().split("?token=")
        other = make_endpoint(owner_id="globex")
        choose(other, email="Ops@acme.example")
        AlertSettings.objects.filter(endpoint=other).update(email_confirmed=None)
        assert client.post(where.replace(endpoint.uid, other.uid), {"token": token}).status_code == 404

    def test_a_confirmed_address_is_not_asked_for_the_customers_other_endpoints(
        self, login: Login, path: str, make_endpoint: MakeEndpoint, client: Client
    ) -> None:
        customer, other = login(), make_endpoint(owner_id="acme")
        customer.post(path, **self.GOOD)
        where, token = self.link().split("?token=")
        client.post(where, {"token": token})
        customer.post(f"endpoints/{other.uid}/alerts", **self.GOOD)
        assert told() == [("confirm", "email")]
        row = AlertSettings.objects.get(endpoint=other)
        assert is_confirmed("ops@ACME.example", row.email_confirmed)
        assert not is_confirmed("other@acme.example", row.email_confirmed)

    @pytest.mark.slow
    def test_a_customer_can_have_few_addresses_asked_in_a_day(
        self, login: Login, path: str, project: Project, endpoint: Endpoint, make_endpoint: MakeEndpoint
    ) -> None:
        customer = login()
        for number in range(MOST_ASKED):
            made = make_endpoint(owner_id="acme")
            form = {"on": ["failing"], "email": f"n{number}@example.com"}
            assert customer.post(f"endpoints/{made.uid}/alerts", **form).status_code == 200
            # Deleting endpoints gives no new allowance.
            delete_endpoint(project.uid, made.uid)
        with nothing_changes():
            response = customer.post(path, **self.GOOD)
        assert response.status_code == 422
        assert "Too many addresses were asked to confirm today." in response.content.decode()
        # Where it was asked before, the choice can change all the same.
        choose(endpoint, email=self.GOOD["email"])
        AlertSettings.objects.update(email_confirmed=None)
        assert customer.post(path, **self.GOOD | {"on": ["recovered"]}).status_code == 200
        globex = make_endpoint(owner_id="globex")
        other = Customer(project, mint(project, owner_id="globex").secret)
        assert other.post(f"endpoints/{globex.uid}/alerts", **self.GOOD).status_code == 200

    def test_the_worker_looks_at_it_again(self, endpoint: Endpoint) -> None:
        """The address may have changed since the message was queued."""
        choose(endpoint, email="ops@acme.example")
        fails(endpoint)
        raise_alerts()
        row = AlertSettings.objects.get()
        row.chosen = row.chosen | {"email": "victim@example.com"}
        row.save(update_fields=["chosen"])
        sent = Notification.objects.get()
        claim = Claim(
            *(
                sent.uid,
                "email",
                "failing",
                sent.subject,
                sent.text,
                0,
                sent.created_at,
                endpoint.uid,
                "Orders",
                "Ours",
            ),
            chosen=stored_choice(),
            confirmed=digest("ops@acme.example"),
            address="",
        )
        with pytest.raises(Exception, match=NOT_CONFIRMED):
            asyncio.run(notifications._send(None, claim))


def stored_choice() -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT chosen FROM endpoints_alertsettings")
        return bytes(cursor.fetchone()[0])
