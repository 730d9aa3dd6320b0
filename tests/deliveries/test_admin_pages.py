"""The operators' page of one delivery, event or attempt: masked as in the portal, and sent again."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from activity.models import Activity
from endpoints.models import Endpoint
from events.models import EventDelivery
from projects.models import Project
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.operators.staff import staff

MakeEndpoint = Callable[..., Endpoint]
DELIVERIES, ATTEMPTS, EVENTS = (f"/admin/events/{name}/" for name in ("eventdelivery", "deliveryattempt", "event"))
HOSTILE = "<script>alert(1)</script>"


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return unescape(response.content.decode())


def post(client: Client, delivery: EventDelivery) -> Any:
    return client.post(f"{DELIVERIES}{delivery.uid}/resend")


class TestShown:
    @pytest.mark.slow
    def test_the_newest_request_and_answer_first(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        delivery = make_delivery(make_endpoint(owner_id="acme"), "Failure")
        at = timezone.now().replace(microsecond=0)
        make_attempt(delivery, status=False, http_status="", error="connection refused", responded_at=None)
        newest = make_attempt(delivery, status=False, requested_at=at, responded_at=at + timedelta(seconds=2.14))
        shown = page(admin_client, f"{DELIVERIES}{delivery.uid}/change/")
        assert shown.index("503 Service Unavailable") < shown.index("connection refused")
        for text in (f"{at:%Y-%m-%d %H:%M:%S}", "2.1 s", "no answer", "busy", f"{ATTEMPTS}{newest.uid}/change/"):
            assert text in shown, text

    def test_it_links_to_all_that_is_related(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint(owner_id="acme")
        delivery = make_delivery(endpoint, "Failure")
        shown = page(admin_client, f"{DELIVERIES}{delivery.uid}/change/")
        for path in (
            f"{EVENTS}{delivery.event_id}/change/",
            f"/admin/endpoints/endpoint/{endpoint.uid}/change/",
            f"/admin/subscriptions/subscription/{delivery.subscription_id}/change/",
            f"/admin/projects/project/{endpoint.project_id}/change/",
            f"/admin/customers/{endpoint.project_id}/acme/",
            f"{ATTEMPTS}?delivery={delivery.uid}",
        ):
            assert f'href="{path}"' in shown, path

    def test_a_delivery_without_an_attempt(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        delivery = make_delivery(make_endpoint(), "Discarded", description="the endpoint is inactive")
        assert "Nothing was sent yet: the endpoint is inactive." in page(
            admin_client, f"{DELIVERIES}{delivery.uid}/change/"
        )

    @pytest.mark.slow
    def test_headers_are_masked_as_in_the_portal(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint()
        event = make_event(endpoint.project_id, endpoints=[endpoint.uid], headers={"X-Tenant": ["tenant-secret"]})
        delivery = make_delivery(endpoint, "Failure", event=event)
        sent, answered = {"X-Tenant": "tenant-secret"}, {"Set-Cookie": "cookie-secret", "Content-Type": "text/html"}
        attempt = make_attempt(delivery, status=False, request_http_header=sent, response_http_header=answered)
        paths = (f"{DELIVERIES}{delivery.uid}", f"{EVENTS}{event.uid}", f"{ATTEMPTS}{attempt.uid}")
        for path in paths:
            shown = page(admin_client, f"{path}/change/")
            assert "***" in shown
            assert "tenant-secret" not in shown
            assert "cookie-secret" not in shown

    @pytest.mark.slow
    def test_payloads_are_hidden_from_those_who_may_change_nothing(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        delivery = make_delivery(make_endpoint(), "Failure")
        attempt = make_attempt(delivery, status=False, response_data="the answer's secret")
        paths = [
            f"{table}{uid}/change/"
            for table, uid in ((DELIVERIES, delivery.uid), (EVENTS, delivery.event_id), (ATTEMPTS, attempt.uid))
        ]
        reader = staff("view_eventdelivery", "view_event", "view_deliveryattempt")
        secrets = ('"invoice"', "the answer's secret")
        for path in paths:
            assert any(text in page(reader, path) for text in secrets), path
        Project.objects.filter(pk=project.pk).update(portal_hides_payloads=True)
        for path in paths:
            shown = page(reader, path)
            assert not any(text in shown for text in secrets), path
            assert "which this project hides" in shown
            assert any(text in page(admin_client, path) for text in secrets), path

    @pytest.mark.slow
    def test_attempts_are_shown_to_those_who_may_see_attempts(self, make_endpoint: MakeEndpoint) -> None:
        delivery = make_delivery(make_endpoint(), "Failure")
        make_attempt(delivery, status=False, response_data="the answer's body")
        reader = staff("view_eventdelivery")
        path = f"{DELIVERIES}{delivery.uid}/change/"
        shown = page(reader, path)
        assert "the answer's body" not in shown
        assert "Requests and answers" not in shown
        User.objects.get(username="staff").user_permissions.add(Permission.objects.get(codename="view_deliveryattempt"))
        assert "the answer's body" in page(reader, path)

    @pytest.mark.slow
    def test_hostile_texts_are_escaped(self, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint(name=HOSTILE, owner_id=HOSTILE)
        event = make_event(
            endpoint.project_id,
            endpoints=[endpoint.uid],
            event_type=HOSTILE,
            data=f'{{"a":"{HOSTILE}"}}',
            idempotency_key=HOSTILE,
        )
        delivery = make_delivery(endpoint, "Failure", event=event, description=HOSTILE)
        attempt = make_attempt(
            delivery,
            status=False,
            url=f"https://example.com/{HOSTILE}",
            response_data=HOSTILE,
            error=HOSTILE,
            http_status=f"500 {HOSTILE}",
            response_http_header={HOSTILE: HOSTILE},
        )
        for path in (
            *(DELIVERIES, EVENTS, ATTEMPTS, f"{DELIVERIES}{delivery.uid}/change/"),
            *(f"{EVENTS}{event.uid}/change/", f"{ATTEMPTS}{attempt.uid}/change/", "/admin/endpoints/endpoint/"),
        ):
            response = admin_client.get(path)
            assert response.status_code == 200
            assert HOSTILE not in response.content.decode(), path
            assert HOSTILE in unescape(response.content.decode()), path


class TestSentAgain:
    def test_an_id_that_no_row_can_have(self, admin_client: Client) -> None:
        for path in ("resend", "change/"):
            assert admin_client.post(f"{DELIVERIES}a%00b/{path}").status_code == 404

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("status", "label"), [("Failure", "Send again"), ("Discarded", "Send again"), ("Retry", "Send now")]
    )
    def test_by_the_button(self, admin_client: Client, make_endpoint: MakeEndpoint, status: str, label: str) -> None:
        delivery = make_delivery(make_endpoint(owner_id="acme"), status)
        path = f"{DELIVERIES}{delivery.uid}/change/"
        shown = page(admin_client, path)
        assert f">{label}</button>" in shown
        response = post(admin_client, delivery)
        assert (response.status_code, response.headers["Location"]) == (302, path)
        before = delivery.due_at
        delivery.refresh_from_db()
        assert delivery.due_at is not None
        assert before is None or delivery.due_at < before
        row = Activity.objects.get(verb="delivery.retried")
        assert (row.actor_kind, row.actor_name, row.owner_id) == ("operator", "admin", "acme")
        assert LogEntry.objects.get().object_id == delivery.uid

    @pytest.mark.parametrize("status", ["Success", "Processing"])
    def test_there_is_none_for_the_others(self, admin_client: Client, make_endpoint: MakeEndpoint, status: str) -> None:
        delivery = make_delivery(make_endpoint(), status)
        assert f"{delivery.uid}/resend" not in page(admin_client, f"{DELIVERIES}{delivery.uid}/change/")
        post(admin_client, delivery)
        delivery.refresh_from_db()
        assert delivery.status == status

    @pytest.mark.slow
    def test_nobody_else_may(self, client: Client, admin_client: Client, make_endpoint: MakeEndpoint) -> None:
        delivery = make_delivery(make_endpoint(), "Failure")
        reader = staff("view_eventdelivery")
        assert "/resend" not in page(reader, f"{DELIVERIES}{delivery.uid}/change/")
        assert post(reader, delivery).status_code == 403
        assert post(client, delivery).status_code == 302
        assert admin_client.get(f"{DELIVERIES}{delivery.uid}/resend").status_code == 405
        assert admin_client.post(f"{DELIVERIES}nope/resend").status_code == 404
        unaware = Client(enforce_csrf_checks=True)
        unaware.cookies = admin_client.cookies
        assert post(unaware, delivery).status_code == 403
        delivery.refresh_from_db()
        assert delivery.status == "Failure"
