"""An operator acts for a customer: by the operations of the API, asked first, and recorded."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from activity.models import Activity
from deliveries.batch_retry import work_off
from endpoints.models import Endpoint
from events.models import BatchRetry
from portal_links.access import find_access
from portal_links.capabilities import READ_ONLY
from portal_links.models import PortalLink, PortalSession
from portal_links.operations import create_portal_link
from portal_links.sessions import preview_portal
from projects.models import Project
from tests.deliveries.rows import make_attempt, make_delivery
from tests.operators.staff import staff

MakeEndpoint = Callable[..., Endpoint]
ALL_RIGHTS = [
    f"{what}_{table}"
    for table in ("endpoint", "eventdelivery", "portallink", "portalsession")
    for what in ("view", "change")
]


def url(project: Project, owner: str = "acme") -> str:
    return f"/admin/customers/{project.uid}/{owner}/"


def ask(client: Client, project: Project, act: str, row: str = "") -> Any:
    return client.post(url(project), {"act": act, "row": row})


def do(client: Client, project: Project, act: str, row: str = "") -> list[str]:
    """Do it, confirmed; the messages that the customer's page shows then."""
    sent = {"act": act, "row": row, "confirmed": "yes"}
    response: Any = client.post(url(project), sent, follow=True)
    assert response.redirect_chain == [(url(project), 302)]
    return [str(message) for message in response.context["messages"]]


def recorded(verb: str) -> tuple[str, str, str]:
    row = Activity.objects.get(verb=verb)
    return row.actor_kind, row.actor_name, row.owner_id


@pytest.fixture
def endpoint(make_endpoint: MakeEndpoint) -> Endpoint:
    return make_endpoint(owner_id="acme", name="Billing")


class TestEndpoints:
    @pytest.mark.slow
    def test_pause_and_activate(self, admin_client: Client, project: Project, endpoint: Endpoint) -> None:
        asked = ask(admin_client, project, "pause", endpoint.uid)
        assert "Pause Billing?" in asked.content.decode()
        endpoint.refresh_from_db()
        assert endpoint.status == "active"
        assert do(admin_client, project, "pause", endpoint.uid) == ["Paused Billing."]
        endpoint.refresh_from_db()
        assert endpoint.status == "paused"
        assert recorded("endpoint.paused") == ("operator", "admin", "acme")
        assert LogEntry.objects.get().change_message == "Paused Billing. (customer acme)"
        assert do(admin_client, project, "activate", endpoint.uid) == ["Activated Billing."]
        endpoint.refresh_from_db()
        assert endpoint.status == "active"

    def test_a_refusal_is_shown(self, admin_client: Client, project: Project, endpoint: Endpoint) -> None:
        [said] = do(admin_client, project, "activate", endpoint.uid)
        assert "active" in said
        assert not LogEntry.objects.exists()


class TestRetry:
    @pytest.mark.slow
    def test_all_that_failed(
        self, admin_client: Client, project: Project, endpoint: Endpoint, make_endpoint: MakeEndpoint
    ) -> None:
        second = make_endpoint(owner_id="acme")
        stranger = make_endpoint(owner_id="other")
        for each in (endpoint, endpoint, second, stranger):
            make_attempt(make_delivery(each, "Failure"), status=False)
        make_delivery(endpoint, "Retry")
        asked = ask(admin_client, project, "retry").content.decode()
        assert "Send 3 failed and 1 waiting deliveries to acme now?" in asked
        assert not BatchRetry.objects.exists()
        do(admin_client, project, "retry")
        batch = BatchRetry.objects.get()
        assert set(batch.parameters["endpoint_ids"]) == {endpoint.uid, second.uid}
        assert batch.parameters["statuses"] == ["Failure", "Retry"]
        assert batch.parameters["of_present_owner"] is True
        assert recorded("deliveries.retried") == ("operator", "admin", "acme")
        assert "active batch retry" in do(admin_client, project, "retry")[0]

    @pytest.mark.slow
    def test_those_of_one_endpoint(self, admin_client: Client, project: Project, endpoint: Endpoint) -> None:
        make_delivery(endpoint, "Failure")
        asked = ask(admin_client, project, "retry", endpoint.uid).content.decode()
        assert "Send 1 failed and 0 waiting deliveries to Billing now?" in asked
        do(admin_client, project, "retry", endpoint.uid)
        assert BatchRetry.objects.get().parameters["endpoint_ids"] == [endpoint.uid]

    @pytest.mark.parametrize(
        ("status", "warning"), [("paused", "when it is activated"), ("inactive", "activate it first")]
    )
    def test_it_says_where_they_would_not_be_sent(
        self, admin_client: Client, project: Project, endpoint: Endpoint, status: str, warning: str
    ) -> None:
        assert warning not in ask(admin_client, project, "retry", endpoint.uid).content.decode()
        Endpoint.objects.filter(pk=endpoint.pk).update(status=status)
        assert warning in ask(admin_client, project, "retry", endpoint.uid).content.decode()

    @pytest.mark.slow
    def test_they_are_sent(self, admin_client: Client, project: Project, endpoint: Endpoint) -> None:
        rows = [make_delivery(endpoint, status) for status in ("Failure", "Retry", "Discarded", "Success")]
        do(admin_client, project, "retry")
        while work_off():
            pass
        for row in rows:
            row.refresh_from_db()
        assert [row.status for row in rows] == ["Scheduled", "Retry", "Discarded", "Success"]
        assert all(row.due_at is not None and row.due_at <= timezone.now() for row in rows[:2])


