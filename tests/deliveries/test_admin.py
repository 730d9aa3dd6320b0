"""The operators' pages of events, deliveries and attempts."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from core import admin as core_admin
from deliveries.glance import glance
from endpoints.models import Endpoint
from events.models import Event, EventDelivery
from portal_links.models import DeliveryLink
from projects.models import Project
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.locks import locked

MakeEndpoint = Callable[..., Endpoint]

EVENTS, DELIVERIES, ATTEMPTS = (f"/admin/events/{name}/" for name in ("event", "eventdelivery", "deliveryattempt"))
HOSTILE = "<script>alert(1)</script>"


def raw(client: Client, path: str, **query: str) -> str:
    response = client.get(path, query)
    assert response.status_code == 200
    return response.content.decode()


def page(client: Client, path: str, **query: str) -> str:
    return unescape(raw(client, path, **query))


def act(client: Client, *rows: EventDelivery) -> list[str]:
    """Run the action on deliveries; the messages that the next page shows."""
    sent = {"action": "resend", "_selected_action": [row.uid for row in rows]}
    response: Any = client.post(DELIVERIES, sent, follow=True)
    return [str(message) for message in response.context["messages"]]


class TestLists:
    @pytest.fixture
    def rows(self, make_endpoint: MakeEndpoint, other_project: Project) -> list[EventDelivery]:
        endpoint = make_endpoint()
        rows = [make_delivery(endpoint, status) for status in ("Failure", "Success")]
        rows.append(make_delivery(make_endpoint(project_id=other_project.uid), "Retry"))
        for row in rows:
            make_attempt(row, status=row.status == "Success")
        return rows

    @pytest.mark.slow
    def test_all_three(self, admin_client: Client, rows: list[EventDelivery]) -> None:
        for path, noun in ((EVENTS, "events"), (DELIVERIES, "event deliveries"), (ATTEMPTS, "delivery attempts")):
            assert f"3 {noun}\n" in page(admin_client, path)

    @pytest.mark.slow
    def test_filters_and_searches(self, admin_client: Client, rows: list[EventDelivery]) -> None:
        failed, _, foreign = rows
        attempt = failed.attempts.get()
        for path, query in (
            (DELIVERIES, {"status__exact": "Failure"}),
            (DELIVERIES, {"q": failed.uid}),
            (DELIVERIES, {"q": failed.event_id}),
            (DELIVERIES, {"event": failed.event_id}),
            (EVENTS, {"q": failed.event_id}),
            (ATTEMPTS, {"q": failed.uid}),
            (ATTEMPTS, {"q": attempt.uid}),
            (ATTEMPTS, {"delivery": failed.uid}),
            (ATTEMPTS, {"status__exact": "1"}),
            (DELIVERIES, {"project": foreign.project_id}),
            (EVENTS, {"project": foreign.project_id}),
        ):
            assert "\n1 " in page(admin_client, path, **query), (path, query)
        for path in (EVENTS, DELIVERIES, ATTEMPTS):
            assert "\n0 " in page(admin_client, path, q="nope")

    def test_an_idempotency_key_of_a_project(self, admin_client: Client, rows: list[EventDelivery]) -> None:
        event = make_event(rows[0].project_id, idempotency_key="inv-991")
        assert "\n0 " in page(admin_client, EVENTS, q="inv-991")
        assert event.uid in page(admin_client, EVENTS, q="inv-991", project=event.project_id)

    @pytest.mark.slow
    @pytest.mark.parametrize("path", [EVENTS, DELIVERIES, ATTEMPTS])
    def test_the_statements_do_not_grow(
        self,
        admin_client: Client,
        make_endpoint: MakeEndpoint,
        path: str,
        django_assert_max_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for _ in range(20):
            make_attempt(make_delivery(make_endpoint()))
        # Session and user; savepoints, how to plan, the limit and its end; the glance; the count twice and the rows.
        with django_assert_max_num_queries(15):
            page(admin_client, path)

    def test_the_choices_of_a_list_read_no_rows(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        failed = make_event(make_endpoint().project_id, status="Failure")
        other = make_event(failed.project_id)
        with CaptureQueriesContext(connection) as found:
            page(admin_client, EVENTS)
        assert not [query["sql"] for query in found if "DISTINCT" in query["sql"]]
        shown = page(admin_client, EVENTS, status="Failure")
        assert failed.uid in shown
        assert other.uid not in shown

    @pytest.mark.django_db(transaction=True)
    def test_what_takes_too_long(
        self, admin_client: Client, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A lock on the table stands for rows that take long to find."""
        monkeypatch.setattr(core_admin, "LIST_SECONDS", 0.2)
        make_event(make_endpoint().project_id)
        with locked(Event):
            whole = admin_client.get(EVENTS)
            response = admin_client.get(EVENTS, {"status": "Failure"})
        assert (response.status_code, response.headers["Location"]) == (302, EVENTS)
        # The list without a choice leads nowhere else: it would lead to itself for ever.
        assert whole.status_code == 504
        assert core_admin.TOO_LONG in whole.content.decode()
        assert core_admin.TOO_LONG in page(admin_client, EVENTS)


