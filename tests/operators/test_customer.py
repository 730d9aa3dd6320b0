"""The page of a customer: what it shows, and to whom."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from activity.models import Activity
from applications.operations import create_application
from endpoints.models import Endpoint, EndpointState
from endpoints.operations import pause_endpoint
from operators import customers
from portal_links.operations import create_portal_link
from portal_links.sessions import preview_portal
from projects.models import Project
from projects.operations import delete_project
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.locks import locked
from tests.operators.staff import staff

MakeEndpoint = Callable[..., Endpoint]
HOSTILE = "<script>alert(1)</script>"


def url(project: Project, owner: str = "acme") -> str:
    return f"/admin/customers/{project.uid}/{owner}/"


def page(client: Client, project: Project, owner: str = "acme") -> str:
    response = client.get(url(project, owner))
    assert response.status_code == 200
    return unescape(response.content.decode())


class TestShown:
    def test_the_application_of_the_customer(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        make_endpoint(owner_id="acme")
        create_application(project.uid, owner_id="acme", name="Acme & Sons", metadata={"plan": "gold"})
        create_application(project.uid, owner_id="globex", name="Globex")
        shown = page(admin_client, project)
        assert "Acme & Sons, plan: gold" in shown
        assert "Globex" not in shown

    def test_endpoints_with_the_words_of_the_portal(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        make_endpoint(owner_id="acme", name="Quiet")
        paused = make_endpoint(owner_id="acme", name="Held", url="https://held.example.com/in")
        pause_endpoint(project.uid, paused.uid)
        shown = page(admin_client, project)
        for text in (
            *("Customer acme", ">Quiet</a>", ">Held</a>", "https://held.example.com/in"),
            *(">Paused</span>", "Nothing has been missed so far.", ">Not subscribed</span>"),
            *("This endpoint gets nothing yet.", f"?endpoint={paused.uid}"),
        ):
            assert text in shown, text

    @pytest.mark.slow
    def test_failures_lead_to_the_request_and_its_answer(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint(owner_id="acme", name="Billing")
        at = timezone.now().replace(microsecond=0)
        failed = make_delivery(endpoint, "Failure")
        make_attempt(failed, status=False, requested_at=at, responded_at=at + timedelta(milliseconds=164))
        discarded = make_delivery(
            endpoint, "Discarded", num_trials=0, description="the endpoint was not active when the event came in"
        )
        sent = make_delivery(endpoint, "Success")
        shown = page(admin_client, project)
        for text in (
            *(f"{at:%Y-%m-%d %H:%M:%S}", "503 Service Unavailable", "164 ms", "The endpoint was paused or disabled"),
            *(f"/eventdelivery/{failed.uid}/change/", f"/eventdelivery/{discarded.uid}/change/"),
        ):
            assert text in shown, text
        assert sent.uid not in shown
        detail = unescape(admin_client.get(f"/admin/events/eventdelivery/{failed.uid}/change/").content.decode())
        for text in ("503 Service Unavailable", "busy", '"invoice"', "164 ms", "https://hooks.example.com/in"):
            assert text in detail, text
        assert f'href="{url(project)}"' in detail

    def test_access_and_activity(self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint) -> None:
        make_endpoint(owner_id="acme", name="Billing")
        create_portal_link(project.uid, name="Acme, static", owner_id="acme")
        session, _ = preview_portal(project.uid, operator="jane", owner_id="acme")
        shown = page(admin_client, project)
        for text in (
            *(">Acme, static</a>", "not recorded for static links", "preview: jane", "has access"),
            *("endpoint.created", "portal_link.created", "portal.previewed", f"/portalsession/{session.uid}/change/"),
        ):
            assert text in shown, text

    def test_neither_tokens_nor_secrets(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        make_endpoint(owner_id="acme", secret="the signing secret")
        link = create_portal_link(project.uid, name="Birch", owner_id="acme").link
        shown = page(admin_client, project)
        assert "the signing secret" not in shown
        assert link.token not in shown

    def test_rows_of_others_are_not_there(
        self, admin_client: Client, project: Project, other_project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        for owner, of in (("other", project), ("acme", other_project)):
            endpoint = make_endpoint(owner_id=owner, name="Foreign", project_id=of.uid)
            make_attempt(make_delivery(endpoint, "Failure"), status=False)
            create_portal_link(of.uid, name="Foreign", owner_id=owner)
            preview_portal(of.uid, operator="foreigner", owner_id=owner)
        shown = page(admin_client, project)
        assert "Foreign" not in shown
        assert "foreigner" not in shown
        assert "503" not in shown
        for text in ("has no endpoint", "Nothing has failed", "There is no link.", "There is no session."):
            assert text in shown

    def test_what_was_sent_to_an_earlier_owner_is_not_there(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint(owner_id="acme")
        before = make_delivery(endpoint, "Failure", at=timezone.now() - timedelta(hours=1))
        after = make_delivery(endpoint, "Failure")
        Endpoint.objects.filter(pk=endpoint.pk).update(held_from=after.uid)
        shown = page(admin_client, project)
        assert before.uid not in shown
        assert after.uid in shown

    def test_hostile_texts_are_escaped(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint(owner_id="acme", name=HOSTILE)
        event = make_event(project.uid, event_type=HOSTILE, endpoints=[endpoint.uid])
        make_attempt(
            make_delivery(endpoint, "Failure", event=event), status=False, http_status=f"500 {HOSTILE}", error=HOSTILE
        )
        EndpointState.objects.update_or_create(
            endpoint=endpoint,
            defaults={
                "last_failure": "500",
                "last_failure_text": f"500 {HOSTILE}",
                "last_failure_at": timezone.now(),
                "failed_in_a_row": 3,
            },
        )
        create_portal_link(project.uid, name=HOSTILE, owner_id="acme")
        preview_portal(project.uid, operator=HOSTILE, owner_id="acme")
        Activity.objects.update(object_name=HOSTILE, actor_name=HOSTILE)
        response = admin_client.get(url(project))
        assert response.status_code == 200
        assert HOSTILE not in response.content.decode()
        assert HOSTILE in unescape(response.content.decode())

    @pytest.mark.slow
    def test_queries(self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint) -> None:
        numbers = []
        for _ in range(2):
            for number in range(4):
                endpoint = make_endpoint(owner_id="acme", name=f"Endpoint {number}")
                make_attempt(make_delivery(endpoint, "Failure"), status=False)
                create_portal_link(project.uid, name=f"Link {number}", owner_id="acme", auth_type="refresh_token")
                preview_portal(project.uid, operator="jane", owner_id="acme")
            with CaptureQueriesContext(connection) as made:
                page(admin_client, project)
            numbers.append(len(made))
        # Session and user, the project; savepoints and limits; two for endpoints, three for failures, one for links,
        # three for sessions, one for activity.
        assert numbers[0] == numbers[1] <= 24

    @pytest.mark.slow
    @pytest.mark.django_db(transaction=True)
    def test_too_many_rows(
        self, admin_client: Client, project: Project, make_endpoint: MakeEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A lock on the table stands for rows that take long to find."""
        monkeypatch.setattr(customers, "SECONDS", 0.2)
        make_endpoint(owner_id="acme")
        with locked(Endpoint):
            response = admin_client.get(url(project))
        assert response.status_code == 504
        assert "Use the lists instead." in response.content.decode()