class TestAccess:
    def test_their_portal_is_opened_for_reading(self, admin_client: Client, project: Project) -> None:
        response: Any = ask(admin_client, project, "preview")
        assert response.status_code == 302
        access = find_access(response.url.partition("#token=")[2])
        assert access is not None
        assert (access.owner_id, access.capabilities, access.is_preview) == ("acme", READ_ONLY, True)
        assert recorded("portal.previewed") == ("operator", "admin", "acme")
        assert LogEntry.objects.get().change_message == "Previewed the portal. (customer acme)"

    @pytest.mark.slow
    def test_a_link_is_revoked(self, admin_client: Client, project: Project) -> None:
        link = create_portal_link(project.uid, name="Birch", owner_id="acme").link
        assert "Revoke the link Birch for good?" in ask(admin_client, project, "revoke", link.uid).content.decode()
        assert PortalLink.objects.get().deleted_at is None
        assert do(admin_client, project, "revoke", link.uid) == ["Revoked Birch."]
        assert PortalLink.objects.get().deleted_at is not None
        assert recorded("portal_link.revoked") == ("operator", "admin", "acme")

    @pytest.mark.slow
    def test_a_session_is_ended(self, admin_client: Client, project: Project) -> None:
        session, token = preview_portal(project.uid, operator="jane", owner_id="acme")
        ask(admin_client, project, "end", session.uid)
        assert find_access(token) is not None
        assert do(admin_client, project, "end", session.uid) == ["Ended the session."]
        assert find_access(token) is None
        assert recorded("portal_session.revoked") == ("operator", "admin", "acme")

    @pytest.mark.slow
    def test_all_access_is_ended(self, admin_client: Client, project: Project) -> None:
        static = create_portal_link(project.uid, name="Static", owner_id="acme").link
        refresh = create_portal_link(project.uid, name="Refresh", owner_id="acme", auth_type="refresh_token").link
        foreign = create_portal_link(project.uid, name="Other", owner_id="other").link
        _, token = preview_portal(project.uid, operator="jane", owner_id="acme")
        ask(admin_client, project, "end_access")
        assert find_access(token) is not None
        assert do(admin_client, project, "end_access") == ["Ended the sessions and revoked 2 links."]
        assert find_access(token) is None
        assert find_access(static.token) is None
        assert find_access(foreign.token) is not None
        assert set(PortalLink.objects.exclude(deleted_at=None)) == {static, refresh}
        assert not PortalSession.objects.filter(revoked_at=None, owner_id="acme").exists()


class TestRefused:
    @pytest.mark.parametrize("act", ["pause", "activate", "retry", "revoke", "end"])
    def test_rows_of_others(
        self, admin_client: Client, project: Project, other_project: Project, make_endpoint: MakeEndpoint, act: str
    ) -> None:
        for owner, of in (("other", project), ("acme", other_project)):
            rows = {
                "revoke": create_portal_link(of.uid, name="Birch", owner_id=owner).link,
                "end": preview_portal(of.uid, operator="jane", owner_id=owner).session,
            }
            row = rows.get(act) or make_endpoint(owner_id=owner, project_id=of.uid)
            sent = {"act": act, "row": row.pk, "confirmed": "yes"}
            assert admin_client.post(url(project), sent).status_code == 404
        assert not Activity.objects.filter(actor_kind="operator").exists()

    @pytest.mark.parametrize("act", ["", "nope", "delete", "pause"])
    def test_what_there_is_not(self, admin_client: Client, project: Project, act: str) -> None:
        for row in ("", "nope", "\x00"):
            sent = {"act": act, "row": row, "confirmed": "yes"}
            assert admin_client.post(url(project), sent).status_code == 404

    @pytest.mark.parametrize(
        ("act", "right"),
        [
            ("pause", "change_endpoint"),
            ("activate", "change_endpoint"),
            ("retry", "change_eventdelivery"),
            ("revoke", "change_portallink"),
            ("end", "change_portalsession"),
            ("preview", "change_portalsession"),
            ("end_access", "change_portallink"),
            ("end_access", "change_portalsession"),
        ],
    )
    def test_without_the_right(self, project: Project, endpoint: Endpoint, act: str, right: str) -> None:
        client = staff(*(each for each in ALL_RIGHTS if each != right))
        sent = {"act": act, "row": endpoint.uid, "confirmed": "yes"}
        assert client.post(url(project), sent).status_code == 403
        assert f'name="act" value="{act}"' not in client.get(url(project)).content.decode()
        assert not Activity.objects.filter(actor_kind="operator").exists()

    def test_without_the_csrf_token(self, admin_client: Client, project: Project, endpoint: Endpoint) -> None:
        unaware = Client(enforce_csrf_checks=True)
        unaware.cookies = admin_client.cookies
        sent = {"act": "pause", "row": endpoint.uid, "confirmed": "yes"}
        assert unaware.post(url(project), sent).status_code == 403
        endpoint.refresh_from_db()
        assert endpoint.status == "active"

    def test_a_get_changes_nothing(self, admin_client: Client, project: Project, endpoint: Endpoint) -> None:
        admin_client.get(url(project), {"act": "pause", "row": endpoint.uid, "confirmed": "yes"})
        endpoint.refresh_from_db()
        assert endpoint.status == "active"