class TestDetails:
    @pytest.mark.slow
    def test_somebody_elses_text_is_escaped(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint()
        event = make_event(endpoint.project_id, data=f'"{HOSTILE}"', event_type=HOSTILE, headers={"X-A": [HOSTILE]})
        delivery = make_delivery(endpoint, "Failure", event=event, description=HOSTILE)
        attempt = make_attempt(
            delivery, response_data=HOSTILE, error=HOSTILE, response_http_header={"X-B": HOSTILE}, http_status=HOSTILE
        )
        for path, row in ((EVENTS, event), (DELIVERIES, delivery), (ATTEMPTS, attempt)):
            for url in (path, f"{path}{row.pk}/change/"):
                content = raw(admin_client, url)
                assert "&lt;script&gt;alert(1)&lt;/script&gt;" in content
                assert HOSTILE not in content

    def test_a_payload_is_shown_as_it_is_and_not_without_end(
        self, admin_client: Client, make_endpoint: MakeEndpoint
    ) -> None:
        payload = '{"b":1,"a":1.10,"long":"' + "x" * 200_000 + '"}'
        event = make_event(make_endpoint().project_id, data=payload)
        content = page(admin_client, f"{EVENTS}{event.pk}/change/")
        assert payload[: core_admin.SHOWN_CHARACTERS] in content
        assert payload[: core_admin.SHOWN_CHARACTERS + 1] not in content
        assert "And 100026 characters more." in content

    def test_no_page_shows_an_endpoints_credentials(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        key = {"type": "api_key", "api_key": {"header_name": "X-Key", "header_value": "the value"}}
        delivery = make_delivery(make_endpoint(authentication=key, secret="the signing secret"))
        content = page(admin_client, f"{DELIVERIES}{delivery.pk}/change/")
        assert "the value" not in content
        assert "the signing secret" not in content

    @pytest.mark.parametrize("path", [EVENTS, DELIVERIES, ATTEMPTS])
    def test_nothing_is_added_changed_or_deleted(
        self, admin_client: Client, make_endpoint: MakeEndpoint, path: str
    ) -> None:
        attempt = make_attempt(make_delivery(make_endpoint()))
        pk = {EVENTS: attempt.delivery.event_id, DELIVERIES: attempt.delivery_id, ATTEMPTS: attempt.pk}[path]
        assert admin_client.get(f"{path}add/").status_code == 403
        assert admin_client.post(f"{path}{pk}/change/", {}).status_code == 403
        assert admin_client.post(f"{path}{pk}/delete/", {"post": "yes"}).status_code == 403


class TestResend:
    @pytest.mark.slow
    def test_what_was_given_up_on(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint()
        rows = [make_delivery(endpoint, status) for status in ("Failure", "Discarded", "Success")]
        said = act(admin_client, *rows)
        assert said[0] == "Scheduled again: 2 event deliveries."
        assert said[1].endswith(f"({rows[2].pk}): event already sent")
        assert list(EventDelivery.objects.order_by("pk").values_list("status", flat=True)) == [
            *("Scheduled", "Scheduled", "Success")
        ]
        assert LogEntry.objects.count() == 2

    def test_who_may_only_look_may_not(self, client: Client, make_endpoint: MakeEndpoint, db: None) -> None:
        delivery = make_delivery(make_endpoint(), "Failure")
        user = User.objects.create_user("looker", password="a long password", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_eventdelivery"))
        client.force_login(user)
        assert delivery.uid in page(client, DELIVERIES)
        act(client, delivery)
        delivery.refresh_from_db()
        assert delivery.status == "Failure"


class TestGlance:
    def test_queue_and_attempts_by_project(
        self, admin_client: Client, project: Project, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint, now = make_endpoint(), timezone.now()
        hour = now - timedelta(hours=1)
        make_delivery(endpoint, due_at=hour, next_send_time=hour)
        make_delivery(endpoint, "Retry", due_at=now + timedelta(hours=1), next_send_time=now + timedelta(hours=1))
        make_delivery(endpoint, is_parked=True, next_send_time=now - timedelta(minutes=1))
        done = make_delivery(endpoint, "Success")
        for succeeded in (True, True, True, False):
            make_attempt(done, status=succeeded)
        make_attempt(done, status=False, uid="01JZ8QK3V7M2N4P6R8T0W2Y4A6")  # long ago
        make_delivery(make_endpoint(project_id=other_project.uid))
        ours, theirs = glance()
        assert (ours.project_id, ours.depth, ours.oldest_due, ours.attempts, ours.failure_rate) == (
            *(project.uid, 3, hour, 4, 25),
        )
        assert (theirs.name, theirs.depth, theirs.oldest_due, theirs.failure_rate) == (
            other_project.name,
            1,
            None,
            None,
        )
        shown = page(admin_client, DELIVERIES)
        assert "1\xa0hour ago" in shown
        assert "25.0 %" in shown

    def test_nothing_to_see(self, admin_client: Client, db: None) -> None:
        assert glance() == []
        assert "At a glance" not in page(admin_client, DELIVERIES)


class TestLinks:
    """The action that makes links, and the page that lists them."""

    DELIVERIES = "/admin/events/eventdelivery/"
    LINKS = "/admin/portal_links/deliverylink/"

    def share(self, client: Client, *rows: EventDelivery) -> str:
        form = {"action": "share", "_selected_action": [row.pk for row in rows]}
        return client.post(self.DELIVERIES, form, follow=True).content.decode()

    @pytest.mark.slow
    def test_a_link_to_each(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        rows = [make_delivery(make_endpoint(), "Failure") for _ in range(2)]
        shown = self.share(admin_client, *rows)
        tokens = re.findall(r"<code>http://[^<]*/shared#token=(PDL\.\w+)</code>", shown)
        assert len(tokens) == 2
        for token in tokens:
            headers = {"Authorization": f"Bearer {token}", "HX-Request": "true"}
            assert Client().get(f"/portal/{rows[0].project_id}/shared", headers=headers).status_code == 200
            assert token not in admin_client.get(self.LINKS).content.decode()
        assert DeliveryLink.objects.first().made_by["kind"] == "operator"  # type: ignore[union-attr]

    @pytest.mark.slow
    def test_revoked(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        row = make_delivery(make_endpoint(), "Failure")
        self.share(admin_client, row)
        link = DeliveryLink.objects.get()
        form = {"action": "revoke", "_selected_action": [link.pk], "confirmed": "1"}
        assert admin_client.post(self.LINKS, form, follow=True).status_code == 200
        link.refresh_from_db()
        assert link.revoked_at is not None
        assert "revoked" in admin_client.get(f"{self.LINKS}{link.pk}/change/").content.decode()

    @pytest.mark.slow
    def test_too_many(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint()
        shown = self.share(admin_client, *(make_delivery(endpoint) for _ in range(21)))
        assert "Select at most 20 at once" in shown
        assert not DeliveryLink.objects.exists()
