"""The most endpoints that an owner may have. Contract: docs/contract/endpoints.md#quotas."""

from typing import Any

import pytest

from endpoints.models import Endpoint
from endpoints.operations import create_endpoint, delete_endpoint
from onboarding.operations import accept, work_off
from projects.models import Project
from projects.operations import create_api_key
from tests.concurrency import at_once
from tests.conftest import API
from tests.onboarding.conftest import items
from tests.statements import statements

BODY: dict[str, Any] = {"name": "Orders", "url": "https://hooks.example.com/in", "owner_id": "acme"}
REFUSED = "this owner_id has 2 endpoints, and may have no more"


@pytest.fixture(autouse=True)
def quota(project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(owner_endpoints=2)


def test_one_more_is_refused_and_one_that_is_deleted_does_not_count(api: API, project: Project) -> None:
    path = f"/projects/{project.uid}/endpoints"
    made = [api.post(path, BODY) for _ in range(2)]
    refused = api.post(path, BODY)
    assert (refused.status, refused.message) == (400, REFUSED)
    delete_endpoint(project.uid, made[0].data["uid"])
    assert api.post(path, BODY).status == 201


def test_other_owners_other_projects_and_the_company_have_their_own(
    api: API, project: Project, other_project: Project
) -> None:
    path = f"/projects/{project.uid}/endpoints"
    for owner_id in ("acme", "other"):
        assert [api.post(path, BODY | {"owner_id": owner_id}).status for _ in range(2)] == [201, 201]
    assert [api.post(path, BODY | {"owner_id": ""}).status for _ in range(3)] == [201] * 3
    create_endpoint(other_project.uid, **BODY)


def test_zero_is_any_number(api: API, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(owner_endpoints=0)
    assert [api.post(f"/projects/{project.uid}/endpoints", BODY).status for _ in range(3)] == [201] * 3


def test_an_endpoint_does_not_move_to_an_owner_who_has_enough(api: API, project: Project) -> None:
    path = f"/projects/{project.uid}/endpoints"
    mine = [api.post(path, BODY).data["uid"] for _ in range(2)]
    other = api.post(path, BODY | {"owner_id": "other"}).data["uid"]
    refused = api.put(f"{path}/{other}", BODY)
    assert (refused.status, refused.message) == (400, REFUSED)
    assert Endpoint.objects.get(pk=other).owner_id == "other"
    assert api.put(f"{path}/{mine[0]}", BODY).status == 202


def test_a_portal_link_adopts_no_more(api: API, project: Project) -> None:
    path = f"/projects/{project.uid}"
    free = [api.post(f"{path}/endpoints", BODY | {"owner_id": ""}).data["uid"] for _ in range(3)]
    link = {"name": "Acme", "owner_id": "acme"}
    refused = api.post(f"{path}/portal-links", link | {"endpoints": free})
    assert (refused.status, refused.message) == (400, REFUSED)
    assert not Endpoint.objects.filter(owner_id="acme").exists()
    made = api.post(f"{path}/portal-links", link | {"endpoints": free[:2]})
    assert made.status == 201
    refused = api.put(f"{path}/portal-links/{made.data['uid']}", link | {"endpoints": free})
    assert (refused.status, refused.message) == (400, REFUSED)
    assert Endpoint.objects.filter(owner_id="acme").count() == 2


def test_onboarding_is_for_the_company_and_not_bounded(project: Project) -> None:
    accept(project, items(3))
    while work_off():
        pass
    assert Endpoint.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_no_more(project: Project) -> None:
    api = API(create_api_key(name="admin", role="project_admin", project=project)[1])
    answers = at_once(6, lambda _: api.post(f"/projects/{project.uid}/endpoints", BODY))
    assert sorted(answer.status for answer in answers) == [201, 201, 400, 400, 400, 400]
    assert Endpoint.objects.count() == 2


def test_it_costs_no_statement(project: Project) -> None:
    with statements() as without:
        create_endpoint(project.uid, **BODY | {"owner_id": ""})
    with statements() as counted:
        create_endpoint(project.uid, **BODY)
    assert len(counted) == len(without)
