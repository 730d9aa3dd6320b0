"""The signature debugger on the Test page: what it may compare with, and what it tells nobody."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from endpoints.models import Endpoint
from events.models import EventDelivery
from outbound.signatures import standard_headers
from portal_links.capabilities import EVERYTHING, VIEW_PAYLOADS
from projects.models import Project
from tests.portal.customers import OWNER, SECRET, Customer, MakeEndpoint
from tests.statements import nothing_changes

Login = Callable[..., Customer]
ODD = ["\0", "a\0b", "\U0001f984", "'", "\\", "x" * 5_000]


@pytest.fixture
def path(endpoint: Endpoint) -> str:
    return f"endpoints/{endpoint.uid}/test"


def newest() -> EventDelivery:
    found = EventDelivery.objects.order_by("pk").last()
    assert found is not None
    return found


class TestDebugger:
    @pytest.fixture
    def sent(self, login: Login, path: str) -> EventDelivery:
        login().post(path, type="a", body='{"id":1}')
        return newest()

    def check(self, customer: Customer, endpoint: Endpoint, **form: str) -> str:
        response = customer.post(f"endpoints/{endpoint.uid}/debug", **form)
        assert response.status_code == 200
        return str(response.content.decode())

    def headers(self, sent: EventDelivery, secret: str = SECRET) -> str:
        now = int(sent.created_at.timestamp())
        signed = standard_headers(b'{"id":1}', message_id=sent.uid, timestamp=now, secrets=[secret])
        return "\n".join(f"{name}: {value}" for name, value in signed.items())

    def test_right(self, login: Login, endpoint: Endpoint, sent: EventDelivery) -> None:
        html = self.check(login(), endpoint, hdr=self.headers(sent), raw='{"id":1}', which="ours")
        assert "The signature is right." in html
        assert "a test event to this endpoint" in html
        assert SECRET not in html

    def test_a_body_that_was_written_again(self, login: Login, endpoint: Endpoint, sent: EventDelivery) -> None:
        html = self.check(login(), endpoint, hdr=self.headers(sent), raw='{"id": 1}', which="ours")
        assert "The body was changed before it was checked." in html
        assert "at byte 7: a space" in html
        assert '{&quot;id&quot;:<span class="off">·</span>1}' in html

    @pytest.mark.slow
    def test_without_payloads_nothing_sent_is_shown(
        self, login: Login, endpoint: Endpoint, sent: EventDelivery
    ) -> None:
        customer = login(EVERYTHING - {VIEW_PAYLOADS})
        html = self.check(customer, endpoint, hdr=self.headers(sent), raw='{"x": 1}', which="ours")
        assert "Where they differ" not in html
        assert "&quot;id&quot;" not in html
        html = self.check(customer, endpoint, hdr=self.headers(sent), raw='{"id": 1}', which="ours")
        assert "The body was changed before it was checked." in html

    def test_a_pasted_secret_is_neither_answered_nor_stored(
        self, login: Login, endpoint: Endpoint, sent: EventDelivery, caplog: pytest.LogCaptureFixture
    ) -> None:
        customer = login()
        self.check(customer, endpoint)
        with nothing_changes(), caplog.at_level(0):
            html = self.check(
                customer, endpoint, hdr=self.headers(sent), raw='{"id":1}', which="mine", secret="pasted <b>"
            )
        assert "Your server uses another secret." in html
        assert "pasted" not in html
        assert "pasted" not in caplog.text

    def test_another_endpoint(
        self, login: Login, endpoint: Endpoint, sent: EventDelivery, make_endpoint: MakeEndpoint
    ) -> None:
        other = make_endpoint(owner_id=OWNER, name="<i>Warehouse", secret="w")
        html = self.check(login(), other, hdr=self.headers(sent), raw='{"id":1}', which="ours")
        assert "The request was signed with another endpoint’s secret." in html
        assert "We sent" in html
        assert "Orders in" in html

    def test_deliveries_and_secrets_of_other_customers_are_unknown(
        self, login: Login, project: Project, endpoint: Endpoint, make_endpoint: MakeEndpoint, sent: EventDelivery
    ) -> None:
        other = make_endpoint(owner_id="globex", name="Of globex", secret="of globex")
        EventDelivery.objects.filter(pk=sent.pk).update(endpoint=other)
        html = self.check(login(), endpoint, hdr=self.headers(sent, "of globex"), raw='{"id": 1}', which="ours")
        assert "We don’t know" in html
        assert "globex" not in html
        assert "Where they differ" not in html

    LONG: dict[str, dict[str, str]] = {
        "headers": {"hdr": "a" * 20_000},
        "body": {"raw": "a" * 300_000},
        "secret": {"secret": "a" * 600},
    }

    @pytest.mark.parametrize("name", LONG)
    def test_too_much(self, login: Login, endpoint: Endpoint, name: str) -> None:
        assert "too long to check" in self.check(login(), endpoint, **self.LONG[name])

    @pytest.mark.parametrize("text", ODD)
    def test_no_text(self, login: Login, endpoint: Endpoint, text: str) -> None:
        form: dict[str, Any] = {"hdr": f"webhook-id: {text}", "raw": text, "which": "mine", "secret": text}
        self.check(login(), endpoint, **form)
        hdr = f"webhook-id: a\0b\nwebhook-timestamp: 1\nwebhook-signature: v1,{text}"
        self.check(login(), endpoint, hdr=hdr, raw=text)

    def test_a_form_is_compared_as_it_is_sent(self, login: Login, endpoint: Endpoint, sent: EventDelivery) -> None:
        Endpoint.objects.update(content_type="application/x-www-form-urlencoded")
        now = int(sent.created_at.timestamp())
        signed = standard_headers(b"id=1", message_id=sent.uid, timestamp=now, secrets=[SECRET])
        hdr = orjson.dumps(signed).decode().strip("{}").replace(",webhook", "\nwebhook").replace('","', '"\n"')
        assert "The signature is right." in self.check(login(), endpoint, hdr=hdr, raw="id=1", which="ours")
