"""The list of a customer's deliveries: filters, numbers, live updates and older pages."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from deliveries import reads
from endpoints.models import Endpoint
from events import reads as event_reads
from events.models import EventDelivery
from outbound.states import Status
from portal_links.capabilities import READ_ONLY, VIEW
from projects.models import EventType, Project
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.portal.customers import OWNER, Customer, MakeEndpoint
from tests.statements import statements

Login = Callable[..., Customer]
#: The statement that finds the session, whose use was noted within the last minute.
CREDENTIAL = ["SELECT portal_links_portalsession"]
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


@pytest.fixture
def customer(login: Login) -> Customer:
    return login()


def rows(html: str) -> list[str]:
    """The ids of the deliveries on a page, in order."""
    return re.findall(r'<tr role="row" id="d-(\w+)"', html)


def chips(html: str) -> dict[str, str]:
    """The number on each chip."""
    return dict(re.findall(r'id="chip-([\w-]+)".*?>[^<]*<b>([^<]*)</b>', html))


def poll_url(customer: Customer, html: str) -> str:
    """The address that a page polls, below the customer's home."""
    found = re.search(r'id="poll"[^>]* hx-get="([^"]+)"', html)
    assert found
    return found[1].replace("&amp;", "&").removeprefix(customer.home)


def ask(customer: Customer, url: str) -> Any:
    """The answer to a request for an address of a page."""
    return customer.client.get(customer.home + url, headers=customer.headers)


