"""The list of endpoints: a line for each, chips by status, search, pages, polls, and the steps of a first visit."""

import gzip
import random
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from endpoints.models import Endpoint, EndpointHour, EndpointState
from portal_links.capabilities import READ_ONLY
from projects.models import EventType, Project
from subscriptions.operations import create_subscription
from tests.conftest import Row
from tests.deliveries.rows import make_delivery
from tests.portal.customers import OWNER, Customer, MakeEndpoint, text_of
from tests.statements import statements

Login = Callable[..., Customer]
NAMES = re.compile(r'<a class="main cut"[^>]*>([^<]*)</a>')


@pytest.fixture
def make(make_endpoint: MakeEndpoint) -> MakeEndpoint:
    """Creates an endpoint of OWNER's that listens to some event types, by default to all."""

    def make(listens: list[str] | None = None, **fields: Any) -> Endpoint:
        endpoint = make_endpoint(owner_id=OWNER, **fields)
        chosen = {"event_types": listens or []}
        create_subscription(endpoint.project_id, name="All", endpoint_id=endpoint.uid, filter_config=chosen)
        return endpoint

    return make


@pytest.fixture
def begun(make: MakeEndpoint) -> Endpoint:
    """An endpoint to which something was delivered, so that the steps of a first visit are done."""
    endpoint = make(name="Begun")
    EndpointState.objects.create(endpoint=endpoint, last_delivered_at=timezone.now())
    return endpoint


def fail(endpoint: Endpoint, *, failed: int = 3) -> None:
    """Have the last deliveries of an endpoint fail."""
    now = timezone.now()
    EndpointState.objects.create(
        endpoint=endpoint, failed_in_a_row=failed, failing_since=now, last_failure="404", last_failure_at=now
    )
    hour = now.replace(minute=0, second=0, microsecond=0)
    EndpointHour.objects.create(endpoint=endpoint, hour=hour, answer="404", failed=failed)


def chips(html: str) -> dict[str, str]:
    return dict(re.findall(r'class="chip"[^>]*>([^<]*) <b>([^<]*)</b>', html))


def lines(html: str) -> list[str]:
    """Return the rows of the table, each as its text."""
    [table] = re.findall(r"<tbody.*?</tbody>", html, re.DOTALL)
    return [text_of(row) for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)]


class TestLines:
    def test_a_line_says_what_where_which_and_how(self, login: Login, make: MakeEndpoint, begun: Endpoint) -> None:
        failing = make(["order.paid"], name="Shop", url="https://shop.example/in")
        fail(failing, failed=61)
        first, second = lines(login().html())
        assert first == "Shop shop.example/in order.paid 61 failed Failing"
        assert second.startswith("Begun")
        assert second.endswith("All events None Active")

    def test_the_sparkline_says_its_numbers(self, login: Login, begun: Endpoint) -> None:
        hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
        EndpointHour.objects.create(endpoint=begun, hour=hour, answer="200", delivered=1284)
        html = login().html()
        assert 'aria-label="Last 24 hours: 1,284 delivered, 0 failed"' in html
        assert lines(html) == [f"Begun {begun.url.removeprefix('https://')} All events 1,284 Active"]

    def test_a_complete_group_is_one(self, login: Login, project: Project, make: MakeEndpoint, begun: Endpoint) -> None:
        for name in ("order.created", "order.paid", "ping"):
            EventType.objects.create(project=project, name=name)
        make(["order.created", "order.paid", "ping"], name="Groups")
        assert "order.* and 1 more" in login().html()

    def test_those_that_need_the_customer_come_first(self, login: Login, make: MakeEndpoint, begun: Endpoint) -> None:
        for name in ("Zebra", "alpha"):
            make(name=name)
        fail(make(name="Quagga"))
        Endpoint.objects.filter(pk=make(name="Aardvark").pk).update(status="paused")
        html = login().html()
        assert NAMES.findall(html) == ["Quagga", "alpha", "Begun", "Zebra", "Aardvark"]
        assert "5 endpoints. Those that need you come first." in html

    def test_what_a_customer_writes_is_text(self, login: Login, make: MakeEndpoint, begun: Endpoint) -> None:
        make(['"><script>alert(2)</script>'], name="<script>alert(1)</script>", url="https://x.example/<script>")
        html = login().html()
        assert "<script" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html

    def test_a_viewer_is_offered_nothing(self, login: Login, begun: Endpoint) -> None:
        html = login(READ_ONLY).html()
        assert "Begun" in html
        assert "Add endpoint" not in html


class TestChips:
    def test_each_status_that_some_have(self, login: Login, make: MakeEndpoint, begun: Endpoint) -> None:
        fail(make(name="Shop"))
        Endpoint.objects.filter(pk=make(name="Old").pk).update(status="inactive")
        assert chips(login().html()) == {"All": "3", "Failing": "1", "Active": "1", "Disabled": "1"}

    def test_a_chip_narrows_the_list(self, login: Login, make: MakeEndpoint, begun: Endpoint) -> None:
        fail(make(name="Shop"))
        html = login().html(status="failing")
        assert NAMES.findall(html) == ["Shop"]
        assert re.search(r'href="[^"]*\?status=failing" aria-current="true"', html)
        assert 'data-announce="1 endpoint"' in html

    def test_the_status_that_none_has_any_more_keeps_its_chip(self, login: Login, begun: Endpoint) -> None:
        html = login().html(status="paused")
        assert chips(html) == {"All": "1", "Active": "1", "Paused": "0"}
        assert "No endpoint has this status now." in html

    def test_a_status_that_does_not_exist_is_none(self, login: Login, begun: Endpoint) -> None:
        assert NAMES.findall(login().html(status="<b>")) == ["Begun"]

    def test_the_search_keeps_the_status_and_the_chips_the_search(
        self, login: Login, make: MakeEndpoint, begun: Endpoint
    ) -> None:
        make(name="Beta & Co")
        html = login().html(q="a & c")
        assert chips(html) == {"All": "1", "Active": "1"}
        assert "?q=a+%26+c&amp;status=active" in html


