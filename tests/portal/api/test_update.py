"""PUT /portal-api/endpoints/{endpointID}"""

import pytest

from endpoints.models import Endpoint
from projects.models import Project
from tests.conftest import API
from tests.endpoints.bodies import BODY
from tests.portal.api.customers import (
    AnswersOptions,
    HidesOtherEndpoints,
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
    return lambda api, uid: api.put(f"/endpoints/{uid}", BODY | {"name": "Renamed"})


class TestWorks:
    def test_changes_what_is_sent(self, manager: API, path: str) -> None:
        before = manager.get(path).data
        sent = {"url": "https://new.example.com/in", "name": "Renamed", "description": "text", "rate_limit": 5}
        answer = manager.put(path, sent)
        assert (answer.status, answer.message) == (202, "Endpoint updated successfully")
        assert answer.data == before | sent | {"authentication": None, "updated_at": answer.data["updated_at"]}
        assert answer.data | {"authentication": {}} == manager.get(path).data

    def test_a_body_that_is_wrong_names_its_field(self, manager: API, path: str) -> None:
        with nothing_changes():
            message = "url:please provide a url for your endpoint"
            assert manager.put(path, {"name": "Renamed"}).error == (400, message)
            assert manager.put(path, b"").error == (400, "body must not be empty")


class TestAuthentication(RefusesStrangers, RefusesKeys, NeedsCapability, AnswersOptions):
    pass


class TestAnotherTenant(HidesOtherEndpoints):
    pass


class TestStatements:
    def test_the_link_the_lock_the_update_and_the_answer(self, project: Project, path: str, endpoint: Endpoint) -> None:
        caller = portal(create_link(project).token)
        with statements() as found:
            caller.put(path, BODY)
        # The answer asks first whether the endpoint is still in scope.
        assert found == [
            *("SELECT portal_links_portallink", "LOCK endpoints_endpointstate", "LOCK endpoints_endpoint"),
            "UPDATE endpoints_endpoint",
            *("SELECT endpoints_endpoint", "SELECT endpoints_endpoint"),
        ]
