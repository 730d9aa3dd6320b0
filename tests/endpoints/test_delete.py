"""DELETE /api/v1/projects/{projectID}/endpoints/{endpointID}"""

import pytest

from endpoints.models import Endpoint
from tests.conftest import API
from tests.refusals import HidesOtherEndpoints, RefusesOtherProjects, RefusesStrangers, RefusesViewers, Send
from tests.statements import nothing_changes, statements


@pytest.fixture
def send(collection: str) -> Send:
    return lambda api, uid: api.delete(f"{collection}/{uid}")


class TestWorks:
    def test_answers_null_and_marks_the_endpoint(self, api: API, path: str, endpoint: Endpoint) -> None:
        answer = api.delete(path)
        assert (answer.status, answer.message) == (200, "Endpoint deleted successfully")
        assert answer.json["data"] is None
        endpoint.refresh_from_db()
        assert endpoint.deleted_at is not None
        assert endpoint.updated_at == endpoint.deleted_at

    def test_nothing_reaches_it_any_more(self, api: API, path: str, collection: str) -> None:
        api.delete(path)
        with nothing_changes():
            assert api.get(path).error == (404, "Resource not found")
            assert api.put(path, {"url": "https://example.com", "name": "x"}).error == (400, "endpoint not found")
            assert api.put(f"{path}/expire_secret", {}).error == (400, "endpoint not found")
            assert api.put(f"{path}/pause").error == (400, "failed to find endpoint")
            assert api.post(f"{path}/activate").error == (400, "failed to find endpoint")
            assert api.delete(path).error == (400, "endpoint not found")
        assert api.get(collection).data["content"] == []

    def test_it_leaves_the_scope_of_every_portal_link(self, api: API, path: str, endpoint: Endpoint) -> None:
        links = f"/projects/{endpoint.project_id}/portal-links"
        link = api.post(links, {"name": "Link", "endpoints": [endpoint.uid]}).data
        assert link["endpoint_count"] == 1
        api.delete(path)
        seen = api.get(f"{links}/{link['uid']}").data
        assert (seen["endpoint_count"], seen["endpoints_metadata"]) == (0, [])


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


class TestAnotherTenant(HidesOtherEndpoints):
    missing = (400, "endpoint not found")


class TestStatements:
    def test_the_key_the_lock_and_the_update(self, api: API, path: str) -> None:
        with statements() as found:
            api.delete(path)
        assert found == [
            "SELECT projects_apikey",
            "LOCK endpoints_endpoint",
            "UPDATE endpoints_endpoint",
            "INSERT activity_activity",
        ]
