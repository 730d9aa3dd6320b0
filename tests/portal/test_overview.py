"""The overview of an endpoint: its sentence and action, figures, latest deliveries, events, secret and facts."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from core.actors import ActorKind
from endpoints.models import Endpoint, EndpointHour, EndpointState
from events.models import BatchRetry
from portal_links.capabilities import CREATE_ATTEMPTS, EVERYTHING, READ_ONLY, SEND_TEST, VIEW_DELIVERIES
from portal_links.models import PortalSession
from portal_links.operations import create_portal_link
from projects.models import EventType, Project
from subscriptions.operations import create_subscription
from tests.conftest import Row
from tests.deliveries.rows import make_attempt, make_delivery
from tests.portal.customers import OWNER, SECRET, Customer, MakeEndpoint, text_of
from tests.statements import statements

Login = Callable[..., Customer]


@pytest.fixture
def listening(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint of OWNER's that listens to all events."""
    create_subscription(endpoint.project_id, name="All", endpoint_id=endpoint.uid)
    return endpoint


def overview(customer: Customer, endpoint: Endpoint, **query: str) -> str:
    return customer.html(f"endpoints/{endpoint.uid}", **query)


def says(html: str) -> str:
    """Return the sentence of a page, with its buttons."""
    [found] = re.findall(
        r'<div class="says [^"]*" role="status">.*?</p>(?:\s*<div class="actions">.*?</div>)?', html, re.DOTALL
    )
    return text_of(found)


def section(html: str, title: str) -> str:
    """Return the card of a title, as its text."""
    [found] = [part for part in re.findall(r"<section.*?</section>", html, re.DOTALL) if f">{title}</h2>" in part]
    return text_of(found)


def fail(endpoint: Endpoint, kind: str = "404") -> None:
    now = timezone.now()
    EndpointState.objects.create(
        endpoint=endpoint, failed_in_a_row=3, failing_since=now, last_failure=kind, last_failure_at=now
    )
    hour = now.replace(minute=0, second=0, microsecond=0)
    EndpointHour.objects.create(endpoint=endpoint, hour=hour, answer=kind, failed=61)


def switch(endpoint: Endpoint, status: str, **fields: Any) -> None:
    since = timezone.now() - timedelta(hours=9)
    Endpoint.objects.filter(pk=endpoint.pk).update(status=status, status_since=since, **fields)


class TestSentence:
    def test_a_quiet_one(self, login: Login, listening: Endpoint) -> None:
        html = overview(login(), listening)
        assert says(html) == "Ready. Nothing was sent in the last 24 hours."

    def test_a_failing_one_has_one_filled_button(self, login: Login, listening: Endpoint) -> None:
        fail(listening)
        html = overview(login(), listening)
        sentence = says(html)
        assert sentence.startswith("Failing since ")
        assert "404 Not Found. 61 of 61 deliveries in the last 24 hours have failed." in sentence
        assert sentence.endswith("Has it moved? Change URL")
        outside = re.sub(r"<dialog.*?</dialog>", "", html, flags=re.DOTALL)
        assert len(re.findall(r'class="(?:button )?primary"', outside)) == 1
        assert (
            f'/endpoints/{listening.uid}/edit#address"' in html
            or f'/endpoints/{listening.uid}/settings#address"' in html
        )

    def test_what_a_viewer_may_not_do_is_not_offered(self, login: Login, listening: Endpoint) -> None:
        fail(listening)
        assert says(overview(login(READ_ONLY), listening)).endswith("Has it moved?")

    @pytest.mark.parametrize("actor", ["this session", "another"])
    def test_who_has_paused_it(self, login: Login, listening: Endpoint, actor: str) -> None:
        customer = login()
        uid = PortalSession.objects.get().pk if actor == "this session" else "01K4T0ZA7Q3X9W5V1T7R3P9N5M"
        switch(listening, "paused", status_actor={"kind": ActorKind.PORTAL_SESSION, "uid": uid, "name": ""})
        who = "you" if actor == "this session" else "someone else with access"
        assert says(overview(customer, listening)).startswith(f"Paused by {who} since ")

    def test_the_company_has_paused_it(self, login: Login, project: Project, listening: Endpoint) -> None:
        switch(listening, "paused", status_actor={"kind": ActorKind.API_KEY, "uid": "key", "name": "the key's name"})
        html = overview(login(), listening)
        assert says(html).startswith(f"Paused by {project.name} since ")
        assert "the key&#x27;s name" not in html

    def test_what_it_has_missed_is_offered(self, login: Login, listening: Endpoint) -> None:
        switch(listening, "paused")
        for _ in range(2):
            make_delivery(listening, "Discarded")
        html = overview(login(), listening)
        assert "2 events have been missed so far." in says(html)
        assert "Send what was missed: 2 events" in html
        assert 'name="missed" value="send" checked' in html

    @pytest.mark.parametrize(
        ("capabilities", "offers"), [(EVERYTHING, True), (EVERYTHING - {CREATE_ATTEMPTS}, False), (READ_ONLY, False)]
    )
    def test_it_is_offered_to_who_may_send(
        self, login: Login, listening: Endpoint, capabilities: frozenset[str], offers: bool
    ) -> None:
        switch(listening, "paused")
        make_delivery(listening, "Discarded")
        assert ("Send what was missed" in overview(login(capabilities), listening)) is offers

    def test_without_anything_missed_it_is_resumed_at_once(self, login: Login, listening: Endpoint) -> None:
        switch(listening, "paused")
        html = overview(login(), listening)
        assert says(html).endswith("Resume")
        assert '<dialog id="resume"' not in html
        assert f"/endpoints/{listening.uid}/activate" in html

    def test_a_disabled_one(self, login: Login, listening: Endpoint) -> None:
        EndpointState.objects.create(endpoint=listening, last_failure="tls_expired", last_failure_at=timezone.now())
        switch(listening, "inactive", status_actor={"kind": ActorKind.CIRCUIT_BREAKER, "uid": "", "name": ""})
        sentence = says(overview(login(), listening))
        assert "The last answer: The certificate has expired." in sentence
        assert sentence.endswith("Test and enable Enable")
        assert "Enable" not in says(overview(login(READ_ONLY | {SEND_TEST}), listening)).replace("Test and enable", "")


