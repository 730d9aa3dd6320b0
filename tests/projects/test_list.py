"""GET /api/v1/projects"""

import pytest

from projects.models import Project
from projects.operations import create_project, delete_project
from tests.conftest import API
from tests.refusals import Call, RefusesStrangers
from tests.statements import nothing_changes, statements

PATH = "/projects"


@pytest.fixture
def call() -> Call:
    return lambda api: api.get(PATH)


class TestWorks:
    def test_a_plain_array_of_live_projects_oldest_first(
        self, instance: API, project: Project, other_project: Project
    ) -> None:
        gone, last = (create_project(name=name, type="incoming")[0] for name in ("Gone", "Last"))
        delete_project(gone.uid)
        answer = instance.get(PATH)
        assert (answer.status, answer.message) == (200, "Projects fetched successfully")
        assert [entry["uid"] for entry in answer.data] == [project.uid, other_project.uid, last.uid]
        assert answer.data == [instance.get(f"{PATH}/{entry['uid']}").data for entry in answer.data]

    def test_of_an_instance_without_projects(self, instance: API) -> None:
        assert instance.get(PATH).data == []

    @pytest.mark.parametrize("query", ["?orgID=", "?orgID=nope", "?perPage=1", "?sort=ASC&q=x", "?orgID=%FF%ED%A0%80"])
    def test_the_organisation_and_paging_are_ignored(self, instance: API, project: Project, query: str) -> None:
        assert [entry["uid"] for entry in instance.get(PATH + query).data] == [project.uid]

    def test_with_a_slash_at_the_end_and_not_with_a_line_feed(self, instance: API, project: Project) -> None:
        assert instance.get(f"{PATH}/").data == instance.get(PATH).data
        assert instance.get(f"{PATH}%0A").error == (404, "404 page not found")


class TestAuthentication(RefusesStrangers):
    def test_a_viewer_may_and_sees_no_secret(self, project: Project, api: API, viewer: API) -> None:
        enabled = {"meta_event": {"is_enabled": True, "url": "https://example.com", "secret": "a secret"}}
        api.put(f"{PATH}/{project.uid}", {"name": project.name, "config": enabled})
        (seen,) = viewer.get(PATH).data
        assert seen["config"]["meta_event"]["secret"] == "[REDACTED]"
        assert api.get(PATH).data[0]["config"]["meta_event"]["secret"] == "a secret"

    def test_a_nul_in_the_query(self, instance: API) -> None:
        with nothing_changes():
            assert instance.get(f"{PATH}?orgID=%00").error == (400, "the request URL contains a NUL character")


class TestAnotherTenant:
    def test_a_key_of_a_project_sees_that_project_alone(
        self, api: API, other_api: API, project: Project, other_project: Project
    ) -> None:
        assert [entry["uid"] for entry in api.get(PATH).data] == [project.uid]
        assert [entry["uid"] for entry in other_api.get(PATH).data] == [other_project.uid]


class TestStatements:
    @pytest.mark.parametrize("count", [1, 20])
    def test_one_for_the_key_and_one_for_the_projects(self, instance: API, count: int) -> None:
        for number in range(count):
            create_project(name=str(number), type="outgoing")
        with statements() as found:
            answer = instance.get(PATH)
        assert len(answer.data) == count
        assert found == ["SELECT projects_apikey", "SELECT projects_project"]
