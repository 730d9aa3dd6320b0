"""GET /portal-api/endpoints/{endpointID}"""

import pytest

from endpoints.models import Endpoint
from projects.models import Project
from tests.conftest import API
from tests.endpoints.bodies import API_KEY
from tests.portal.api.customers import (
    ROOT,
    AnswersOptions,
    HidesOtherEndpoints,
    MakeEndpoint,
    RefusesStrangers,
    Send,
    create_link,
    portal,
)
from tests.statements import statements


@pytest.fixture
def send() -> Send:
    return lambda api, uid: api.get(f"/endpoints/{uid}")


class TestWorks:
    def test_answers_what_the_company_sees(self, manager: API, api: API, path: str, endpoint: Endpoint) -> None:
        answer = manager.get(path)
        assert (answer.status, answer.message) == (200, "Endpoint fetched successfully")
        assert answer.data == api.get(f"/projects/{endpoint.project_id}{path}").data

    def test_who_may_only_look_sees_no_secret(self, looker: API, manager: API, make_endpoint: MakeEndpoint) -> None:
        path = f"/endpoints/{make_endpoint(owner_id='acme', secret='the secret', authentication=API_KEY).uid}"
        shown, masked = manager.get(path), looker.get(path)
        assert masked.status == 200
        for word in ("the secret", "the value"):
            assert word in shown.response.content.decode()
            assert word not in masked.response.content.decode()
        hidden: dict[str, object] = {"secrets": [], "authentication": {}}
        assert masked.data | hidden == shown.data | hidden

    def test_head_has_the_headers_alone(self, manager: API, path: str) -> None:
        response = manager.client.head(f"{ROOT}{path}", headers=manager.headers)
        assert (response.status_code, response.content) == (200, b"")

    def test_before_2024_04_the_answer_has_other_names(self, manager: API, path: str) -> None:
        assert "target_url" in manager.get(path, X_Convoy_Version="2024-03-31").data


class TestKeys:
    def test_a_key_sees_its_whole_project_and_no_other(self, api: API, viewer: API, other_api: API, path: str) -> None:
        api.root = viewer.root = other_api.root = ROOT
        assert api.get(path).data["secrets"][0]["value"] == "the signing secret"
        assert viewer.get(path).data["secrets"][0]["value"] == "[REDACTED]"
        assert other_api.get(path).error == (401, "unauthorized")


class TestAuthentication(RefusesStrangers, AnswersOptions):
    pass


class TestAnotherTenant(HidesOtherEndpoints):
    def test_a_nul_in_the_path(self, manager: API) -> None:
        assert manager.get("/endpoints/%00").error == (400, "the request URL contains a NUL character")


class TestStatements:
    def test_the_link_the_scope_and_the_endpoint(self, project: Project, path: str) -> None:
        caller = portal(create_link(project).token)
        with statements() as found:
            caller.get(path)
        assert found == ["SELECT portal_links_portallink", "SELECT endpoints_endpoint", "SELECT endpoints_endpoint"]