class TestPoll:
    def seen(self, html: str) -> str:
        [seen] = re.findall(r"[?;]seen=(\w+)", html)
        return str(seen)

    def test_nothing_comes_while_it_is_the_same(self, login: Login, listening: Endpoint) -> None:
        customer = login()
        seen = self.seen(overview(customer, listening))
        assert customer.get(f"endpoints/{listening.uid}", seen=seen).status_code == 204

    def test_the_sentence_and_the_status_change(self, login: Login, listening: Endpoint) -> None:
        customer = login()
        seen = self.seen(overview(customer, listening))
        fail(listening)
        html = overview(customer, listening, seen=seen)
        assert says(html).startswith("Failing since ")
        assert re.search(r'<span id="pill" hx-swap-oob="true"><span class="pill bad">.*?Failing', html)
        assert "<h1" not in html

    def test_an_empty_poll_reads_little(self, login: Login, listening: Endpoint) -> None:
        customer = login()
        seen = self.seen(overview(customer, listening))
        with statements() as made:
            customer.get(f"endpoints/{listening.uid}", seen=seen)
        assert len(made) == 3  # the session, the endpoint, its health


class TestFigures:
    def test_nothing_sent(self, login: Login, listening: Endpoint) -> None:
        html = overview(login(), listening)
        assert "No delivery has ended in this time." in html
        assert "Nothing sent yet" in html
        assert "Show as table" not in html

    @pytest.mark.parametrize(
        ("period", "delivered", "rows"), [("", 3, 24), ("7d", 10, 28), ("30d", 21, 30), ("x", 3, 24)]
    )
    def test_periods(self, login: Login, listening: Endpoint, period: str, delivered: int, rows: int) -> None:
        now = timezone.now().replace(minute=0, second=0, microsecond=0)
        for hours, count in ((0, 1), (23, 2), (24, 3), (6 * 24, 4), (8 * 24, 5), (28 * 24, 6), (31 * 24, 100)):
            hour = now - timedelta(hours=hours)
            EndpointHour.objects.create(endpoint=listening, hour=hour, answer="200", delivered=count)
        html = overview(login(), listening, **({"period": period} if period else {}))
        assert f'<strong class="num">{delivered}</strong> delivered' in html
        [table] = re.findall(r'<table class="hourly">.*?</table>', html, re.DOTALL)
        assert table.count("<tr>") == rows + 1
        assert sum(map(int, re.findall(r'<td class="right">(\d+)</td><td', table))) == delivered

    @pytest.mark.slow
    def test_the_answers_of_what_failed(self, login: Login, listening: Endpoint, row: Row) -> None:
        hour = timezone.now().replace(minute=0, second=0, microsecond=0)
        for answer, delivered, failed, words in (
            ("404", 0, 5, "404 is the only answer"),
            ("200", 9, 0, "404 for all that failed"),
            ("timeout", 0, 7, "mostly No answer in time, and 1 other"),
        ):
            EndpointHour.objects.create(
                endpoint=listening, hour=hour, answer=answer, delivered=delivered, failed=failed
            )
            with row(words):
                assert words in overview(login(), listening)

    def test_the_median_of_the_answers(self, login: Login, listening: Endpoint) -> None:
        hour = timezone.now().replace(minute=0, second=0, microsecond=0)
        EndpointHour.objects.create(endpoint=listening, hour=hour, answer="200", delivered=3)
        begun = timezone.now()
        for milliseconds in (100, 182, 3000):
            answered = begun + timedelta(milliseconds=milliseconds)
            make_attempt(make_delivery(listening, "Success"), requested_at=begun, responded_at=answered)
        assert "182 ms median answer" in section(overview(login(), listening), "Last 24 hours")


