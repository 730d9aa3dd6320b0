"""Nahook's endpoints: /management/v1/workspaces/{workspace}/endpoints."""

import pytest

from activity.models import Activity
from endpoints.models import Endpoint
from endpoints.operations import create_endpoint
from projects.keys import MANAGEMENT_PREFIX
from projects.models import Project
from projects.operations import create_api_key
from tests.conftest import Role
from tests.portal_links.calls import Reply, call
from tests.statements import nothing_changes


@pytest.fixture
def key(project: Project) -> str:
    """A management token."""
    return create_api_key(name="nahook", role=Role.PROJECT_ADMIN, project=project, prefix=MANAGEMENT_PREFIX)[1]


@pytest.mark.parametrize(
    "url", ["ftp://example.com", "nope", "https://{a}.example.com", "https://[::1", "https://℀.com"]
)
def test_a_url_that_cannot_be_sent_to(project: Project, key: str, url: str) -> None:
    path = f"/management/v1/workspaces/{project.uid}/endpoints"
    with nothing_changes():
        reply = call("POST", path, {"url": url}, Authorization=f"Bearer {key}")
    assert (reply.status, reply.json["error"]["code"]) == (400, "validation_error")


def test_a_change_of_the_metadata_is_recorded_once(project: Project, key: str) -> None:
    row = create_endpoint(project.uid, name="In", url="https://hooks.example.com/in", metadata={"a": "b"})

    def change(metadata: dict[str, str]) -> Reply:
        path = f"/management/v1/workspaces/{project.uid}/endpoints/{row.uid}"
        return call("PATCH", path, {"metadata": metadata}, Authorization=f"Bearer {key}")

    assert change({"a": "c"}).json["metadata"] == {"a": "c"}
    assert Endpoint.objects.get(pk=row.pk).metadata == {"a": "c"}
    recorded = Activity.objects.filter(verb="endpoint.updated", object_uid=row.uid)
    assert [each.changes for each in recorded] == [{"metadata": [{"a": "b"}, {"a": "c"}]}]
    with nothing_changes():
        assert change({"a": "c"}).status == 200


def test_a_change_of_several_fields_is_recorded_once(project: Project, key: str) -> None:
    row = create_endpoint(project.uid, name="In", url="https://hooks.example.com/in", metadata={"a": "b"})
    path = f"/management/v1/workspaces/{project.uid}/endpoints/{row.uid}"
    sent = {"url": "https://hooks.example.com/other", "description": "Ours", "metadata": {"a": "c"}}
    reply = call("PATCH", path, sent, Authorization=f"Bearer {key}")
    assert {name: reply.json[name] for name in sent} == sent
    [recorded] = Activity.objects.filter(verb="endpoint.updated", object_uid=row.uid)
    assert recorded.changes == {
        "url": ["https://hooks.example.com/in", "https://hooks.example.com/other"],
        "description": ["", "Ours"],
        "metadata": [{"a": "b"}, {"a": "c"}],
    }
