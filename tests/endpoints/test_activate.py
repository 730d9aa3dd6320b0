"""POST /api/v1/projects/{projectID}/endpoints/{endpointID}/activate"""

from datetime import timedelta

import pytest
from django.utils import timezone

from endpoints.models import Endpoint, EndpointState, Notification
from tests.conftest import API
from tests.hostile import UNREADABLE
from tests.refusals import Call, HidesOtherEndpoints, RefusesOtherProjects, RefusesStrangers, RefusesViewers, Send
from tests.statements import nothing_changes, statements


@pytest.fixture
def send(collection: str) -> Send:
    return lambda api, uid: api.post(f"{collection}/{uid}/activate")


@pytest.fixture
def call(send: Send, endpoint: Endpoint) -> Call:
    Endpoint.objects.update(status="inactive")
    return lambda api: send(api, endpoint.uid)


class TestWorks:
    @pytest.mark.parametrize("status", ["inactive", "paused", "pending"])
    def test_from_every_other_state(self, api: API, path: str, status: str) -> None:
        Endpoint.objects.update(status=status)
        before = api.get(path).data
        answer = api.post(f"{path}/activate")
        assert (answer.status, answer.message) == (202, "endpoint status successfully activated")
        assert answer.data == api.get(path).data
        assert answer.data == before | {"status": "active", "updated_at": answer.data["updated_at"]}
        assert answer.data["updated_at"] > before["updated_at"]

    @pytest.mark.parametrize("body", UNREADABLE)
    def test_a_body_is_ignored(self, api: API, path: str, body: bytes) -> None:
        Endpoint.objects.update(status="inactive")
        assert api.post(f"{path}/activate", body).data["status"] == "active"

    def test_before_2024_01_the_answer_has_another_shape(self, api: API, path: str) -> None:
        Endpoint.objects.update(status="inactive")
        data = api.post(f"{path}/activate", X_Convoy_Version="2023-12-31").data
        assert (data["title"], data["http_timeout"]) == ("Orders", "0s")


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


class TestAnotherTenant(HidesOtherEndpoints):
    missing = (400, "failed to find endpoint")


class TestRefused:
    def test_when_it_is_active(self, api: API, path: str) -> None:
        message = "current endpoint status - active, does not support activation"
        with nothing_changes():
            assert api.post(f"{path}/activate").error == (400, message)


class TestStatements:
    def test_the_key_the_locks_the_updates_and_the_answer(self, api: API, path: str, endpoint: Endpoint) -> None:
        EndpointState.objects.create(endpoint=endpoint)
        Endpoint.objects.update(status="inactive")
        with statements() as found:
            api.post(f"{path}/activate")
        assert found == [
            "SELECT projects_apikey",
            "LOCK endpoints_endpointstate",
            "UPDATE endpoints_endpointstate",
            "LOCK endpoints_endpoint",
            "UPDATE endpoints_endpoint",
            "INSERT activity_activity",
            "SELECT endpoints_endpoint",
        ]


class TestWhatItBrings:
    """Contract: docs/contract/endpoints.md#activate."""

    @pytest.mark.parametrize("status", ["inactive", "paused"])
    def test_the_breaker_begins_anew(self, api: API, path: str, endpoint: Endpoint, status: str) -> None:
        Endpoint.objects.update(status=status)
        later = timezone.now() + timedelta(hours=1)
        EndpointState.objects.create(
            endpoint=endpoint, breaker="open", consecutive_trips=12, open_until=later, held_until=later, events=5
        )
        before = timezone.now()
        api.post(f"{path}/activate")
        state = EndpointState.objects.get()
        assert (state.breaker, state.consecutive_trips, state.open_until, state.held_until) == ("closed", 0, None, None)
        assert state.counted_from is not None
        assert before < state.counted_from < timezone.now()
        assert state.events == 5

    def test_an_inactive_endpoints_channels_are_told(self, api: API, path: str) -> None:
        Endpoint.objects.update(
            status="inactive",
            support_email="ops@example.com",
            slack_webhook_url="https://hooks.slack.com/x",
            teams_webhook_url="https://example.com/teams",
        )
        api.post(f"{path}/activate")
        found = Notification.objects.order_by("uid")
        assert [row.channel for row in found] == ["email", "slack", "teams"]
        text = (
            "endpoint url (https://hooks.example.com/in) which was formerly dectivated has now been reactivated, "
            "endpoint status is now active"
        )
        assert {(row.subject, row.text) for row in found} == {("Endpoint Status Update", text)}
        assert all(row.due_at is not None and row.sent_at is None for row in found)

    @pytest.mark.parametrize("status", ["paused", "pending"])
    def test_nobody_is_told_of_another_return(self, api: API, path: str, status: str) -> None:
        Endpoint.objects.update(status=status, support_email="ops@example.com")
        api.post(f"{path}/activate")
        assert not Notification.objects.exists()

    def test_a_refusal_tells_nobody(self, api: API, path: str) -> None:
        Endpoint.objects.update(support_email="ops@example.com")
        assert api.post(f"{path}/activate").status == 400
        assert not Notification.objects.exists()