class TestLatest:
    def test_the_newest_six_with_their_answers(self, login: Login, listening: Endpoint) -> None:
        begun = timezone.now()
        for number in range(7):
            delivery = make_delivery(listening, "Success", at=begun + timedelta(seconds=number))
            answered = begun + timedelta(milliseconds=100 + number)
            make_attempt(delivery, http_status="200 OK", requested_at=begun, responded_at=answered)
        html = overview(login(), listening)
        text = section(html, "Latest deliveries")
        assert text.count("Delivered") == 6
        assert reverse("portal-delivery", args=[listening.project_id, delivery.pk]) in html
        assert "200 OK, 106 ms" in text
        assert "200 OK, 100 ms" not in text

    def test_each_status(self, login: Login, listening: Endpoint) -> None:
        retry = make_delivery(listening, "Retry", next_send_time=timezone.now() + timedelta(minutes=4, seconds=20))
        make_attempt(retry, status=False, http_status="503 Service Unavailable")
        failed = make_delivery(listening, "Failure")
        make_attempt(failed, status=False, http_status="", error="connection failed: Connection refused")
        make_delivery(listening, "Discarded")
        due = make_delivery(listening, "Retry", next_send_time=timezone.now() - timedelta(seconds=20))
        make_attempt(due, status=False, http_status="502 Bad Gateway")
        make_delivery(listening, "Scheduled", test="test")
        text = section(overview(login(), listening), "Latest deliveries")
        for words in (
            "Retrying 503, again in 4 min",
            "Retrying 502, again in a moment",
            "Failed Connection refused",
            "Not sent Paused or disabled",
            "Scheduled Test",
        ):
            assert words in text

    def test_they_are_hidden_from_who_may_not_see_deliveries(self, login: Login, listening: Endpoint) -> None:
        make_delivery(listening, "Success", event_type="invoice.paid")
        html = overview(login(EVERYTHING - {VIEW_DELIVERIES}), listening)
        assert "Latest deliveries" not in html
        assert "Last 24 hours" not in html
        assert "Listens to" in html

    @pytest.mark.parametrize("rows", [1, 50])
    def test_statements(self, login: Login, listening: Endpoint, rows: int) -> None:
        for _ in range(rows):
            make_attempt(make_delivery(listening, "Success"))
        customer = login()
        overview(customer, listening)
        with statements() as made:
            overview(customer, listening)
        # The session, the endpoint, its health; the event types, the median answer,
        # the figures, the latest deliveries, the filters, the menu's catalogue.
        assert len(made) == 9


class TestEvents:
    def test_all(self, login: Login, project: Project, listening: Endpoint) -> None:
        for name in ("order.created", "order.paid"):
            EventType.objects.create(project=project, name=name)
        text = section(overview(login(), listening), "Listens to")
        assert text.endswith("All events Today's 2 types and those added later")

    def test_none(self, login: Login, endpoint: Endpoint) -> None:
        html = overview(login(), endpoint)
        assert section(html, "Listens to").endswith("Nothing yet")
        assert says(html).startswith("This endpoint gets nothing yet.")

    def test_a_group_and_conditions(self, login: Login, project: Project, endpoint: Endpoint) -> None:
        for name in ("order.created", "order.paid", "invoice.paid"):
            EventType.objects.create(project=project, name=name)
        subscription = create_subscription(
            project.uid,
            name="Some",
            endpoint_id=endpoint.uid,
            filter_config={"event_types": ["order.created", "order.paid", "invoice.paid"]},
        )
        subscription.filters.filter(event_type="invoice.paid").update(conditions={"body": {"total": {"$gte": 100}}})
        text = section(overview(login(), endpoint), "Listens to")
        assert "order.* All 2 order events" in text
        assert "invoice.paid if total ≥ 100" in text

    def test_an_endpoint_without_an_owner_says_what_it_receives(
        self, login: Login, project: Project, make_endpoint: MakeEndpoint, listening: Endpoint
    ) -> None:
        note = "It receives the events that are sent to it alone, and those that are sent to everyone."
        bare = make_endpoint(name="Bare")
        link = create_portal_link(project.uid, name="List", endpoints=[bare.uid]).link
        assert note in overview(Customer(project, link.token), bare)
        assert note not in overview(login(), listening)


