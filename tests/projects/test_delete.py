"""DELETE /api/v1/projects/{projectID}"""

from collections.abc import Callable

import pytest

from endpoints.models import Endpoint
from projects.models import APIKey, Project
from tests.conftest import API
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes, statements


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}"


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.delete(path)


class TestWorks:
    def test_answers_null_and_marks_the_project(self, api: API, path: str, project: Project) -> None:
        answer = api.delete(path)
        assert (answer.status, answer.message) == (200, "Project deleted successfully")
        assert answer.json["data"] is None
        project.refresh_from_db()
        assert project.deleted_at is not None
        assert project.updated_at == project.deleted_at

    def test_all_it_holds_is_out_of_reach(
        self, api: API, viewer: API, instance: API, path: str, make_endpoint: Callable[..., Endpoint]
    ) -> None:
        endpoint = f"{path}/endpoints/{make_endpoint().uid}"
        portal_link = (
            f"{path}/portal-links/{api.post(f'{path}/portal-links', {'name': 'Link', 'owner_id': 'acme'}).data['uid']}"
        )
        api.delete(path)
        with nothing_changes():
            for inside in (path, endpoint, f"{path}/endpoints", portal_link, f"{path}/portal-links"):
                assert api.get(inside).error == (401, "authorization failed")
                assert viewer.get(inside).error == (401, "authorization failed")
                assert instance.get(inside).error == (404, "project not found")
            assert instance.post(f"{endpoint}/activate").error == (404, "project not found")
            assert instance.put(f"{portal_link}/revoke").error == (404, "project not found")
        assert instance.get("/projects").data == []

    def test_a_second_time_it_is_not_there(self, api: API, instance: API, path: str) -> None:
        api.delete(path)
        with nothing_changes():
            assert api.delete(path).error == (401, "authorization failed")
            assert instance.delete(path).error == (404, "project not found")


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


class TestAnotherTenant:
    def test_other_projects_and_their_keys_stay(
        self, api: API, other_api: API, path: str, other_project: Project
    ) -> None:
        before = other_api.get(f"/projects/{other_project.uid}").data
        api.delete(path)
        assert other_api.get(f"/projects/{other_project.uid}").data == before
        assert APIKey.objects.live().filter(project=other_project).count() == 2


class TestStatements:
    def test_the_key_and_one_update_however_much_it_holds(
        self, api: API, path: str, make_endpoint: Callable[..., Endpoint]
    ) -> None:
        for _ in range(20):
            make_endpoint()
        with statements() as found:
            api.delete(path)
        assert found == ["SELECT projects_apikey", "UPDATE projects_project"]