class TestTheList:
    def test_newest_first_with_its_answer(self, customer: Customer, endpoint: Endpoint) -> None:
        old = make_delivery(endpoint, Status.SUCCESS, num_trials=1)
        make_attempt(old)
        new = make_delivery(endpoint, Status.FAILURE, num_trials=5, retry_limit=5)
        make_attempt(new, status=False, http_status="404 Not Found")
        html = customer.html("deliveries")
        assert rows(html) == [new.uid, old.uid]
        assert ">404 Not Found<" in html
        assert ">5 of 5<" in html
        assert "200 OK, 0 ms" in html
        assert f'href="{customer.home}deliveries/{new.uid}"' in html
        assert f'href="{customer.home}endpoints/{endpoint.uid}"' in html

    @pytest.mark.parametrize(
        ("status", "fields", "words"),
        [
            (Status.SCHEDULED, {}, "Waiting to be sent"),
            (Status.PROCESSING, {}, "Waiting for the answer"),
            (Status.DISCARDED, {"description": "the endpoint is inactive"}, "Endpoint disabled"),
            (
                Status.DISCARDED,
                {"description": "the endpoint was not active when the event came in"},
                "Paused or disabled",
            ),
            (
                Status.DISCARDED,
                {"description": "the payload of the event has been deleted"},
                "Event is no longer kept",
            ),
        ],
    )
    def test_what_has_no_answer(
        self, customer: Customer, endpoint: Endpoint, status: str, fields: dict[str, Any], words: str
    ) -> None:
        make_delivery(endpoint, status, **fields)
        assert f">{words}<" in customer.html("deliveries")

    def test_the_next_attempt(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.RETRY, next_send_time=timezone.now() + timedelta(minutes=6))
        make_attempt(row, status=False)
        assert "503, again in 6 min" in customer.html("deliveries")

    def test_a_next_attempt_that_is_due(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.RETRY, next_send_time=timezone.now())
        make_attempt(row, status=False)
        assert "503, again in a moment" in customer.html("deliveries")

    def test_no_answer_in_time(self, customer: Customer, make_endpoint: MakeEndpoint) -> None:
        row = make_delivery(make_endpoint(owner_id=OWNER, http_timeout=7), Status.FAILURE)
        error = "context deadline exceeded: no complete response within 7 seconds"
        make_attempt(row, status=False, http_status="", error=error, responded_at=None)
        assert "No answer in 7 seconds" in customer.html("deliveries")

    def test_tests_are_marked(self, customer: Customer, endpoint: Endpoint) -> None:
        make_delivery(endpoint, Status.SUCCESS, test="test")
        assert '<span class="tag">Test</span>' in customer.html("deliveries")

    def test_another_customers_are_not_shown(self, customer: Customer, make_endpoint: MakeEndpoint) -> None:
        foreign = make_delivery(make_endpoint(owner_id="globex"), Status.FAILURE)
        html = customer.html("deliveries")
        assert rows(html) == []
        assert "No deliveries in this period" in html
        for query in ({"endpoint": foreign.endpoint_id}, {"q": foreign.uid}, {"q": foreign.event_id}):
            assert rows(customer.html("deliveries", **query)) == []
        assert rows(ask(customer, f"deliveries/rows?since=0&ids={foreign.uid}").content.decode()) == []

    def test_hostile_texts(self, customer: Customer, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint(owner_id=OWNER, name=HOSTILE)
        row = make_delivery(endpoint, Status.FAILURE, event=make_event(endpoint.project_id, event_type=HOSTILE))
        make_attempt(row, status=False, http_status=f"500 {HOSTILE}")
        make_endpoint(owner_id=OWNER)
        html = customer.html("deliveries", q="", type=HOSTILE, period="7d")
        assert rows(html) == [row.uid]
        assert "<script>" not in html
        assert "<img" not in html


class TestFilters:
    @pytest.fixture
    def made(self, endpoint: Endpoint) -> dict[str, EventDelivery]:
        return {status: make_delivery(endpoint, status) for status in Status.values}

    @pytest.mark.parametrize(
        ("name", "status"),
        [("delivered", "Success"), ("retrying", "Retry"), ("failed", "Failure"), ("not-sent", "Discarded")],
    )
    def test_by_status(self, customer: Customer, made: dict[str, EventDelivery], name: str, status: str) -> None:
        html = customer.html("deliveries", status=name)
        assert rows(html) == [made[status].uid]
        assert f'id="chip-{name}" href="{customer.home}deliveries?status={name}" aria-current="true"' in html

    def test_the_numbers(self, customer: Customer, made: dict[str, EventDelivery]) -> None:
        numbers = {"all": "6", "delivered": "1", "retrying": "1", "failed": "1", "not-sent": "1"}
        assert chips(customer.html("deliveries")) == numbers
        assert chips(customer.html("deliveries", status="failed")) == numbers

    def test_by_type_and_group(self, customer: Customer, endpoint: Endpoint, project: Project) -> None:
        for name in ("order.paid", "order.created", "ordering"):
            EventType.objects.create(project=project, name=name)
            make_delivery(endpoint, Status.SUCCESS, event=make_event(project.uid, event_type=name))
        paid, created, _ = EventDelivery.objects.order_by("pk")
        html = customer.html("deliveries", type="order.*")
        assert rows(html) == [created.uid, paid.uid]
        assert '<option value="order.*" selected>' in html
        assert chips(html)["all"] == "2"
        assert rows(customer.html("deliveries", type="order.paid")) == [paid.uid]

    @pytest.mark.parametrize("most", [0, 1, 2, 1000])
    def test_by_a_type_however_many_events_have_it(
        self,
        customer: Customer,
        endpoint: Endpoint,
        make_endpoint: MakeEndpoint,
        most: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The deliveries of a rare type are found by its events, and are the same."""
        monkeypatch.setattr(event_reads, "RARE_AT_MOST", most)
        of = [make_event(endpoint.project_id, event_type=name) for name in ("rare", "rare", "other")]
        foreign = make_endpoint(owner_id="globex")
        made = [make_delivery(endpoint, Status.FAILURE, event=event) for event in (*of, of[0])]
        make_delivery(foreign, Status.FAILURE, event=of[0])
        html = customer.html("deliveries", type="rare")
        assert rows(html) == [made[3].uid, made[1].uid, made[0].uid]
        assert chips(html)["failed"] == "3"
        assert rows(customer.html("deliveries", type="rare", status="delivered")) == []
        assert rows(customer.html("deliveries", type="none")) == []

    def test_by_endpoint(self, customer: Customer, endpoint: Endpoint, make_endpoint: MakeEndpoint) -> None:
        other = make_endpoint(owner_id=OWNER, name="Other")
        wanted, unwanted = make_delivery(endpoint), make_delivery(other)
        assert rows(customer.html("deliveries", endpoint=endpoint.uid)) == [wanted.uid]
        html = customer.html(f"endpoints/{other.uid}/deliveries")
        assert rows(html) == [unwanted.uid]
        # The column and the choice are left out, and the links stay on the endpoint's page.
        assert 'class="still' not in html
        assert 'name="endpoint"' not in html
        assert f'href="{customer.home}endpoints/{other.uid}/deliveries?status=failed"' in html

    @pytest.mark.parametrize(("period", "count"), [("", 2), ("1h", 1), ("24h", 2), ("7d", 3), ("nonsense", 2)])
    def test_by_period(self, customer: Customer, endpoint: Endpoint, period: str, count: int) -> None:
        for hours in (0, 2, 30, 24 * 8):
            make_delivery(endpoint, Status.SUCCESS, at=timezone.now() - timedelta(hours=hours))
        assert len(rows(customer.html("deliveries", period=period))) == count

    def test_by_times(self, customer: Customer, endpoint: Endpoint) -> None:
        now = timezone.now().replace(microsecond=0)
        made = [make_delivery(endpoint, at=now - timedelta(days=days)) for days in (0, 10, 20)]
        start, end = (now - timedelta(days=days) for days in (15, 5))
        html = customer.html("deliveries", **{"from": f"{start:%Y-%m-%dT%H:%M}", "to": f"{end:%Y-%m-%dT%H:%M:%SZ}"})
        assert rows(html) == [made[1].uid]
        assert f'data-utc="{end:%Y-%m-%dT%H:%M:%SZ}"' in html
        # A list whose time has an end gets no new deliveries.
        assert "data-poll" not in html

    @pytest.mark.parametrize("time", ["yesterday", "0001-01-01T00:00", "9999-12-31T23:59+14:00", "1969-12-31T00:00Z"])
    def test_times_that_are_none(self, customer: Customer, endpoint: Endpoint, time: str) -> None:
        for name in ("from", "to"):
            assert customer.get("deliveries", **{name: time}).status_code == 200

    @pytest.mark.slow
    def test_a_search_by_id_and_key_finds_old_ones(self, customer: Customer, endpoint: Endpoint) -> None:
        event = make_event(endpoint.project_id, idempotency_key="inv-1")
        row = make_delivery(endpoint, event=event, at=timezone.now() - timedelta(days=30))
        make_delivery(endpoint)
        for text in (row.uid, event.uid, "inv-1", f" {row.uid} "):
            assert rows(customer.html("deliveries", q=text)) == [row.uid]
        html = customer.html("deliveries", q='"><script>')
        assert "Nothing found" in html
        assert "<script>" not in html

    def test_nothing_has_failed(self, customer: Customer, endpoint: Endpoint) -> None:
        make_delivery(endpoint, Status.SUCCESS)
        html = customer.html("deliveries", status="failed", period="1h")
        assert "No failed deliveries in this period" in html
        assert f'href="{customer.home}deliveries?status=failed&amp;period=7d"' in html


class TestOlderPages:
    def test_a_page_is_fifty(self, customer: Customer, endpoint: Endpoint) -> None:
        made = [make_delivery(endpoint, Status.SUCCESS).uid for _ in range(reads.PAGE_SIZE + 1)]
        html = customer.html("deliveries", status="delivered")
        assert rows(html) == made[:0:-1]
        assert f'href="{customer.home}deliveries?status=delivered&amp;after={made[1]}"' in html
        older = customer.html("deliveries", status="delivered", after=made[1])
        assert rows(older) == [made[0]]
        assert "Newest" in older
        assert "data-poll" not in older


class TestLive:
    def test_nothing_new(self, customer: Customer, endpoint: Endpoint) -> None:
        make_delivery(endpoint, Status.RETRY)
        url = poll_url(customer, customer.html("deliveries"))
        assert ask(customer, url).status_code == 204

    def test_new_ones_are_announced_and_shown_when_asked_for(self, customer: Customer, endpoint: Endpoint) -> None:
        make_delivery(endpoint, Status.SUCCESS)
        url = poll_url(customer, customer.html("deliveries"))
        made = [make_delivery(endpoint, Status.SUCCESS).uid for _ in range(3)]
        html = ask(customer, url).content.decode()
        assert 'data-announce="Show 3 new deliveries">Show 3 new deliveries</button>' in html
        assert rows(html) == []
        # The poll knows what it has announced.
        again = ask(customer, poll_url(customer, html))
        assert again.status_code == 204
        shown = re.search(r'class="fresh" hx-get="([^"]+)"', html)
        assert shown
        inserted = ask(customer, shown[1].replace("&amp;", "&").removeprefix(customer.home)).content.decode()
        assert rows(inserted) == made[::-1]
        assert inserted.count('class="new"') == 3
        assert ask(customer, poll_url(customer, inserted)).status_code == 204

    def test_the_numbers_follow_what_is_shown(self, customer: Customer, endpoint: Endpoint) -> None:
        make_delivery(endpoint, Status.SUCCESS)
        html = customer.html("deliveries")
        for status, total, numbers in ((Status.FAILURE, 2, ("2", "1", "1")), (Status.SUCCESS, 3, ("3", "2", "1"))):
            make_delivery(endpoint, status)
            announced = ask(customer, poll_url(customer, html)).content.decode()
            shown = re.search(r'class="fresh" hx-get="([^"]+)"', announced)
            assert shown
            html = ask(customer, shown[1].replace("&amp;", "&").removeprefix(customer.home)).content.decode()
            found = chips(html)
            assert (found["all"], found["delivered"], found["failed"]) == numbers
            assert f'<span id="shown" hx-swap-oob="true">1 to {total} of {total}, times in your time zone' in html

    def test_more_are_announced_silently(self, customer: Customer, endpoint: Endpoint) -> None:
        url = poll_url(customer, customer.html("deliveries"))
        make_delivery(endpoint, Status.SUCCESS)
        url = poll_url(customer, ask(customer, url).content.decode())
        make_delivery(endpoint, Status.SUCCESS)
        html = ask(customer, url).content.decode()
        assert "Show 2 new deliveries" in html
        assert "data-announce" not in html

    def test_a_row_that_was_not_final(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.RETRY)
        make_attempt(row, status=False)
        url = poll_url(customer, customer.html("deliveries"))
        EventDelivery.objects.filter(pk=row.pk).update(status=Status.SUCCESS)
        html = ask(customer, url).content.decode()
        assert f'<tr role="row" id="d-{row.uid}" hx-swap-oob="true">' in html
        assert "Delivered" in html
        # It is final now, and asked for no more.
        assert row.uid not in poll_url(customer, html).partition("ids=")[2]
        assert ask(customer, poll_url(customer, html)).status_code == 204

    def test_a_poll_keeps_the_filters(
        self, customer: Customer, endpoint: Endpoint, make_endpoint: MakeEndpoint
    ) -> None:
        other = make_endpoint(owner_id=OWNER)
        url = poll_url(customer, customer.html(f"endpoints/{endpoint.uid}/deliveries", status="failed"))
        make_delivery(endpoint, Status.SUCCESS)
        make_delivery(other, Status.FAILURE)
        assert ask(customer, url).status_code == 204
        make_delivery(endpoint, Status.FAILURE)
        assert "Show 1 new delivery" in ask(customer, url).content.decode()

    @pytest.mark.slow
    def test_too_many_new_ones_reload_the_list(self, customer: Customer, endpoint: Endpoint) -> None:
        url = poll_url(customer, customer.html("deliveries"))
        for _ in range(51):
            make_delivery(endpoint, Status.SUCCESS)
        html = ask(customer, url).content.decode()
        assert f'<a class="button fresh" href="{customer.home}deliveries">Show the newest deliveries</a>' in html

    @pytest.mark.parametrize("query", ["since=", "since=x&ids=", "ids=a,b,c", "fresh=x&seen=y&of=nope", "of=a/b"])
    def test_nonsense(self, customer: Customer, endpoint: Endpoint, query: str) -> None:
        for path in ("deliveries/new", "deliveries/rows"):
            assert ask(customer, f"{path}?{query}").status_code in (200, 204)


class TestCapabilities:
    @pytest.mark.parametrize("path", ["deliveries", "deliveries/new", "deliveries/rows", "endpoints/{id}/deliveries"])
    def test_who_may_not_see_deliveries(self, login: Login, endpoint: Endpoint, path: str) -> None:
        customer = login(frozenset({VIEW}))
        assert customer.get(path.format(id=endpoint.uid)).status_code == 403
        assert "Deliveries</a>" not in customer.html()

    def test_viewers_see_them(self, login: Login, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.FAILURE)
        html = login(READ_ONLY).html("deliveries", status="failed")
        assert rows(html) == [row.uid]
        assert "Retry 1 failed delivery" not in html
        assert "Retry 1 failed delivery" in login().html("deliveries", status="failed")

    def test_another_customers_endpoint(self, customer: Customer, make_endpoint: MakeEndpoint) -> None:
        foreign = make_endpoint(owner_id="globex")
        assert customer.get(f"endpoints/{foreign.uid}/deliveries").status_code == 404


@pytest.mark.parametrize("count", [1, 50])
def test_the_statements_of_the_list(login: Login, make_endpoint: MakeEndpoint, count: int) -> None:
    for _ in range(count):
        make_attempt(make_delivery(make_endpoint(owner_id=OWNER), Status.SUCCESS))
    customer = login()
    customer.html("deliveries")  # the use of the session is noted
    with statements() as found:
        assert len(rows(customer.html("deliveries"))) == count
    assert found == [
        *CREDENTIAL,
        # The scope, the page, the numbers and the types, with limits of time before and, inside a test, after.
        *("SELECT endpoints_endpoint", "SELECT", "SELECT endpoints_endpoint", "SELECT"),
        *("SELECT", "SELECT endpoints_endpoint", "SELECT", "SELECT projects_eventtype"),
        # The menu
        "SELECT projects_eventtype",
    ]


@pytest.mark.parametrize("count", [1, 50])
def test_the_statements_of_an_empty_poll(login: Login, make_endpoint: MakeEndpoint, count: int) -> None:
    for _ in range(count):
        make_delivery(make_endpoint(owner_id=OWNER), Status.SUCCESS)
    customer = login()
    url = poll_url(customer, customer.html("deliveries"))
    with statements() as found:
        assert ask(customer, url).status_code == 204
    assert found == [
        *CREDENTIAL,
        *("SELECT endpoints_endpoint", "SELECT", "SELECT endpoints_endpoint", "SELECT"),
    ]


class TestNumbers:
    def test_they_stop(self, customer: Customer, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reads, "COUNTED_AT_MOST", 4)
        monkeypatch.setattr("portal.words.COUNTED_AT_MOST", 4)
        monkeypatch.setattr("portal.delivery_numbers.COUNTED_AT_MOST", 4)
        monkeypatch.setattr(reads, "LOOKED_AT", 6)
        for status, count in ((Status.SUCCESS, 3), (Status.FAILURE, 6)):
            for _ in range(count):
                make_delivery(endpoint, status)
        numbers = chips(customer.html("deliveries"))
        assert (numbers["all"], numbers["failed"], numbers["retrying"]) == ("4+", "4+", "0")
        assert re.fullmatch(r"\d\+", numbers["delivered"])

    def test_there_are_none_where_counting_takes_too_long(
        self, customer: Customer, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = make_delivery(endpoint, Status.FAILURE)
        monkeypatch.setattr("portal.delivery_list.counts", lambda *_: None)
        html = customer.html("deliveries", status="failed")
        assert rows(html) == [row.uid]
        assert chips(html) == {}
        assert "Retry 1" not in html
