"""POST /api/v1/projects/{projectID}/portal-links"""

from collections.abc import Callable

import pytest

from endpoints.models import Endpoint
from projects.models import Project
from tests.conftest import API

MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def path(project: Project) -> str:
    return f"/projects/{project.uid}/portal-links"


class TestWorks:
    def test_for_an_owner_the_scope_is_the_owners_endpoints_newest_first(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        first, second = make_endpoint(owner_id="acme"), make_endpoint(owner_id="acme")
        make_endpoint(owner_id="somebody else")
        answer = api.post(path, {"name": "Acme", "owner_id": "acme"})
        assert answer.status == 201
        assert answer.message == "Portal link created successfully"
        assert answer.data["endpoint_count"] == 2
        assert [endpoint["uid"] for endpoint in answer.data["endpoints_metadata"]] == [second.uid, first.uid]
        assert answer.data["endpoints"] == []