class TestRights:
    def test_strangers_are_sent_to_the_login(self, client: Client, project: Project) -> None:
        response = client.get(url(project))
        assert (response.status_code, response.headers["Location"][:13]) == (302, "/admin/login/")

    def test_staff_without_a_right_is_refused(self, project: Project) -> None:
        assert staff("view_event").get(url(project)).status_code == 403

    def test_each_part_has_its_own_right(self, project: Project, make_endpoint: MakeEndpoint) -> None:
        endpoint = make_endpoint(owner_id="acme", name="Billing")
        make_attempt(make_delivery(endpoint, "Failure"), status=False)
        create_portal_link(project.uid, name="Birch", owner_id="acme")
        shown = page(staff("view_endpoint"), project)
        assert "Billing" in shown
        for text in ("Last failures", "Portal links", "Portal sessions", "Activity", "Birch", "503", 'name="act"'):
            assert text not in shown, text

    def test_what_is_not_there(self, admin_client: Client, project: Project, other_project: Project) -> None:
        delete_project(other_project.uid)
        for path in (
            url(other_project),
            "/admin/customers/nope/acme/",
            f"/admin/customers/{project.uid}/",
            f"/admin/customers/{project.uid}/{'x' * 256}/",
            f"/admin/customers/{project.uid}/?owner=a%00b",
        ):
            assert admin_client.get(path).status_code == 404, path
