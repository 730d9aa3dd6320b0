"""The look at a URL on the pages: its words, its limit, one at a time, and what saving refuses."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils.html import strip_tags
from pytest_django import Settings

from endpoints.models import Endpoint
from outbound.preflight import Look, Problem, look_at
from portal import preflight
from portal.preflight import findings
from portal_links.capabilities import EVERYTHING, MANAGE_ENDPOINT
from portal_links.check_limit import MOST_CHECKS
from portal_links.models import CheckWindow
from projects.models import Project
from tests.outbound.receivers import Receiver
from tests.outbound.sending import LOOPBACK
from tests.portal.api.customers import portal
from tests.portal.customers import Customer, mint
from tests.portal.test_endpoint_forms import FORM

Login = Callable[..., Customer]
FAR = datetime(2099, 2, 14, tzinfo=UTC)
SEEN: dict[str, Any] = {"host": "erp.example", "address": "1.1.1.1", "is_secure": True}


@pytest.fixture
def looking(settings: Settings) -> None:
    """The pages look at URLs, on this machine too."""
    settings.PORTAL_PREFLIGHT = True
    settings.DELIVERY_ALLOWED_NETWORKS = LOOPBACK


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def lines(look: Look) -> list[tuple[str, str]]:
    return [(line.tone, strip_tags(line.text)) for line in findings(look)]


class TestWords:
    def test_all_is_fine(self) -> None:
        assert lines(Look(**SEEN, valid_until=FAR, status=204, milliseconds=1182)) == [
            ("yes", "The name leads to 1.1.1.1, a public address"),
            ("yes", "TLS certificate is valid until Feb. 14, 2099"),
            ("yes", "Answers in 1,182 ms"),
        ]

    @pytest.mark.parametrize(
        ("status", "reason", "said"),
        [
            (405, "Method Not Allowed", "Answers 405 Method Not Allowed to our look (HEAD). That is usual"),
            (400, "", "Answers 400 to our look (HEAD). That is usual"),
            (404, "Not Found", "Answers 404 Not Found to our look (HEAD). Only POST matters, but check the path."),
            (401, "Unauthorized", "Answers 401 Unauthorized to our look (HEAD), which has no credentials."),
            (301, "Moved", "Answers 301 Moved, with another address. We don't follow those"),
            (503, "<b>", "Answers 503 &lt;b&gt; to our look (HEAD). Your server has a problem of its own."),
        ],
    )
    def test_a_status_that_may_mean_something(self, status: int, reason: str, said: str) -> None:
        tone, text = lines(Look(**SEEN, valid_until=FAR, status=status, reason=reason, milliseconds=1))[-1]
        assert tone == "hm"
        assert text.startswith(said)

    @pytest.mark.parametrize(
        ("problem", "said"),
        [
            (Problem.UNREACHABLE, "Nobody answers at erp.example."),
            (Problem.EXPIRED, "The TLS certificate has expired."),
            (Problem.FOR_ANOTHER_NAME, "The TLS certificate is for another name than erp.example."),
            (Problem.UNTRUSTED, "The TLS certificate is not trusted"),
            (Problem.TLS, "No TLS connection could be made."),
            (Problem.NOT_HTTP, "The connection was closed, or the answer was no HTTP."),
            (Problem.SLOW, "No answer in 3 seconds."),
        ],
    )
    def test_a_problem_is_doubtful(self, problem: Problem, said: str) -> None:
        found = lines(Look(**SEEN, problem=problem))
        assert [tone for tone, _ in found] == ["yes", "hm"]
        assert found[1][1].startswith(said)

    def test_an_unknown_name(self) -> None:
        [(tone, text)] = lines(Look(host="erp.example", problem=Problem.UNKNOWN_NAME))
        assert (tone, text.split("?")[0]) == ("hm", "No address is known for erp.example. Is the name spelt right")

    def test_a_private_address_is_refused(self) -> None:
        found = lines(Look(host="erp.example", address="10.0.0.12", problem=Problem.PRIVATE))
        assert [tone for tone, _ in found] == ["no", "hm"]
        assert found[0][1].startswith("The name leads to 10.0.0.12, which is inside a private network.")

    def test_a_private_address_that_is_allowed(self) -> None:
        found = lines(Look(**SEEN | {"address": "10.0.0.12"}, valid_until=FAR, status=200, milliseconds=1))
        assert found[0] == ("yes", "The name leads to 10.0.0.12, a private address to which this server may send")

    def test_no_tls_and_a_certificate_that_ends_soon(self) -> None:
        found = lines(Look(**SEEN | {"is_secure": False}, status=200, milliseconds=1))
        assert found[1] == ("hm", "Without TLS (http://), anybody on the way can read what is sent.")
        soon = lines(Look(**SEEN, valid_until=datetime.now(UTC) + timedelta(days=3), status=200, milliseconds=1))
        assert soon[1][0] == "hm"


@pytest.mark.usefixtures("looking")
class TestCheck:
    @pytest.mark.slow
    def test_the_page_shows_what_was_found(self, login: Login, receiver: Receiver) -> None:
        receiver.answer("/hooks", status=405)
        html = login().post("endpoints/check", url=receiver.url("/hooks")).content.decode()
        assert "<strong>127.0.0.1</strong> is a private address to which this server may send" in html
        assert "Answers <strong>405" in html
        [request] = receiver.requests()
        assert request.method == "HEAD"

    @pytest.mark.parametrize("url", ["", "nonsense", "https://"])
    def test_nothing_is_said_of_what_is_no_url_yet(self, login: Login, url: str) -> None:
        response = login().post("endpoints/check", url=url)
        assert (response.status_code, response.content.strip()) == (200, b"")

    def test_a_private_address_is_not_connected_to(self, login: Login, receiver: Receiver, settings: Settings) -> None:
        settings.DELIVERY_ALLOWED_NETWORKS = ()
        html = login().post("endpoints/check", url=receiver.url()).content.decode()
        assert "is inside a private network" in html
        assert receiver.open_connections == 0

    @pytest.mark.slow
    def test_ten_a_minute_and_session(self, login: Login, receiver: Receiver) -> None:
        customer, other = login(), login()
        for _ in range(MOST_CHECKS):
            assert customer.post("endpoints/check", url=receiver.url()).status_code == 200
        response = customer.post("endpoints/check", url=receiver.url())
        assert response.status_code == 429
        assert 0 < int(response["Retry-After"]) <= 60
        assert "You have had many URLs checked." in response.content.decode()
        assert len(receiver.requests()) == MOST_CHECKS
        assert other.post("endpoints/check", url=receiver.url()).status_code == 200
        with connection.cursor() as cursor:
            cursor.execute("UPDATE portal_links_checkwindow SET started_at = started_at - interval '61 seconds'")
        assert other.post("endpoints/check", url=receiver.url()).status_code == 200
        # Counts of the past are deleted by whoever is counted next.
        assert CheckWindow.objects.count() == 1
        assert customer.post("endpoints/check", url=receiver.url()).status_code == 200

    def test_one_at_a_time_and_nobody_waits(self, login: Login, receiver: Receiver) -> None:
        receiver.answer("/slow", hold=True)
        slow = threading.Thread(target=preflight._in_place, args=(looking_at(receiver.url("/slow")),))
        slow.start()
        receiver.wait_for(1, "/slow")
        customer = login()
        html = customer.post("endpoints/check", url=receiver.url("/other")).content.decode()
        assert "This URL could not be checked now. You can save it all the same." in html
        assert receiver.requests("/other") == []
        # Saving does not wait either.
        assert customer.post("endpoints/new", **FORM | {"url": receiver.url("/other")}).status_code == 200
        receiver.release()
        slow.join()
        assert "Answers in" in customer.post("endpoints/check", url=receiver.url("/other")).content.decode()

    def test_it_needs_the_right_to_change_endpoints(self, login: Login, receiver: Receiver) -> None:
        customer = login(EVERYTHING - {MANAGE_ENDPOINT})
        assert customer.post("endpoints/check", url=receiver.url()).status_code == 403
        assert receiver.requests() == []

    def test_without_it_nothing_is_called(self, login: Login, receiver: Receiver, settings: Settings) -> None:
        settings.PORTAL_PREFLIGHT = False
        assert login().post("endpoints/check", url=receiver.url()).content.strip() == b""
        assert receiver.requests() == []


def looking_at(url: str) -> Any:
    return look_at(url, user_agent="Tests/1", allowed_networks=LOOPBACK, seconds=30)


class TestSaving:
    @pytest.mark.parametrize(
        "url", ["https://10.0.0.12/x", "https://localhost/x", "http://[::1]/", "http://127.0.0.1/"]
    )
    def test_a_private_address_is_refused(self, login: Login, settings: Settings, url: str) -> None:
        settings.PORTAL_PREFLIGHT = True
        response = login().post("endpoints/new", **FORM | {"url": url})
        html = response.content.decode()
        assert response.status_code == 422
        assert "This address can&#x27;t be reached from the internet." in html
        assert "is inside a private network" in html
        assert not Endpoint.objects.exists()

    @pytest.mark.slow
    def test_a_look_up_counts_as_a_check(self, login: Login, settings: Settings) -> None:
        settings.PORTAL_PREFLIGHT = True
        customer, form = login(), FORM | {"url": "https://localhost/x"}
        for _ in range(MOST_CHECKS):
            assert customer.post("endpoints/new", **form).status_code == 422
        # No more is told of names; the worker's guard refuses the address when something is sent.
        assert customer.post("endpoints/new", **form).status_code == 200

    @pytest.mark.usefixtures("looking")
    def test_an_allowed_network_is_saved(self, login: Login) -> None:
        assert login().post("endpoints/new", **FORM | {"url": "http://127.0.0.1/"}).status_code == 200
        assert Endpoint.objects.exists()

    @pytest.mark.slow
    def test_an_endpoint_that_has_it_keeps_it(
        self, login: Login, make_endpoint: Callable[..., Endpoint], settings: Settings
    ) -> None:
        settings.PORTAL_PREFLIGHT = True
        endpoint = make_endpoint(owner_id="acme", url="http://127.0.0.1/")
        form = FORM | {"url": "http://127.0.0.1/", "which": "all"}
        assert login().post(f"endpoints/{endpoint.uid}/settings", **form).status_code == 200
        response = login().post(f"endpoints/{endpoint.uid}/settings", **form | {"url": "http://127.0.0.1/other"})
        assert response.status_code == 422

    def test_the_api_keeps_its_contract(self, project: Project) -> None:
        sent = {"url": "https://10.0.0.12/x", "name": "Inside"}
        assert portal(mint(project).secret).post("/endpoints", sent).status == 201