class TestSecret:
    def test_it_is_shown_when_asked_for_and_can_be_hidden(self, login: Login, listening: Endpoint) -> None:
        customer = login()
        assert SECRET not in overview(customer, listening)
        response = customer.post(f"endpoints/{listening.uid}/secret")
        html = response.content.decode()
        assert html.count(SECRET) == 1
        assert 'data-hide-after="60"' in html
        [template] = re.findall("<template>.*?</template>", html, re.DOTALL)
        assert "Reveal" in template

    def test_during_an_overlap_both_are_live(self, login: Login, listening: Endpoint) -> None:
        customer = login()
        html = customer.post(f"endpoints/{listening.uid}/rotate", expiration="72").content.decode()
        assert "There is a new signing secret. The previous one stays valid for 3 days." in html
        assert "A replaced secret is valid until" in section(html, "Signing secret")
        assert "The previous secret, valid until" in customer.post(f"endpoints/{listening.uid}/secret").content.decode()

    @pytest.mark.parametrize("hours", ["", "x", "-1", "1.5", "99999999999"])
    def test_an_overlap_that_is_none(self, login: Login, listening: Endpoint, hours: str) -> None:
        response = login().post(f"endpoints/{listening.uid}/rotate", expiration=hours)
        assert response.status_code == 409
        listening.refresh_from_db()
        assert len(listening.secrets) == 1


class TestButtons:
    def test_pause_and_resume(self, login: Login, listening: Endpoint) -> None:
        customer = login()
        html = customer.post(f"endpoints/{listening.uid}/pause").content.decode()
        assert "The endpoint is paused: nothing is sent to it until you resume it." in html
        assert f"/endpoints/{listening.uid}/pause" not in html
        html = customer.post(f"endpoints/{listening.uid}/activate").content.decode()
        assert "The endpoint is active again." in html
        assert f"/endpoints/{listening.uid}/pause" in html

    def test_what_cannot_be_done_says_why(self, login: Login, listening: Endpoint) -> None:
        response = login().post(f"endpoints/{listening.uid}/activate")
        assert response.status_code == 409
        assert "This cannot be done now: " in response.content.decode()

    def test_what_a_customer_writes_is_text(self, login: Login, make_endpoint: MakeEndpoint) -> None:
        hostile = "<script>alert(1)</script>"
        endpoint = make_endpoint(
            owner_id=OWNER,
            name=hostile,
            url=f"https://x.example/{hostile}",
            description=hostile,
            authentication={"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "v"}},
        )
        Endpoint.objects.filter(pk=endpoint.pk).update(metadata={hostile: hostile}, support_email=hostile)
        create_subscription(
            endpoint.project_id, name="x", endpoint_id=endpoint.uid, filter_config={"event_types": [hostile]}
        )
        EndpointState.objects.create(
            endpoint=endpoint,
            failed_in_a_row=3,
            failing_since=timezone.now(),
            last_failure="404",
            last_failure_text=f"404 {hostile}",
            last_failure_at=timezone.now(),
        )
        delivery = make_delivery(endpoint, "Failure", event_type=hostile)
        make_attempt(delivery, status=False, http_status=f"404 {hostile}")
        Endpoint.objects.filter(pk=endpoint.pk).update(status="paused", status_since=timezone.now())
        make_delivery(endpoint, "Discarded", event_type=hostile)
        customer = login()
        for html in (overview(customer, endpoint), customer.html(), customer.html(q=hostile)):
            assert "<script" not in html
            assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


class TestMissed:
    @pytest.mark.slow
    def test_what_was_missed_is_sent(self, login: Login, listening: Endpoint) -> None:
        customer = login()
        customer.post(f"endpoints/{listening.uid}/pause")
        for _ in range(2):
            make_delivery(listening, "Discarded")
        make_delivery(listening, "Discarded", at=timezone.now() - timedelta(days=1))
        html = customer.post(f"endpoints/{listening.uid}/activate", missed="send").content.decode()
        assert "The endpoint is active again. 2 events that were missed are being sent." in html
        assert BatchRetry.objects.count() == 1

    def test_from_now_on_only(self, login: Login, listening: Endpoint) -> None:
        customer = login()
        customer.post(f"endpoints/{listening.uid}/pause")
        make_delivery(listening, "Discarded")
        html = customer.post(f"endpoints/{listening.uid}/activate", missed="").content.decode()
        assert "The endpoint is active again.</p>" in html
        assert BatchRetry.objects.count() == 0

    def test_nothing_is_changed_for_who_may_not_send(self, login: Login, listening: Endpoint) -> None:
        switch(listening, "paused")
        make_delivery(listening, "Discarded")
        response = login(EVERYTHING - {CREATE_ATTEMPTS}).post(f"endpoints/{listening.uid}/activate", missed="send")
        assert response.status_code == 403
        listening.refresh_from_db()
        assert listening.status == "paused"
