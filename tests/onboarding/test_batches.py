"""GET /api/v1/projects/{projectID}/onboard/batches and …/batches/{batchID}"""

import pytest

from onboarding.operations import accept, work_off
from projects.models import Project
from tests.conftest import API
from tests.onboarding.conftest import ITEM, items
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers
from tests.statements import statements


@pytest.fixture
def call(path: str) -> Call:
    return lambda api: api.get(f"{path}/batches")


def test_from_pending_to_finished(api: API, viewer: API, path: str, project: Project) -> None:
    [uid] = api.post(path, {"items": [ITEM]}).data["batch_ids"]
    pending = api.get(f"{path}/batches/{uid}")
    assert (pending.status, pending.message) == (200, "Onboard batch fetched successfully")
    assert (pending.data["status"], pending.data["results"], pending.data["finished_at"]) == ("pending", [], None)
    work_off()
    finished = viewer.get(f"{path}/batches/{uid}").data
    assert finished["status"] == "finished"
    assert finished["finished_at"] >= finished["created_at"]
    [result] = finished["results"]
    assert (result["row"], result["status"], result["name"]) == (1, "created", "Acme")
    assert viewer.get(f"{path}/batches").data["content"] == [finished]


def test_newest_first_in_pages(api: API, path: str, project: Project) -> None:
    uids = [batch.uid for batch in accept(project, items(120))][::-1]
    first = api.get(f"{path}/batches?perPage=2").data
    assert [row["uid"] for row in first["content"]] == uids[:2]
    cursor = first["pagination"]["next_page_cursor"]
    second = api.get(f"{path}/batches?perPage=2&direction=next&next_page_cursor={cursor}").data
    assert [row["uid"] for row in second["content"]] == uids[2:]
    assert [row["first_row"] for row in second["content"]] == [1]


def test_no_password_is_shown(api: API, path: str) -> None:
    api.post(path, {"items": [ITEM | {"auth_username": "ada", "auth_password": "to look for"}]})
    for _ in range(2):
        assert b"to look for" not in api.get(f"{path}/batches").response.content
        work_off()


def test_another_projects_looks_like_one_that_is_not_there(api: API, path: str, other_project: Project) -> None:
    [foreign] = accept(other_project, [ITEM])
    for uid in (foreign.uid, "01JZ8QK3V7M2N4P6R8T0W2Y4A6"):
        assert api.get(f"{path}/batches/{uid}").error == (404, "onboard batch not found")
    assert api.get(f"{path}/batches").data["content"] == []


@pytest.mark.parametrize("count", [1, 20])
def test_the_key_the_sizes_and_the_page(api: API, path: str, project: Project, count: int) -> None:
    for _ in range(count):
        accept(project, [ITEM])
    with statements() as found:
        assert len(api.get(f"{path}/batches").data["content"]) == count
    assert found == ["SELECT projects_apikey", *["SELECT onboarding_onboardbatch"] * 2]


class TestAuthentication(RefusesStrangers, RefusesOtherProjects):
    pass
