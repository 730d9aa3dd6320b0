"""The page of one delivery: what happens next, its attempts, what is sent, and sending it again."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.highlight import LONG
from endpoints.models import Endpoint
from events.models import Event, EventDelivery
from outbound.states import Status
from portal_links.capabilities import CREATE_ATTEMPTS, EVERYTHING, READ_ONLY, VIEW, VIEW_DELIVERIES, VIEW_PAYLOADS
from projects.models import EventType, Project
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.portal.customers import OWNER, Customer, MakeEndpoint
from tests.statements import nothing_changes, statements

Login = Callable[..., Customer]
HOSTILE = "</code></pre><script>alert(1)</script><img src=x onerror=alert(1)>\"'"
BLIND = EVERYTHING - {VIEW_PAYLOADS}


@pytest.fixture
def customer(login: Login) -> Customer:
    return login()


def says(html: str) -> str:
    """The sentence of the page, without markup."""
    found = re.search(r'id="says".*?<p>(.*?)</p>', html, re.S)
    assert found
    return re.sub(r"<[^>]+>", "", found[1])


class TestWhatHappensNext:
    def test_scheduled(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.SCHEDULED, next_send_time=timezone.now() + timedelta(hours=1))
        html = customer.html(f"deliveries/{row.uid}")
        assert says(html).startswith("Will be sent at ")
        assert "Send now" in html
        assert "No attempt was made yet." in html

    def test_scheduled_for_a_paused_endpoint(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint)
        Endpoint.objects.update(status="paused")
        assert says(customer.html(f"deliveries/{row.uid}")).strip() == "Will be sent when the endpoint is resumed."

    def test_sending(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.PROCESSING)
        html = customer.html(f"deliveries/{row.uid}")
        assert says(html) == "Waiting for the answer. Your server has 10 seconds to give one."
        assert "Retry now" not in html
        assert "Send now" not in html

    def test_delivered(self, customer: Customer, endpoint: Endpoint) -> None:
        now = timezone.now()
        row = make_delivery(endpoint, Status.SUCCESS, num_trials=1)
        make_attempt(row, requested_at=now, responded_at=now + timedelta(milliseconds=164))
        html = customer.html(f"deliveries/{row.uid}")
        assert says(html) == "Delivered at the first attempt. Your server answered 200 OK in 164 ms."
        assert "data-poll" not in html
        EventDelivery.objects.update(num_trials=3)
        assert says(customer.html(f"deliveries/{row.uid}")).startswith("Delivered at attempt 3.")

    def test_retrying(self, customer: Customer, endpoint: Endpoint) -> None:
        later = timezone.now() + timedelta(minutes=6, seconds=1)
        row = make_delivery(endpoint, Status.RETRY, num_trials=2, retry_limit=5, next_send_time=later)
        make_attempt(row, status=False, response_http_header={"Retry-After": "600"})
        html = customer.html(f"deliveries/{row.uid}")
        assert re.fullmatch(
            r"Next attempt at .+ UTC, in 6 minutes\. 2 of 5 attempts have failed\. "
            r"The last answer: 503 Service Unavailable\. It asked us to wait 10 minutes\.",
            says(html),
        )
        assert "Next attempt</h3>" in html
        # The third is next, and two more are possible.
        assert len(re.findall(r"<time", html.partition("Then at ")[2].partition("if it is needed.")[0])) == 2
        assert ">2 of 5<" in html

    def test_the_next_attempt_is_due(self, customer: Customer, endpoint: Endpoint) -> None:
        earlier = timezone.now() - timedelta(minutes=2)
        row = make_delivery(endpoint, Status.RETRY, num_trials=2, retry_limit=5, next_send_time=earlier)
        make_attempt(row, status=False)
        html = customer.html(f"deliveries/{row.uid}")
        assert says(html).startswith("Next attempt in a moment.")
        assert "Next attempt</h3></div>" in html
        # The time that has passed is named nowhere, nor are those that would be counted from it.
        assert "in 0" not in html
        times = re.findall(r'<time[^>]* datetime="([^"]+)"', html.partition("Then at ")[2].partition("if it is")[0])
        assert len(times) == 2
        assert all(datetime.fromisoformat(time) > timezone.now() - timedelta(minutes=1) for time in times)

    def test_failed(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.FAILURE, num_trials=5, retry_limit=5)
        make_attempt(row, status=False, http_status="404 Not Found")
        html = customer.html(f"deliveries/{row.uid}")
        assert says(html).startswith("Given up after 5 attempts, the last at ")
        assert says(html).rstrip().endswith(": 404 Not Found.")
        assert "Your server is there, but knows nothing at this path." in html
        assert "Retry now" in html

    def test_not_sent(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.DISCARDED, description="the endpoint is inactive")
        html = customer.html(f"deliveries/{row.uid}")
        assert says(html) == "Not sent. The endpoint was disabled."
        assert "Send now" in html

    def test_not_sent_because_its_payload_was_deleted(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.DISCARDED, description="the payload of the event has been deleted")
        assert says(customer.html(f"deliveries/{row.uid}")) == "Not sent. The event is no longer kept."

    def test_a_test(self, customer: Customer, endpoint: Endpoint) -> None:
        html = customer.html(f"deliveries/{make_delivery(endpoint, Status.FAILURE, test='test').uid}")
        assert '<span class="tag">Test</span>' in html
        assert "Retry now" not in html


class TestAttempts:
    def test_newest_first_and_the_latest_open(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.FAILURE)
        error = "context deadline exceeded: no complete response within 10 seconds"
        first = make_attempt(row, status=False, http_status="", error=error, responded_at=None, response_data="")
        make_attempt(row, status=False, response_data="<h1>busy</h1>")
        html = customer.html(f"deliveries/{row.uid}")
        assert html.index("503 Service Unavailable</h3>") < html.index("No answer in 10 seconds</h3>")
        assert "&lt;h1&gt;busy&lt;/h1&gt;" in html
        assert "Response body, 13 bytes" in html
        # Values of headers that are not harmless are masked.
        assert '<span class="k">x-tenant</span>: ***' in html
        assert '<span class="k">content-type</span>: application/json' in html
        older = customer.html(f"deliveries/{row.uid}/attempts/{first.uid}")
        assert f'hx-get="{customer.home}deliveries/{row.uid}/attempts/{first.uid}"' in html
        assert "No response" in older
        assert "application/json" in older

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"response_data": "\ufffdPNG\x01\x02\ufffd"}, "Response body: binary (?), not shown"),
            (
                {"response_data": "GIF89a", "response_http_header": {"Content-Type": "image/gif"}},
                "Response body: binary (image/gif), not shown",
            ),
            ({"response_data": "a" * 51_200}, "Response body, 51200 bytes (the beginning; the rest was not kept)"),
            ({"response_data": ""}, "The response has no body"),
            ({"request_http_header": {}, "http_status": "", "error": "oauth2: no"}, "The request was not made"),
        ],
    )
    def test_answers(self, customer: Customer, endpoint: Endpoint, fields: dict[str, Any], words: str) -> None:
        row = make_delivery(endpoint, Status.FAILURE)
        make_attempt(row, status=False, **fields)
        assert words in customer.html(f"deliveries/{row.uid}")

    def test_of_another_delivery(self, customer: Customer, endpoint: Endpoint) -> None:
        row, other = make_delivery(endpoint), make_delivery(endpoint)
        attempt = make_attempt(other)
        assert customer.get(f"deliveries/{row.uid}/attempts/{attempt.uid}").status_code == 404


class TestThePayload:
    def test_json_with_its_schema(self, customer: Customer, endpoint: Endpoint, project: Project) -> None:
        EventType.objects.create(project=project, name="invoice.paid")
        row = make_delivery(endpoint, event=make_event(project.uid, data='{"amount":86.40}'))
        html = customer.html(f"deliveries/{row.uid}")
        assert '{\n  <span class="k">"amount"</span>: <span class="n">86.40</span>\n}' in html
        assert "16 bytes, shown with line breaks." in html

    def test_a_long_one_is_cut_until_somebody_asks(self, customer: Customer, endpoint: Endpoint) -> None:
        data = '"' + "a" * LONG + '"'
        row = make_delivery(endpoint, event=make_event(endpoint.project_id, data=data))
        html = customer.html(f"deliveries/{row.uid}")
        assert data not in html
        assert "Show all" in html
        assert "Copy as curl" not in html
        assert data in customer.html(f"deliveries/{row.uid}/payload")

    def test_one_that_is_no_longer_kept(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.FAILURE)
        Event.objects.filter(pk=row.event_id)._raw_delete("default")
        html = customer.html(f"deliveries/{row.uid}")
        assert "This payload is no longer kept." in html
        assert "Copy as curl" not in html

    def test_copy_as_curl(self, customer: Customer, endpoint: Endpoint) -> None:
        event = make_event(endpoint.project_id, data='{"it\'s":1}')
        row = make_delivery(endpoint, Status.FAILURE, event=event)
        make_attempt(row, request_http_header={"Webhook-Id": "1", "X-Key": "k-123", "Content-Type": "application/json"})
        html = customer.html(f"deliveries/{row.uid}")
        assert "--data-raw &#x27;{&quot;it&#x27;\\&#x27;&#x27;s&quot;:1}&#x27;" in html
        assert "Webhook-Id: 1" in html
        assert "X-Key: ***" in html
        assert "k-123" not in html

    def test_a_form(self, customer: Customer, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint(owner_id=OWNER, content_type="application/x-www-form-urlencoded")
        row = make_delivery(endpoint, event=make_event(endpoint.project_id, data='{"a":"b c"}'))
        html = customer.html(f"deliveries/{row.uid}")
        assert "--data-raw a=b+c" in html
        assert "Sent as a form" in html


class TestOtherEndpoints:
    def test_the_same_event(self, customer: Customer, make_endpoint: MakeEndpoint) -> None:
        here, there, foreign = (
            make_endpoint(owner_id=owner, name=name)
            for owner, name in ((OWNER, "Here"), (OWNER, "There"), ("globex", "Foreign"))
        )
        event = make_event(here.project_id)
        row, other, _ = (make_delivery(endpoint, Status.SUCCESS, event=event) for endpoint in (here, there, foreign))
        html = customer.html(f"deliveries/{row.uid}")
        assert "The same event to your other endpoints" in html
        assert f'href="{customer.home}deliveries/{other.uid}">There</a>' in html
        assert "Foreign" not in html


class TestRetry:
    @pytest.mark.parametrize("status", [Status.FAILURE, Status.DISCARDED])
    def test_one_that_was_given_up(self, customer: Customer, endpoint: Endpoint, status: str) -> None:
        row = make_delivery(endpoint, status)
        response = customer.post(f"deliveries/{row.uid}/retry")
        assert response.status_code == 200
        assert "Will be sent in a moment." in response.content.decode()
        row.refresh_from_db()
        assert (row.status, row.num_trials_before) == (Status.SCHEDULED, row.num_trials)

    @pytest.mark.parametrize("status", [Status.RETRY, Status.SCHEDULED])
    def test_one_that_waits_is_due_now(self, customer: Customer, endpoint: Endpoint, status: str) -> None:
        later = timezone.now() + timedelta(hours=1)
        row = make_delivery(endpoint, status, due_at=later, next_send_time=later, num_trials=2)
        assert customer.post(f"deliveries/{row.uid}/retry").status_code == 200
        row.refresh_from_db()
        assert (row.status, row.num_trials, row.num_trials_before) == (status, 2, 0)
        assert row.due_at
        assert row.due_at < timezone.now() + timedelta(minutes=1)

    @pytest.mark.slow
    def test_one_that_was_delivered_asks_first(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.SUCCESS)
        assert 'name="again" value="1"' in customer.html(f"deliveries/{row.uid}")
        refused = customer.post(f"deliveries/{row.uid}/retry")
        assert refused.status_code == 409
        assert "Nothing was sent" in refused.content.decode()
        assert customer.post(f"deliveries/{row.uid}/retry", again="1").status_code == 200
        row.refresh_from_db()
        assert row.status == Status.SCHEDULED

    @pytest.mark.parametrize("status", [Status.SUCCESS, Status.FAILURE])
    def test_the_endpoint_is_not_active(self, customer: Customer, endpoint: Endpoint, status: str) -> None:
        row = make_delivery(endpoint, status)
        Endpoint.objects.update(status="paused")
        customer.get()  # the use of the session is noted
        with nothing_changes():
            refused = customer.post(f"deliveries/{row.uid}/retry", again="1")
        assert refused.status_code == 409
        assert "the endpoint is paused or disabled" in refused.content.decode()

    def test_one_that_is_being_sent(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.PROCESSING)
        assert customer.post(f"deliveries/{row.uid}/retry").status_code == 409

    @pytest.mark.parametrize("capabilities", [READ_ONLY, EVERYTHING - {CREATE_ATTEMPTS}])
    def test_who_may_not(self, login: Login, endpoint: Endpoint, capabilities: frozenset[str]) -> None:
        row = make_delivery(endpoint, Status.FAILURE)
        customer = login(capabilities)
        assert "Retry now" not in customer.html(f"deliveries/{row.uid}")
        with nothing_changes():
            assert customer.post(f"deliveries/{row.uid}/retry").status_code == 403


class TestLive:
    def test_a_poll(self, customer: Customer, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.RETRY)
        found = re.search(r'data-poll hx-get="([^"]+)"', customer.html(f"deliveries/{row.uid}"))
        assert found
        url = found[1]
        assert customer.client.get(url, headers=customer.headers).status_code == 204
        EventDelivery.objects.update(status=Status.SUCCESS)
        html = customer.client.get(url, headers=customer.headers).content.decode()
        assert "Delivered" in html
        assert "data-poll" not in html


class TestHiddenPayloads:
    @pytest.fixture
    def row(self, endpoint: Endpoint) -> EventDelivery:
        event = make_event(endpoint.project_id, data='{"hidden":1}', headers={"X-Hidden": ["hidden"]})
        row = make_delivery(endpoint, Status.FAILURE, event=event)
        make_attempt(row, status=False, response_data="hidden answer", request_http_header={"User-Agent": "hidden"})
        return row

    def test_nowhere_on_the_page(self, login: Login, row: EventDelivery) -> None:
        html = login(BLIND).html(f"deliveries/{row.uid}")
        assert "hidden" not in re.sub(r"<[^>]*\bhidden\b[^>]*>", "", html)
        assert "Your access does not include payloads, headers and answers." in html
        assert "Copy as curl" not in html
        assert "503 Service Unavailable" in html

    def test_not_by_another_address(self, login: Login, row: EventDelivery) -> None:
        attempt = row.attempts.get()
        for path in ("payload", f"attempts/{attempt.uid}"):
            assert login(BLIND).get(f"deliveries/{row.uid}/{path}").status_code == 403

    @pytest.mark.slow
    def test_where_the_project_hides_them_from_viewers(self, login: Login, row: EventDelivery) -> None:
        assert '"hidden"' in login(READ_ONLY).html(f"deliveries/{row.uid}")
        Project.objects.update(portal_hides_payloads=True)
        assert "Copy as curl" not in login(READ_ONLY).html(f"deliveries/{row.uid}")
        assert "Copy as curl" in login().html(f"deliveries/{row.uid}")


class TestScope:
    def test_another_customers(self, customer: Customer, make_endpoint: MakeEndpoint) -> None:
        foreign = make_delivery(make_endpoint(owner_id="globex"), Status.FAILURE)
        attempt = make_attempt(foreign)
        customer.get()  # the use of the session is noted
        with nothing_changes():
            for uid in (foreign.uid, "no-such"):
                for path in ("", "/payload", f"/attempts/{attempt.uid}"):
                    assert customer.get(f"deliveries/{uid}{path}").status_code == 404
                for path in ("/retry", "/share", "/links/x/end"):
                    assert customer.post(f"deliveries/{uid}{path}").status_code == 404

    def test_who_may_not_see_deliveries(self, login: Login, endpoint: Endpoint) -> None:
        row = make_delivery(endpoint, Status.FAILURE)
        customer = login(frozenset({VIEW, VIEW_PAYLOADS}))
        for path in ("", "/payload"):
            assert customer.get(f"deliveries/{row.uid}{path}").status_code == 403
        assert customer.post(f"deliveries/{row.uid}/share").status_code == 403


def test_hostile_texts(customer: Customer, make_endpoint: MakeEndpoint) -> None:
    endpoint = make_endpoint(owner_id=OWNER, name=HOSTILE)
    event = make_event(endpoint.project_id, event_type=HOSTILE, data='{"<script>":"</script><img src=x>"}')
    row = make_delivery(endpoint, Status.FAILURE, event=event)
    make_delivery(make_endpoint(owner_id=OWNER, name=HOSTILE), event=event)
    make_attempt(
        row,
        status=False,
        http_status=f"500 {HOSTILE}",
        response_data=HOSTILE,
        response_http_header={HOSTILE: HOSTILE, "Content-Length": HOSTILE},
        request_http_header={HOSTILE: HOSTILE, "User-Agent": HOSTILE},
    )
    html = customer.html(f"deliveries/{row.uid}")
    assert "<script" not in html
    assert "<img" not in html
    assert "alert(1)" in html


@pytest.mark.parametrize("count", [1, 50])
def test_the_statements(login: Login, make_endpoint: MakeEndpoint, count: int) -> None:
    endpoint = make_endpoint(owner_id=OWNER)
    event = make_event(endpoint.project_id)
    row = make_delivery(endpoint, Status.FAILURE, event=event)
    for _ in range(count):
        make_attempt(row, status=False)
        make_attempt(make_delivery(make_endpoint(owner_id=OWNER), event=event))
    customer = login(frozenset({VIEW, VIEW_DELIVERIES, VIEW_PAYLOADS}))
    with statements() as found:
        customer.html(f"deliveries/{row.uid}")
    assert found == [
        *("SELECT portal_links_portalsession", "UPDATE portal_links_portalsession"),
        *("SELECT events_eventdelivery", "SELECT endpoints_endpoint"),
        # The scope, the attempts, the event, whether its type is known, and the other deliveries
        *("SELECT endpoints_endpoint", "SELECT events_deliveryattempt", "SELECT events_event"),
        *("SELECT projects_eventtype", "SELECT events_eventdelivery"),
        # The customer's links, whose delivery is looked up
        *("SELECT events_eventdelivery", "SELECT portal_links_deliverylink"),
        # The menu
        "SELECT projects_eventtype",
    ]
