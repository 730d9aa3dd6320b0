"""Sending all failed deliveries of a list again."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from deliveries.batch_retry import work_off
from endpoints.models import Endpoint
from events.models import BatchRetry, EventDelivery
from outbound.states import Status
from portal_links.capabilities import CREATE_ATTEMPTS, EVERYTHING, READ_ONLY, VIEW
from tests.deliveries.rows import make_delivery, make_event
from tests.portal.customers import OWNER, Customer, MakeEndpoint
from tests.statements import nothing_changes

Login = Callable[..., Customer]


@pytest.fixture
def customer(login: Login) -> Customer:
    return login()


def question(html: str) -> dict[str, str]:
    """The fields of the form in the dialog."""
    form = re.search(r'<form method="post" action="[^"]*/deliveries/retry".*?</form>', html, re.S)
    assert form, html
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0]))


def scheduled() -> set[str]:
    """The deliveries that are sent again once the workers have done the batch."""
    while work_off():
        pass
    return set(EventDelivery.objects.filter(status=Status.SCHEDULED).values_list("pk", flat=True))


class TestTheQuestion:
    def test_all_to_one_endpoint(self, customer: Customer, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint(owner_id=OWNER, name="Storefront", rate_limit=20, rate_limit_duration=1)
        for _ in range(2):
            make_delivery(endpoint, Status.FAILURE)
        html = customer.html("deliveries", status="failed")
        assert "<strong>2 failed deliveries</strong> match these filters, all to Storefront." in html
        assert "Retry 2 failed deliveries…" in html
        assert "rate limit of 20 per second" in html
        assert question(html)["count"] == "2"

    def test_to_several(self, customer: Customer, make_endpoint: MakeEndpoint) -> None:
        for _ in range(2):
            make_delivery(make_endpoint(owner_id=OWNER), Status.FAILURE)
        html = customer.html("deliveries", status="failed")
        assert "<strong>2 failed deliveries</strong> match these filters." in html
        assert "the rate limit of its endpoint" in html

    @pytest.mark.parametrize(
        ("status", "words"), [("paused", "They are sent when it is resumed."), ("inactive", "Enable it first")]
    )
    def test_a_warning(self, customer: Customer, endpoint: Endpoint, status: str, words: str) -> None:
        make_delivery(endpoint, Status.FAILURE)
        Endpoint.objects.update(status=status)
        assert words in customer.html("deliveries", status="failed")

    @pytest.mark.parametrize("query", [{}, {"status": "delivered"}, {"status": "failed", "q": "nothing"}])
    def test_only_of_failed_ones(self, customer: Customer, endpoint: Endpoint, query: dict[str, str]) -> None:
        make_delivery(endpoint, Status.FAILURE)
        assert "deliveries/retry" not in customer.html("deliveries", **query)

    def test_tests_do_not_count(self, customer: Customer, endpoint: Endpoint) -> None:
        make_delivery(endpoint, Status.FAILURE, test="test")
        make_delivery(endpoint, Status.FAILURE)
        assert question(customer.html("deliveries", status="failed"))["count"] == "1"


class TestRetrying:
    def test_what_was_shown_is_sent_again(
        self, customer: Customer, endpoint: Endpoint, make_endpoint: MakeEndpoint
    ) -> None:
        failed = {make_delivery(endpoint, Status.FAILURE).uid for _ in range(3)}
        make_delivery(endpoint, Status.FAILURE, at=timezone.now() - timedelta(days=2))  # before the period
        make_delivery(endpoint, Status.FAILURE, test="test")
        make_delivery(endpoint, Status.DISCARDED)
        make_delivery(make_endpoint(owner_id="globex"), Status.FAILURE)
        asked = question(customer.html("deliveries", status="failed"))
        make_delivery(endpoint, Status.FAILURE, at=timezone.now() + timedelta(seconds=5))  # after the question
        response = customer.post("deliveries/retry", **asked)
        assert response.status_code == 200
        assert "Retried 0 of 3" in response.content.decode()
        assert scheduled() == failed
        assert BatchRetry.objects.get().retried == 3

    @pytest.mark.parametrize("where", ["endpoint", "type", "group", "key"])
    def test_the_filters_hold(
        self, customer: Customer, endpoint: Endpoint, make_endpoint: MakeEndpoint, where: str
    ) -> None:
        other = make_endpoint(owner_id=OWNER)
        event = make_event(endpoint.project_id, event_type="order.paid", idempotency_key="k")
        wanted = make_delivery(endpoint, Status.FAILURE, event=event)
        make_delivery(other, Status.FAILURE)
        filters: dict[str, dict[str, str]] = {
            "endpoint": {"endpoint": endpoint.uid},
            "type": {"type": "order.paid"},
            "group": {"type": "order.*"},
            "key": {"q": "k"},
        }
        asked = question(customer.html("deliveries", status="failed", **filters[where]))
        assert asked["count"] == "1"
        assert customer.post("deliveries/retry", **asked).status_code == 200
        assert scheduled() == {wanted.uid}

    def test_on_the_page_of_an_endpoint(
        self, customer: Customer, endpoint: Endpoint, make_endpoint: MakeEndpoint
    ) -> None:
        wanted = make_delivery(endpoint, Status.FAILURE)
        make_delivery(make_endpoint(owner_id=OWNER), Status.FAILURE)
        asked = question(customer.html(f"endpoints/{endpoint.uid}/deliveries", status="failed"))
        assert customer.post("deliveries/retry", **asked).status_code == 200
        assert scheduled() == {wanted.uid}

    def test_another_number_is_refused_and_asked_about(self, customer: Customer, endpoint: Endpoint) -> None:
        rows = [make_delivery(endpoint, Status.FAILURE) for _ in range(3)]
        asked = question(customer.html("deliveries", status="failed"))
        EventDelivery.objects.filter(pk=rows[0].pk).update(status=Status.SUCCESS)
        response = customer.post("deliveries/retry", **asked)
        assert response.status_code == 409
        html = response.content.decode()
        assert "Nothing was sent: meanwhile 2 deliveries have failed." in html
        assert BatchRetry.objects.count() == 0
        assert customer.post("deliveries/retry", **question(html)).status_code == 200
        assert scheduled() == {row.uid for row in rows[1:]}

    @pytest.mark.parametrize("count", ["", "0", "-1", "x", "\uff12", "9" * 40])
    def test_no_number(self, customer: Customer, endpoint: Endpoint, count: str) -> None:
        make_delivery(endpoint, Status.FAILURE)
        asked = question(customer.html("deliveries", status="failed"))
        assert customer.post("deliveries/retry", **asked | {"count": count}).status_code == 409
        assert BatchRetry.objects.count() == 0

    @pytest.mark.slow
    def test_one_at_a_time(self, customer: Customer, endpoint: Endpoint) -> None:
        make_delivery(endpoint, Status.FAILURE)
        asked = question(customer.html("deliveries", status="failed"))
        assert customer.post("deliveries/retry", **asked).status_code == 200
        response = customer.post("deliveries/retry", **asked)
        assert response.status_code == 409
        assert "are being retried already" in response.content.decode()
        # The page shows the one that is under way.
        assert "deliveries/retry/" in customer.html("deliveries", status="failed")


class TestProgress:
    def test_until_it_is_done(self, customer: Customer, endpoint: Endpoint) -> None:
        make_delivery(endpoint, Status.FAILURE)
        bar = customer.post("deliveries/retry", **question(customer.html("deliveries", status="failed")))
        found = re.search(r'hx-get="([^"]+)"', bar.content.decode())
        assert found
        assert self.ask(customer, found[1]).status_code == 200
        scheduled()
        done = self.ask(customer, found[1])
        assert done.status_code == 286
        assert "1 delivery is sent again." in done.content.decode()
        # Its own poll has ended; that of the list goes on.
        assert "deliveries/retry" not in done.content.decode()

    def test_of_another_customer(self, customer: Customer, make_endpoint: MakeEndpoint, login: Login) -> None:
        batch = BatchRetry.objects.create(
            project=make_endpoint(owner_id="globex").project, customer="owner:globex", retried=12345
        )
        for path in (batch.pk, "no-such"):
            answer = customer.get(f"deliveries/retry/{path}")
            assert (answer.status_code, answer.content) == (286, b"")

    @staticmethod
    def ask(customer: Customer, url: str) -> Any:
        return customer.client.get(url, headers=customer.headers)


@pytest.mark.parametrize(
    "capabilities", [READ_ONLY, frozenset({VIEW, CREATE_ATTEMPTS}), EVERYTHING - {CREATE_ATTEMPTS}]
)
def test_who_may_not(login: Login, endpoint: Endpoint, capabilities: frozenset[str]) -> None:
    make_delivery(endpoint, Status.FAILURE)
    asked = question(login().html("deliveries", status="failed"))
    customer = login(capabilities)
    customer.get()  # its use is noted
    with nothing_changes():
        assert customer.post("deliveries/retry", **asked).status_code == 403


@pytest.mark.slow
def test_the_rows_on_the_page_change_with_it(customer: Customer, endpoint: Endpoint) -> None:
    row = make_delivery(endpoint, Status.FAILURE)
    bar = customer.post("deliveries/retry", **question(customer.html("deliveries", status="failed")))
    found = re.search(r'hx-get="([^"]+)"', bar.content.decode())
    assert found
    scheduled()
    url = found[1].replace("&amp;", "&")
    html = customer.client.get(url, headers=customer.headers).content.decode()
    assert f'<tr role="row" id="d-{row.uid}" hx-swap-oob="true">' in html
    assert "Scheduled" in html
    # From then on the list's own poll watches it.
    poll = re.search(r'id="poll"[^>]* hx-get="([^"]+)"', html)
    assert poll
    assert f"ids={row.uid}" in poll[1]
    assert "of=" not in poll[1]
