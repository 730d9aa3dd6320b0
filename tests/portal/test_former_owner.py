"""An endpoint that has been given to another owner: what was sent before is the former owner's, on every surface."""

from typing import Any

import pytest
from django.utils import timezone

from deliveries.batch_retry import work_off
from deliveries.health import endpoint_health
from endpoints.models import Endpoint, EndpointHour, EndpointState
from endpoints.operations import update_endpoint
from events.models import Event, EventDelivery
from outbound.states import Status
from portal.filter_trial import own_event, recent_events
from portal.trials import find_sent, test_result
from portal_links.access import Access, find_access
from portal_links.capabilities import EVERYTHING
from portal_links.models import PortalSession
from portal_links.operations import create_portal_link
from projects.models import Project
from tests.conftest import API
from tests.deliveries.rows import make_attempt, make_delivery, make_event
from tests.portal.customers import Customer, MakeEndpoint, mint
from tests.statements import nothing_changes

test_result.__test__ = False  # type: ignore[attr-defined]  # not a test of pytest's

SECRET = "the former owner's order"
DATA = f'{{"mark":"{SECRET}"}}'


@pytest.fixture
def moved(make_endpoint: MakeEndpoint) -> Endpoint:
    return make_endpoint(owner_id="acme")


@pytest.fixture
def before(moved: Endpoint) -> EventDelivery:
    """A delivery that has failed, with a piece of their answer, before the endpoint was given to globex."""
    event = make_event(moved.project_id, endpoints=[moved.uid], data=DATA, idempotency_key="former key")
    row = make_delivery(moved, Status.FAILURE, event=event)
    make_attempt(row, status=False, response_data="their answer")
    now = timezone.now()
    state = {"failed_in_a_row": 9, "last_failure": "5xx", "last_failure_text": "their answer", "last_failure_at": now}
    EndpointState.objects.update_or_create(endpoint=moved, defaults=state | {"failing_since": now})
    EndpointHour.objects.create(endpoint=moved, hour=now, answer="5xx", delivered=0, failed=9)
    give(moved, "globex")
    return row


@pytest.fixture
def after(before: EventDelivery, moved: Endpoint) -> EventDelivery:
    """One that was sent to globex."""
    return make_delivery(
        moved, Status.FAILURE, event=make_event(moved.project_id, endpoints=[moved.uid], data='{"n":1}')
    )


def give(endpoint: Endpoint, owner_id: str) -> None:
    update_endpoint(endpoint.project_id, endpoint.uid, url=endpoint.url, name=endpoint.name, owner_id=owner_id)
    endpoint.refresh_from_db()


@pytest.fixture(params=["session", "link of the owner", "link of the endpoint"])
def token(request: pytest.FixtureRequest, project: Project, moved: Endpoint) -> str:
    """A credential of globex's."""
    if request.param == "session":
        return mint(project, EVERYTHING, owner_id="globex").secret
    scope: dict[str, Any] = {"owner_id": "globex"}
    if request.param == "link of the endpoint":
        scope = {"endpoints": [moved.uid]}
    return str(create_portal_link(project.uid, name="Globex", can_manage_endpoint=True, **scope).link.token)


@pytest.fixture
def access(before: EventDelivery, after: EventDelivery, token: str) -> Access:
    found = find_access(token)
    assert found is not None
    return found


class TestPortalAPI:
    @pytest.fixture
    def portal(self, access: Access, token: str) -> API:
        portal = API(token, root="/portal-api")
        portal.get("/endpoints")
        return portal

    @pytest.mark.slow
    def test_lists(self, portal: API, after: EventDelivery) -> None:
        for path in ("/eventdeliveries", f"/eventdeliveries?endpointId={after.endpoint_id}"):
            assert [row["uid"] for row in portal.get(path).data["content"]] == [after.uid]
        for path in ("/events", f"/events?endpointId={after.endpoint_id}"):
            assert [row["uid"] for row in portal.get(path).data["content"]] == [after.event_id]
        assert portal.get("/events?idempotencyKey=former%20key").data["content"] == []
        assert portal.get("/eventdeliveries?idempotencyKey=former%20key").error == (400, "event not found")
        assert portal.get("/eventdeliveries/countbatchretryevents?status=Failure").data == {"num": 1}
        assert portal.get("/events/countbatchreplayevents").data == {"num": 1}

    def test_rows_are_as_if_they_were_not_there(self, portal: API, before: EventDelivery) -> None:
        attempt = before.attempts.get()
        delivery, event = f"/eventdeliveries/{before.uid}", f"/events/{before.event_id}"
        with nothing_changes():
            for path in (delivery, f"{delivery}/deliveryattempts", f"{delivery}/deliveryattempts/{attempt.uid}", event):
                assert portal.get(path).error == (401, "unauthorized"), path
            assert portal.get(f"{delivery}/links").error == (401, "unauthorized")
            assert portal.post(f"{delivery}/links").error == (401, "unauthorized")
            for path in (f"{delivery}/resend", f"{event}/replay"):
                assert portal.put(path).error == (401, "unauthorized"), path

    def test_they_are_not_sent_again(self, portal: API, before: EventDelivery, after: EventDelivery) -> None:
        assert portal.post("/eventdeliveries/batchretry?status=Failure").status == 200
        while work_off():
            pass
        before.refresh_from_db()
        after.refresh_from_db()
        assert (before.status, after.status) == (Status.FAILURE, Status.SCHEDULED)
        events = EventDelivery.objects.filter(event=before.event_id).count()
        assert portal.post("/events/batchreplay").status == 200
        assert EventDelivery.objects.filter(event=before.event_id).count() == events
        EventDelivery.objects.filter(pk=before.pk).update(status=Status.SUCCESS)
        assert portal.post("/eventdeliveries/forceresend", {"ids": [before.uid]}).error == (401, "unauthorized")

    def test_figures(self, portal: API, after: EventDelivery) -> None:
        assert portal.get("/eventdeliveries/statustotals").data["totals"][Status.FAILURE] == 1
        summary = portal.get(
            "/dashboard/summary?startDate=2020-01-01T00:00:00&endDate=2120-01-01T00:00:00&type=yearly"
        ).data
        assert summary["events_sent"] == 1
        EventDelivery.objects.filter(pk=after.pk).update(status=Status.SUCCESS)
        [rate] = portal.get(f"/endpoints/period-failure-rates?endpointId={after.endpoint_id}").data
        assert (rate["success_count"], rate["failure_count"]) == (1, 0)


