"""Nahook's endpoints: POST /management/v1/workspaces/{workspace}/endpoints."""

import pytest

from projects.keys import MANAGEMENT_PREFIX
from projects.models import Project
from projects.operations import create_api_key
from tests.conftest import Role
from tests.portal_links.calls import call
from tests.statements import nothing_changes


@pytest.mark.parametrize(
    "url", ["ftp://example.com", "nope", "https://{a}.example.com", "https://[::1", "https://℀.com"]
)
def test_a_url_that_cannot_be_sent_to(project: Project, url: str) -> None:
    key = create_api_key(name="nahook", role=Role.PROJECT_ADMIN, project=project, prefix=MANAGEMENT_PREFIX)[1]
    path = f"/management/v1/workspaces/{project.uid}/endpoints"
    with nothing_changes():
        reply = call("POST", path, {"url": url}, Authorization=f"Bearer {key}")
    assert (reply.status, reply.json["error"]["code"]) == (400, "validation_error")
