"""PUT /api/v1/projects/{projectID}/endpoints/{endpointID}/pause"""

import pytest

from core.actors import Actor, ActorKind, acting_as
from endpoints.models import Endpoint
from endpoints.operations import activate_endpoint, pause_endpoint, toggle_pause
from projects.models import Project
from tests.concurrency import at_once
from tests.conftest import API
from tests.hostile import UNREADABLE
from tests.refusals import HidesOtherEndpoints, RefusesOtherProjects, RefusesStrangers, RefusesViewers, Send
from tests.statements import nothing_changes, statements


@pytest.fixture
def send(collection: str) -> Send:
    return lambda api, uid: api.put(f"{collection}/{uid}/pause")


class TestWorks:
    def test_an_active_endpoint_is_paused_and_a_paused_one_active(self, api: API, path: str) -> None:
        before = api.get(path).data
        for status in ("paused", "active", "paused"):
            answer = api.put(f"{path}/pause")
            assert (answer.status, answer.message) == (202, "endpoint status updated successfully")
            assert answer.data == api.get(path).data
            changed = {"status": status, "updated_at": answer.data["updated_at"]}
            assert answer.data == before | changed
            assert answer.data["updated_at"] > before["updated_at"]

    def test_who_has_done_it_is_kept(self, api: API, path: str, project: Project) -> None:
        anna = Actor(ActorKind.OPERATOR, "1", "anna")
        for change, status in ((pause_endpoint, "paused"), (activate_endpoint, "active"), (toggle_pause, "paused")):
            [before] = Endpoint.objects.values_list("status_since", flat=True)
            with acting_as(anna):
                endpoint = change(project.uid, path.rpartition("/")[2])
            endpoint.refresh_from_db()
            assert (endpoint.status, endpoint.status_reason) == (status, "")
            assert endpoint.status_actor == {"kind": "operator", "uid": "1", "name": "anna", "owner_id": ""}
            assert endpoint.status_since is not None
            assert before is None or endpoint.status_since > before
        api.put(path, {"url": endpoint.url, "name": "Another"})
        changed = Endpoint.objects.get()
        assert (changed.name, changed.status_since) == ("Another", endpoint.status_since)

    @pytest.mark.parametrize("body", UNREADABLE)
    def test_a_body_is_ignored(self, api: API, path: str, body: bytes) -> None:
        assert api.put(f"{path}/pause", body).data["status"] == "paused"

    def test_before_2024_01_the_answer_has_another_shape(self, api: API, path: str) -> None:
        data = api.put(f"{path}/pause", X_Convoy_Version="2023-12-31").data
        assert (data["title"], data["http_timeout"]) == ("Orders", "0s")


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


class TestAnotherTenant(HidesOtherEndpoints):
    missing = (400, "failed to find endpoint")


class TestRefused:
    @pytest.mark.parametrize("status", ["inactive", "pending"])
    def test_in_any_other_state(self, api: API, path: str, status: str) -> None:
        Endpoint.objects.update(status=status)
        message = f"current endpoint status - {status}, does not support pausing or unpausing"
        with nothing_changes():
            assert api.put(f"{path}/pause").error == (400, message)

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH", "OPTIONS"])
    def test_by_another_method(self, api: API, path: str, method: str) -> None:
        with nothing_changes():
            answer = api(method, f"{path}/pause")
        assert answer.error == (405, "method not allowed")
        assert answer.headers["Allow"] == "PUT"


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_each_of_an_even_number_is_undone_by_another(self, api: API, path: str) -> None:
        answers = at_once(6, lambda _: api.put(f"{path}/pause"))
        assert [answer.status for answer in answers] == [202] * 6
        assert api.get(path).data["status"] == "active"


class TestStatements:
    def test_the_key_the_lock_the_update_and_the_answer(self, api: API, path: str) -> None:
        with statements() as found:
            api.put(f"{path}/pause")
        assert found == [
            "SELECT projects_apikey",
            "LOCK endpoints_endpoint",
            "UPDATE endpoints_endpoint",
            "INSERT activity_activity",
            "SELECT endpoints_endpoint",
        ]
