"""GET /api/v1/projects/{projectID}"""

import pytest
from django.conf import settings

from projects.models import Project
from tests.conftest import API
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers
from tests.statements import nothing_changes, statements


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}"


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.get(path)


class TestWorks:
    def test_answers_the_project_with_its_whole_config(self, api: API, path: str, project: Project) -> None:
        answer = api.get(path)
        assert (answer.status, answer.message) == (200, "Project fetched successfully")
        document = answer.data
        assert document.keys() == {
            *("uid", "name", "logo_url", "organisation_id", "type", "config", "statistics", "retained_events"),
            *("created_at", "updated_at", "deleted_at"),
        }
        assert (document["uid"], document["name"], document["type"]) == (project.uid, "Orders", "outgoing")
        assert document["organisation_id"] == settings.ORGANISATION_ID
        assert document["config"] == project.full_config
        assert document["created_at"].endswith("Z")

    def test_a_viewer_may_and_sees_no_secret(self, api: API, viewer: API, path: str) -> None:
        assert viewer.get(path).data == api.get(path).data
        enabled = {"meta_event": {"is_enabled": True, "url": "https://example.com", "secret": "a secret"}}
        api.put(path, {"name": "Orders", "config": enabled})
        assert viewer.get(path).data["config"]["meta_event"]["secret"] == "[REDACTED]"
        assert b"a secret" not in viewer.get(path).response.content
        assert api.get(path).data["config"]["meta_event"]["secret"] == "a secret"

    def test_head_has_the_headers_alone(self, api: API, path: str) -> None:
        response = api.client.head(f"/api/v1{path}", headers=api.headers)
        assert (response.status_code, response.content) == (200, b"")

    def test_a_body_is_ignored(self, api: API, path: str) -> None:
        assert api("GET", path, b"{").status == 200


class TestAuthentication(RefusesStrangers, RefusesOtherProjects):
    @pytest.mark.parametrize("uid", ["nope", "a" * 5000, "%F0%9F%A6%84", "%FF", "'", "*", "%25"])
    def test_projects_that_never_were(self, api: API, instance: API, uid: str) -> None:
        with nothing_changes():
            assert api.get(f"/projects/{uid}").error == (404, "project not found")
            assert instance.get(f"/projects/{uid}").error == (404, "project not found")

    def test_the_id_is_compared_to_the_letter(self, instance: API, path: str) -> None:
        assert instance.get(path.lower()).error == (404, "project not found")

    def test_a_nul_in_the_path(self, instance: API, path: str) -> None:
        assert instance.get(f"{path}%00").error == (400, "the request URL contains a NUL character")

    def test_a_slash_at_the_end(self, api: API, path: str) -> None:
        assert api.get(f"{path}/").error == (404, "404 page not found")


class TestStatements:
    def test_one_for_the_key_and_one_for_the_project(self, api: API, path: str) -> None:
        with statements() as found:
            api.get(path)
        assert found == ["SELECT projects_apikey", "SELECT projects_project"]
