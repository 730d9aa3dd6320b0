"""Alerts: chosen on the settings page, raised by a worker's chore once each, and sent by the worker."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from activity.models import Activity
from core.chores import CHORES
from endpoints.models import AlertSettings, Endpoint, Notification
from endpoints.operations import delete_endpoint, update_endpoint
from engine.notifications import ALERT_HEADER, NO_CHANNEL, send_due
from portal.alert_addresses import MOST_MAILS
from portal.alerts import PAUSE_SECONDS, raise_alerts
from portal_links.capabilities import EVERYTHING, MANAGE_ENDPOINT, READ_ONLY, VIEW_SECRET
from projects.models import Project
from subscriptions.operations import create_subscription
from tests.outbound.receivers import Receiver
from tests.pools import with_outbound
from tests.portal.alerts import ALL, choose, fails, told, works
from tests.portal.customers import Customer, MakeEndpoint
from tests.statements import nothing_changes, statements

Login = Callable[..., Customer]


@pytest.fixture
def endpoint(project: Project, make_endpoint: MakeEndpoint) -> Endpoint:
    endpoint = make_endpoint(owner_id="acme", name="Orders in")
    create_subscription(project.uid, name="All", endpoint_id=endpoint.uid)
    return endpoint


@pytest.fixture
def path(endpoint: Endpoint) -> str:
    return f"endpoints/{endpoint.uid}/alerts"


class TestRaising:
    @pytest.mark.slow
    def test_each_once(self, endpoint: Endpoint) -> None:
        choose(endpoint, email="ops@acme.example")
        assert raise_alerts() == PAUSE_SECONDS
        assert told() == []
        fails(endpoint)
        for _ in range(3):
            raise_alerts()
        assert told() == [("failing", "email")]
        works(endpoint)
        for _ in range(3):
            raise_alerts()
        assert told() == [("failing", "email"), ("recovered", "email")]
        fails(endpoint)
        raise_alerts()
        assert told()[2:] == [("failing", "email")]

    def test_the_sentence_of_the_page_and_a_link(self, project: Project, endpoint: Endpoint, login: Login) -> None:
        choose(endpoint, email="ops@acme.example")
        fails(endpoint)
        raise_alerts()
        sent = Notification.objects.get()
        assert sent.subject == "Orders in is failing"
        sentence, link = sent.text.split("\n")
        assert sentence.startswith("Orders in: Failing since ")
        assert "404 Not Found" in sentence
        assert "Your server is there, but knows nothing at this path. Has it moved?" in sentence
        assert "<" not in sentence
        assert link.endswith(f"/portal/{project.uid}/endpoints/{endpoint.uid}")
        assert "Your server is there, but knows nothing at this path." in login().html(f"endpoints/{endpoint.uid}")

    def test_disabled_and_enabled(self, endpoint: Endpoint) -> None:
        choose(endpoint, slack="https://hooks.slack.com/x", hook="https://alerts.acme.example/in")
        Endpoint.objects.filter(pk=endpoint.pk).update(status="inactive")
        raise_alerts()
        assert told() == [("disabled", "slack"), ("disabled", "hook")]
        # To be enabled is not to work again: that takes a delivery.
        Endpoint.objects.filter(pk=endpoint.pk).update(status="active")
        raise_alerts()
        assert len(told()) == 2
        works(endpoint)
        raise_alerts()
        assert told()[2:] == [("recovered", "slack"), ("recovered", "hook")]

    def test_failing_and_then_disabled(self, endpoint: Endpoint) -> None:
        choose(endpoint, email="ops@acme.example")
        fails(endpoint)
        raise_alerts()
        Endpoint.objects.filter(pk=endpoint.pk).update(status="inactive")
        raise_alerts()
        assert told() == [("failing", "email"), ("disabled", "email")]

    def test_only_what_was_chosen(self, endpoint: Endpoint) -> None:
        choose(endpoint, on=["recovered"], email="ops@acme.example")
        fails(endpoint)
        raise_alerts()
        assert told() == []
        works(endpoint)
        raise_alerts()
        assert told() == [("recovered", "email")]

    def test_pausing_is_no_news(self, endpoint: Endpoint) -> None:
        choose(endpoint, email="ops@acme.example")
        fails(endpoint)
        Endpoint.objects.filter(pk=endpoint.pk).update(status="paused")
        raise_alerts()
        assert told() == []

    def test_a_deleted_endpoint(self, project: Project, endpoint: Endpoint) -> None:
        choose(endpoint, email="ops@acme.example")
        fails(endpoint)
        delete_endpoint(project.uid, endpoint.uid)
        raise_alerts()
        assert [alert for alert, _ in told() if alert] == []

    @pytest.mark.slow
    def test_more_than_go_together(
        self, project: Project, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("portal.alerts.TOGETHER", 2)
        for number in range(5):
            made = make_endpoint(owner_id="acme", name=f"E{number}")
            create_subscription(project.uid, name="All", endpoint_id=made.uid)
            choose(made, email="ops@acme.example")
            fails(made)
        raise_alerts()
        assert told() == [("failing", "email")] * 5

    def test_a_name_with_line_breaks(self, endpoint: Endpoint) -> None:
        Endpoint.objects.filter(pk=endpoint.pk).update(name="a\r\nBcc: x@y.example <b>")
        choose(endpoint, email="ops@acme.example")
        fails(endpoint)
        raise_alerts()
        assert Notification.objects.get().subject == "a Bcc: x@y.example <b> is failing"

    @pytest.mark.slow
    def test_a_look_is_bounded_and_the_next_one_goes_on(
        self, project: Project, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("portal.alerts.TOGETHER", 2)
        monkeypatch.setattr("portal.alerts.MOST_IN_A_LOOK", 4)
        for number in range(7):
            made = make_endpoint(owner_id="acme", name=f"E{number}")
            create_subscription(project.uid, name="All", endpoint_id=made.uid)
            choose(made, hook="https://alerts.acme.example/in")
            fails(made)
        for number in (4, 7, 7):
            assert raise_alerts() == PAUSE_SECONDS
            assert len(told()) == number

    def test_what_is_well_is_not_read(self, endpoint: Endpoint) -> None:
        choose(endpoint, hook="https://alerts.acme.example/in")
        works(endpoint)
        with statements() as made:
            raise_alerts()
        assert made == ["SELECT", "SELECT endpoints_alertsettings", "SELECT endpoints_alertsettings"]

    @pytest.mark.slow
    def test_mails_about_an_endpoint_are_bounded_by_day(self, endpoint: Endpoint) -> None:
        choose(endpoint, email="ops@acme.example", hook="https://alerts.acme.example/in")
        for _ in range(MOST_MAILS):
            fails(endpoint)
            raise_alerts()
            works(endpoint)
            raise_alerts()
        mails = [channel for _, channel in told()]
        assert (mails.count("email"), mails.count("hook")) == (MOST_MAILS, 2 * MOST_MAILS)

    def test_statements_without_a_choice(self, endpoint: Endpoint) -> None:
        fails(endpoint)
        with statements() as made:
            raise_alerts()
        assert made == ["SELECT", "SELECT endpoints_alertsettings"]

    def test_workers_do_it(self) -> None:
        assert raise_alerts in CHORES


@pytest.mark.django_db(transaction=True)
class TestSending:
    @pytest.fixture
    def receiver(self) -> Any:
        with Receiver() as receiver:
            yield receiver

    def send(self) -> None:
        with_outbound(send_due)

    def test_a_webhook_of_the_customers_own(self, endpoint: Endpoint, receiver: Receiver) -> None:
        choose(endpoint, hook=receiver.url("/alerts"))
        fails(endpoint)
        raise_alerts()
        self.send()
        [request] = receiver.wait_for(1)
        sent = Notification.objects.get()
        body = json.loads(request.body)
        assert request.header(ALERT_HEADER) == "failing"
        assert (body["type"], body["id"], body["subject"]) == ("endpoint.failing", sent.uid, "Orders in is failing")
        assert body["endpoint"] == {"id": endpoint.uid, "name": "Orders in"}
        assert body["text"] == sent.text
        assert sent.sent_at is not None

    def test_the_chat_that_was_chosen_and_not_that_of_the_endpoint(
        self, endpoint: Endpoint, receiver: Receiver
    ) -> None:
        Endpoint.objects.update(slack_webhook_url=receiver.url("/theirs"), support_email="x@example.com")
        choose(endpoint, slack=receiver.url("/slack"))
        fails(endpoint)
        raise_alerts()
        self.send()
        [request] = receiver.wait_for(1)
        assert request.path == "/slack"
        assert "knows nothing at this path" in request.body.decode()

    def test_a_choice_that_was_withdrawn(self, endpoint: Endpoint, receiver: Receiver) -> None:
        choose(endpoint, hook=receiver.url("/alerts"))
        fails(endpoint)
        raise_alerts()
        AlertSettings.objects.all().delete()
        self.send()
        assert Notification.objects.get().error == NO_CHANNEL


class TestForm:
    GOOD = {"on": ["failing"], "email": "ops@acme.example", "hook": "https://alerts.acme.example/in"}

    @pytest.mark.slow
    def test_saved_and_shown(self, login: Login, path: str, endpoint: Endpoint) -> None:
        customer = login()
        response = customer.post(path, **self.GOOD)
        assert response.status_code == 200
        assert "Your choice of alerts was saved." in response.content.decode()
        html = customer.html(f"endpoints/{endpoint.uid}/settings")
        assert 'value="failing" id="on-failing" checked' in html
        assert 'value="disabled" id="on-disabled">' in html
        assert 'value="ops@acme.example"' in html
        assert 'value="https://alerts.acme.example/in"' in html
        assert Activity.objects.filter(verb="endpoint.updated", changes={"alerts": [None, None]}).count() == 1

    def test_the_index_of_the_page_leads_to_it(self, login: Login, path: str, endpoint: Endpoint) -> None:
        leads, place = '<a href="#alert-settings">Alerts</a>', 'id="alert-settings"'
        for capabilities, there in ((EVERYTHING, True), (EVERYTHING - {MANAGE_ENDPOINT}, False)):
            html = login(capabilities).html(f"endpoints/{endpoint.uid}/settings")
            assert (leads in html, place in html) == (there, there)

    def test_nothing_is_sent_unless_it_is_chosen(self, login: Login, path: str, endpoint: Endpoint) -> None:
        html = login().html(f"endpoints/{endpoint.uid}/settings")
        assert not [kind for kind in ALL["on"] if f'id="on-{kind}" checked' in html]

    def test_a_new_owner_does_not_see_where_the_former_one_is_told(
        self, login: Login, path: str, project: Project, endpoint: Endpoint
    ) -> None:
        login().post(path, **self.GOOD)
        url = endpoint.url
        update_endpoint(project.uid, endpoint.uid, url=url, name="Orders in", owner_id="acme")
        assert AlertSettings.objects.get().chosen["email"] == self.GOOD["email"]
        update_endpoint(project.uid, endpoint.uid, url=url, name="Orders in", owner_id="globex")
        assert not AlertSettings.objects.exists()

    def test_off_again(self, login: Login, path: str) -> None:
        customer = login()
        customer.post(path, **self.GOOD)
        customer.post(path, email="ops@acme.example")
        assert not AlertSettings.objects.exists()

    def test_what_is_so_already_is_no_news(self, login: Login, path: str, endpoint: Endpoint) -> None:
        fails(endpoint)
        login().post(path, **self.GOOD)
        raise_alerts()
        assert told() == [("confirm", "email")]
        assert AlertSettings.objects.get().alerted == "failing"

    WRONG: dict[str, tuple[dict[str, Any], str]] = {
        "no address": ({"on": ["failing"]}, "Say where to tell you"),
        "no email": ({"on": ["failing"], "email": "ops"}, "This is not an email address."),
        "http": ({"on": ["failing"], "hook": "http://alerts.acme.example"}, "Begin with https://"),
        "private": ({"on": ["failing"], "slack": "https://10.0.0.1/x"}, "Begin with https://"),
        "long": ({"on": ["failing"], "teams": "https://a.example/" + "x" * 3_000}, "Begin with https://"),
    }

    @pytest.mark.parametrize("name", WRONG)
    def test_wrong(self, login: Login, path: str, name: str) -> None:
        form, words = self.WRONG[name]
        customer = login()
        customer.html()
        with nothing_changes():
            response = customer.post(path, **form)
        assert response.status_code == 422
        assert words in response.content.decode()

    @pytest.mark.slow
    def test_addresses_are_secrets(self, login: Login, path: str, endpoint: Endpoint) -> None:
        login().post(path, **self.GOOD)
        customer = login(EVERYTHING - {VIEW_SECRET})
        html = customer.html(f"endpoints/{endpoint.uid}/settings")
        assert "alerts.acme.example" not in html
        response = customer.post(path, on=["failing"], email="new@acme.example")
        assert "alerts.acme.example" not in response.content.decode()
        chosen = AlertSettings.objects.get().chosen
        assert (chosen["email"], chosen["hook"]) == ("new@acme.example", "https://alerts.acme.example/in")

    @pytest.mark.parametrize("capabilities", [READ_ONLY, EVERYTHING - {MANAGE_ENDPOINT}])
    def test_who_may_not(self, login: Login, path: str, capabilities: frozenset[str]) -> None:
        customer = login(capabilities)
        customer.html()
        with nothing_changes():
            assert customer.post(path, **self.GOOD).status_code == 403

    def test_an_endpoint_of_another_customer(self, login: Login, make_endpoint: MakeEndpoint) -> None:
        other, customer = make_endpoint(owner_id="globex"), login()
        customer.html()
        with nothing_changes():
            assert customer.post(f"endpoints/{other.uid}/alerts", **self.GOOD).status_code == 404
