"""POST /api/v1/projects/{projectID}/endpoints/{endpointID}/activate"""

import pytest

from endpoints.models import Endpoint
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
    def test_the_key_the_lock_the_update_and_the_answer(self, api: API, path: str) -> None:
        Endpoint.objects.update(status="inactive")
        with statements() as found:
            api.post(f"{path}/activate")
        assert found == [
            "SELECT projects_apikey",
            "LOCK endpoints_endpoint",
            "UPDATE endpoints_endpoint",
            "SELECT endpoints_endpoint",
        ]