class TestPages:
    @pytest.mark.slow
    def test_fifty_a_page(self, login: Login, make_endpoint: MakeEndpoint) -> None:
        for number in range(53):
            make_endpoint(owner_id=OWNER, name=f"Number {number:02}")
        customer = login()
        first = customer.html(q="number")
        assert NAMES.findall(first) == [f"Number {number:02}" for number in range(50)]
        [after] = re.findall(r'href="[^"]*\?q=number&amp;after=(\w{26})"', first)
        second = customer.html(q="number", after=after)
        assert NAMES.findall(second) == ["Number 50", "Number 51", "Number 52"]
        assert "First page" in second
        assert "Older" not in second

    @pytest.mark.parametrize(("rows", "others"), [(1, 1), (50, 0)])
    def test_statements(self, login: Login, make: MakeEndpoint, rows: int, others: int) -> None:
        for _ in range(rows):
            make()
        customer = login()
        customer.get()
        with statements() as made:
            customer.get()
        # The session; the chips, the page, the event types, the menu's catalogue;
        # for a customer with few endpoints the newest deliveries, which decide whether the steps are shown.
        assert len(made) == 5 + others


class TestPolls:
    def seen(self, html: str) -> str:
        [seen] = re.findall(r"[?;]seen=(\w+)", html)
        return str(seen)

    def test_nothing_comes_while_nothing_changes(self, login: Login, begun: Endpoint) -> None:
        customer = login()
        response = customer.get(seen=self.seen(customer.html()))
        assert (response.status_code, response.content) == (204, b"")

    def test_a_status_changes_in_its_place(self, login: Login, make: MakeEndpoint, begun: Endpoint) -> None:
        shop = make(name="Shop")
        customer = login()
        seen = self.seen(customer.html())
        fail(shop)
        html = customer.html(seen=seen)
        assert f'id="pill-{shop.uid}" hx-swap-oob="true"' in html
        assert chips(html) == {"All": "2", "Failing": "1", "Active": "1"}
        assert "<tr" not in html
        assert customer.get(seen=self.seen(html)).status_code == 204


class TestFirstSteps:
    def current(self, html: str) -> str:
        [step] = re.findall(r'<li class="now"[^>]*>.*?<h2>(.*?)</h2>', html, re.DOTALL)
        return str(step)

    def test_add_an_endpoint(self, login: Login, project: Project) -> None:
        html = login().html()
        assert f"Receive webhooks from {project.name}" in html
        assert self.current(html) == "Add an endpoint"
        assert 'class="did"' not in html
        assert "What your server gets" in html
        assert "within <strong>10 seconds</strong>" in html
        assert "X-Convoy-Signature".lower() in html

    def test_choose_events(self, login: Login, make_endpoint: MakeEndpoint) -> None:
        make_endpoint(owner_id=OWNER, name="Bare")
        html = login().html()
        assert self.current(html) == "Choose your events"
        assert html.count('class="did"') == 1
        assert NAMES.findall(html) == ["Bare"]

    def test_send_a_test(self, login: Login, make: MakeEndpoint) -> None:
        make(name="Ready")
        html = login().html()
        assert self.current(html) == "Send a test event"
        assert html.count('class="did"') == 2

    def test_they_are_gone_after_the_first_delivery(self, login: Login, make: MakeEndpoint, row: Row) -> None:
        endpoint = make()
        with row("a test event that has failed"):
            make_delivery(endpoint, "Failure", test="test")
            assert 'class="steps"' in login().html()
        with row("a test event"):
            make_delivery(endpoint, "Success", test="test")
            assert 'class="steps"' not in login().html()
        with row("an event, which the state of the endpoint remembers"):
            EndpointState.objects.create(endpoint=endpoint, last_delivered_at=timezone.now())
            assert 'class="steps"' not in login().html()

    @pytest.mark.slow
    def test_a_customer_with_many_endpoints_has_begun(self, login: Login, make: MakeEndpoint) -> None:
        for _ in range(6):
            make()
        assert 'class="steps"' not in login().html()

    def test_a_viewer_has_none(self, login: Login) -> None:
        html = login(READ_ONLY).html()
        assert 'class="steps"' not in html
        assert "No endpoints yet" in html


@pytest.mark.slow
def test_fifty_endpoints_with_charts_fit_into_12_kilobytes(login: Login, make: MakeEndpoint) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    pick = random.Random(9)
    for number in range(50):
        endpoint = make([f"group{number}.{verb}" for verb in ("made", "paid")], name=f"Endpoint of a shop {number}")
        rows = [
            EndpointHour(
                endpoint=endpoint, hour=hour - timedelta(hours=ago), answer="200", delivered=pick.randrange(90)
            )
            for ago in range(24)
        ]
        EndpointHour.objects.bulk_create(rows)
    assert len(gzip.compress(login().html().encode())) <= 12 * 1024
