"""PUT /portal-api/endpoints/{endpointID}/expire_secret"""

from datetime import datetime, timedelta

import pytest

from portal_links.capabilities import SVIX
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
    return lambda api, uid: api.put(f"/endpoints/{uid}/expire_secret", {"expiration": 1})


class TestWorks:
    def test_the_old_secret_gets_hours_to_live_and_a_new_one_follows(self, manager: API, path: str) -> None:
        answer = manager.put(f"{path}/expire_secret", {"secret": "the new one", "expiration": 3})
        assert (answer.status, answer.message) == (200, "endpoint secret expired successfully")
        old, new = answer.data["secrets"]
        ends, moment = (datetime.fromisoformat(text) for text in (old["expires_at"], answer.data["updated_at"]))
        assert ends == moment + timedelta(hours=3)
        assert (old["value"], new["value"], new["expires_at"]) == ("the signing secret", "the new one", None)
        assert answer.data == manager.get(path).data

    def test_svixs_capability_to_rotate_is_enough(self, project: Project, path: str) -> None:
        caller = portal(create_session(project, capabilities=SVIX["ManageEndpointSecret"]).secret)
        assert caller.put(f"{path}/expire_secret", {"secret": "new"}).data["secrets"][1]["value"] == "new"
        assert caller.put(path, {"name": "a", "url": "https://a.example.com"}).error == (403, "Unauthorized")

    def test_svixs_capability_to_manage_endpoints_is_not(self, project: Project, path: str) -> None:
        caller = portal(create_session(project, capabilities=SVIX["ManageEndpoint"]).secret)
        caller.get(path)  # the use is noted
        with nothing_changes():
            assert caller.put(f"{path}/expire_secret", {}).error == (403, "Unauthorized")

    def test_an_empty_body(self, manager: API, path: str) -> None:
        with nothing_changes():
            assert manager.put(f"{path}/expire_secret", b"").error == (400, "body must not be empty")


class TestAuthentication(RefusesStrangers, RefusesKeys, NeedsCapability, AnswersOptions):
    pass


class TestAnotherTenant(HidesOtherEndpoints):
    pass


class TestStatements:
    def test_the_link_the_lock_the_update_and_the_answer(self, project: Project, path: str) -> None:
        caller = portal(create_link(project).token)
        with statements() as found:
            caller.put(f"{path}/expire_secret", {})
        assert found == [
            *("SELECT portal_links_portallink", "LOCK endpoints_endpoint", "UPDATE endpoints_endpoint"),
            *("INSERT activity_activity", "SELECT endpoints_endpoint", "SELECT endpoints_endpoint"),
        ]