class TestPages:
    @pytest.fixture
    def customer(self, access: Access, project: Project, token: str) -> Customer:
        PortalSession.objects.update(last_used_at=timezone.now(), last_used_from="127.0.0.1")
        return Customer(project, token)

    @pytest.mark.slow
    def test_none_shows_it(self, customer: Customer, before: EventDelivery, after: EventDelivery) -> None:
        endpoint = f"endpoints/{before.endpoint_id}"
        pages = ["", "deliveries", f"deliveries?endpoint={before.endpoint_id}", endpoint, f"{endpoint}/settings"]
        pages += [f"{endpoint}/test", f"deliveries?q={before.uid}", "deliveries?q=former+key", "activity"]
        for page in pages:
            html = customer.html(page)
            # The page of a search repeats what was searched for.
            assert f"deliveries/{before.uid}" not in html, page
            assert before.uid not in html or before.uid in page, page
            assert SECRET not in html
            assert "their answer" not in html
        assert after.uid in customer.html("deliveries")

    def test_its_own_page(self, customer: Customer, before: EventDelivery) -> None:
        with nothing_changes():
            assert customer.get(f"deliveries/{before.uid}").status_code == 404
            assert customer.post(f"deliveries/{before.uid}/retry").status_code == 404
            assert customer.post(f"deliveries/{before.uid}/share").status_code == 404


def test_the_debugger_and_the_trial_of_filters_know_it_no_longer(
    access: Access, moved: Endpoint, before: EventDelivery, after: EventDelivery
) -> None:
    assert find_sent(access, moved, before.uid) is None
    assert find_sent(access, moved, after.uid) is not None
    assert SECRET not in str(recent_events(access, "*"))
    assert own_event(access, before.event_id) == "There is no such event."
    assert own_event(access, after.event_id) != "There is no such event."


def test_its_state_begins_afresh(access: Access, moved: Endpoint) -> None:
    health = endpoint_health([moved.uid])[moved.uid]
    assert (health.last_failure, health.last_failure_text, health.last_failure_at) == ("", "", None)
    assert not EndpointHour.objects.filter(endpoint=moved).exists()


def test_the_company_sees_all_of_it(api: API, access: Access, before: EventDelivery, after: EventDelivery) -> None:
    path = f"/projects/{before.project_id}"
    assert {row["uid"] for row in api.get(f"{path}/eventdeliveries").data["content"]} == {before.uid, after.uid}
    listed = api.get(f"{path}/eventdeliveries?endpointId={before.endpoint_id}").data["content"]
    assert {row["uid"] for row in listed} == {before.uid, after.uid}
    assert api.get(f"{path}/events/{before.event_id}").data["uid"] == before.event_id


class TestTheRule:
    def test_an_owner_who_adopts_an_endpoint_of_nobodys_sees_what_it_has_received(
        self, project: Project, make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint()
        delivery = make_delivery(endpoint)
        give(endpoint, "acme")
        portal = API(mint(project, EVERYTHING, owner_id="acme").secret, root="/portal-api")
        assert [row["uid"] for row in portal.get("/eventdeliveries").data["content"]] == [delivery.uid]
        assert endpoint.held_from == ""

    def test_an_update_that_names_the_same_owner_changes_nothing(self, moved: Endpoint) -> None:
        give(moved, "acme")
        assert moved.held_from == ""

    def test_given_back_it_begins_again(self, project: Project, moved: Endpoint, before: EventDelivery) -> None:
        held = moved.held_from
        give(moved, "acme")
        assert moved.held_from > held > before.uid
        assert Event.objects.filter(pk=before.event_id).exists()
