"""DELETE /portal-api/endpoints/{endpointID}"""

import pytest

from endpoints.models import Endpoint
from portal_links.capabilities import ROLES
from projects.models import Project
from tests.conftest import API
from tests.portal.api.customers import (
    AnswersOptions,
    HidesOtherEndpoints,
    NeedsCapability,
    RefusesKeys,
    RefusesStrangers,
    Send,
    create_link,
    create_session,
    portal,
)
from tests.statements import nothing_changes, statements


@pytest.fixture
def send() -> Send:
    return lambda api, uid: api.delete(f"/endpoints/{uid}")


class TestWorks:
    def test_it_is_gone_at_once(self, manager: API, path: str, endpoint: Endpoint) -> None:
        answer = manager.delete(path)
        assert (answer.status, answer.message, answer.data) == (200, "Endpoint deleted successfully", None)
        assert manager.get(path).error == (401, "unauthorized")
        assert manager.delete(path).error == (401, "unauthorized")
        assert manager.get("/endpoints").data["content"] == []
        assert Endpoint.objects.get(pk=endpoint.pk).deleted_at is not None

    def test_an_editor_may_not(self, project: Project, path: str) -> None:
        caller = portal(create_session(project, capabilities=ROLES["editor"]).secret)
        caller.get(path)  # the use is noted
        with nothing_changes():
            assert caller.delete(path).error == (403, "Unauthorized")
        assert caller.put(f"{path}/pause").status == 202


class TestAuthentication(RefusesStrangers, RefusesKeys, NeedsCapability, AnswersOptions):
    pass


class TestAnotherTenant(HidesOtherEndpoints):
    pass


class TestStatements:
    def test_the_link_and_the_endpoint(self, project: Project, path: str) -> None:
        caller = portal(create_link(project).token)
        with statements() as found:
            caller.delete(path)
        assert found == [
            "SELECT portal_links_portallink",
            "LOCK endpoints_endpoint",
            "UPDATE endpoints_endpoint",
            "INSERT activity_activity",
        ]
