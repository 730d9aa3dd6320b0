"""PUT /portal-api/endpoints/{endpointID}/pause and POST …/activate"""

from typing import Any

import pytest

from endpoints.models import Endpoint
from endpoints.operations import pause_endpoint
from projects.models import Project
from tests.conftest import API
from tests.hostile import UNREADABLE
from tests.portal.api.customers import (
    AnswersOptions,
    HidesOtherEndpoints,
    MakeEndpoint,
    NeedsCapability,
    RefusesKeys,
    RefusesStrangers,
    Send,
    create_link,
    portal,
)
from tests.statements import nothing_changes, statements


@pytest.fixture
def send() -> Send:
    return lambda api, uid: api.put(f"/endpoints/{uid}/pause")


class TestPause:
    def test_an_active_endpoint_is_paused_and_a_paused_one_active(self, manager: API, path: str) -> None:
        for status in ("paused", "active"):
            answer = manager.put(f"{path}/pause")
            assert (answer.status, answer.message) == (202, "endpoint status updated successfully")
            assert answer.data["status"] == status
            assert answer.data == manager.get(path).data

    def test_a_body_is_ignored(self, manager: API, path: str) -> None:
        assert manager.put(f"{path}/pause", UNREADABLE[0]).data["status"] == "paused"

    def test_an_inactive_one_is_not(self, manager: API, path: str) -> None:
        Endpoint.objects.update(status="inactive")
        with nothing_changes():
            message = "current endpoint status - inactive, does not support pausing or unpausing"
            assert manager.put(f"{path}/pause").error == (400, message)

    def test_the_statements(self, project: Project, path: str) -> None:
        caller = portal(create_link(project).token)
        with statements() as found:
            caller.put(f"{path}/pause")
        assert found == [
            *("SELECT portal_links_portallink", "LOCK endpoints_endpoint", "UPDATE endpoints_endpoint"),
            *("INSERT activity_activity", "SELECT endpoints_endpoint", "SELECT endpoints_endpoint"),
        ]


class TestPauseAuthentication(RefusesStrangers, RefusesKeys, NeedsCapability, AnswersOptions):
    pass


class TestPauseAnotherTenants(HidesOtherEndpoints):
    pass


class TestActivate:
    @pytest.mark.parametrize("status", ["paused", "inactive", "pending"])
    def test_what_is_not_active_becomes_it(self, manager: API, path: str, status: str) -> None:
        Endpoint.objects.update(status=status)
        answer = manager.post(f"{path}/activate")
        assert (answer.status, answer.message) == (202, "endpoint status successfully activated")
        assert answer.data["status"] == "active"

    def test_an_active_one_is_not(self, manager: API, path: str) -> None:
        with nothing_changes():
            message = "current endpoint status - active, does not support activation"
            assert manager.post(f"{path}/activate").error == (400, message)


class OfActivate:
    """The operation is the activation, and every endpoint is paused to begin with."""

    @pytest.fixture
    def make_endpoint(self, make_endpoint: MakeEndpoint) -> MakeEndpoint:
        def make(**fields: Any) -> Endpoint:
            endpoint = make_endpoint(**fields)
            return pause_endpoint(endpoint.project_id, endpoint.uid)

        return make

    @pytest.fixture
    def send(self) -> Send:
        return lambda api, uid: api.post(f"/endpoints/{uid}/activate")


class TestActivateAuthentication(OfActivate, RefusesStrangers, RefusesKeys, NeedsCapability, AnswersOptions):
    pass


class TestActivateAnotherTenants(OfActivate, HidesOtherEndpoints):
    pass
