"""The operators' list of the record."""

import pytest
from django.test import Client

from projects.models import Project
from projects.operations import delete_project
from tests.activity.rows import make_activity
from tests.statements import statements

LIST = "/admin/activity/activity/"
HOSTILE = "<script>alert(1)</script>"


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.slow
def test_the_list_and_its_search(admin_client: Client, project: Project, other_project: Project) -> None:
    row = make_activity(project.uid, endpoint_id="e" * 26, object_name="Ours")
    make_activity(other_project.uid, object_name="Theirs")
    for query in (row.uid, row.endpoint_id, project.uid):
        shown = page(admin_client, f"{LIST}?q={query}")
        assert "Ours" in shown
        assert "Theirs" not in shown
    assert "Ours" not in page(admin_client, f"{LIST}?actor_kind__exact=server")
    shown = page(admin_client, f"{LIST}?actor_kind__exact=operator&project={project.uid}")
    assert "Ours" in shown
    assert "operator: jane" in shown
    assert "Theirs" not in shown


@pytest.mark.slow
def test_hostile_texts_are_shown_as_texts(admin_client: Client, project: Project) -> None:
    row = make_activity(project.uid, object_name=HOSTILE, changes={"name": [HOSTILE, "new"]}, owner_id=HOSTILE)
    for path in (LIST, f"{LIST}{row.uid}/change/"):
        shown = page(admin_client, path)
        assert HOSTILE not in shown
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown


def test_a_deleted_projects_rows_are_left_out(admin_client: Client, project: Project) -> None:
    make_activity(project.uid, object_name="Ours")
    delete_project(project.uid)
    assert "Ours" not in page(admin_client, LIST)


def test_nothing_can_be_changed(admin_client: Client, project: Project) -> None:
    row = make_activity(project.uid)
    assert admin_client.get(f"{LIST}add/").status_code == 403
    assert admin_client.post(f"{LIST}{row.uid}/delete/").status_code == 403
    assert admin_client.post(f"{LIST}{row.uid}/change/", {"verb": "x"}).status_code == 403


@pytest.mark.parametrize("rows", [1, 50])
def test_the_statements(admin_client: Client, project: Project, rows: int) -> None:
    for _ in range(rows):
        make_activity(project.uid)
    with statements() as found:
        admin_client.get(LIST)
    assert [text for text in found if "activity" in text] == ["SELECT activity_activity"] * 2
    assert len(found) <= 7
