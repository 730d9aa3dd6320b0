"""PUT /api/v1/projects/{projectID}/portal-links/{portalLinkID}"""

from collections.abc import Callable
from typing import Any

import pytest

from endpoints.models import Endpoint
from portal_links.models import PortalLink
from projects.models import Project
from tests.conftest import API

MakeEndpoint = Callable[..., Endpoint]


@pytest.fixture
def collection(project: Project) -> str:
    return f"/projects/{project.uid}/portal-links"


@pytest.fixture
def link(api: API, collection: str) -> dict[str, Any]:
    data: dict[str, Any] = api.post(
        collection, {"name": "Acme", "owner_id": "acme", "can_manage_endpoint": True, "auth_type": "refresh_token"}
    ).data
    return data


@pytest.fixture
def path(collection: str, link: dict[str, Any]) -> str:
    return f"{collection}/{link['uid']}"


class TestWorks:
    def test_replaces_name_scope_and_right_to_manage(
        self, api: API, path: str, link: dict[str, Any], make_endpoint: MakeEndpoint
    ) -> None:
        endpoint = make_endpoint(owner_id="globex")
        answer = api.put(path, {"name": "Globex", "owner_id": "globex"})
        assert (answer.status, answer.message) == (202, "Portal link updated successfully")
        assert answer.data["name"] == "Globex"
        assert answer.data["owner_id"] == "globex"
        assert answer.data["can_manage_endpoint"] is False
        assert [entry["uid"] for entry in answer.data["endpoints_metadata"]] == [endpoint.uid]
        assert answer.data == api.get(path).data
        assert answer.data["updated_at"] > link["updated_at"]

    def test_the_token_stays_and_nothing_is_minted(self, api: API, path: str, link: dict[str, Any]) -> None:
        data = api.put(path, {"name": "Acme", "owner_id": "acme"}).data
        assert data["token"] == link["token"]
        assert data["auth_key"] == ""
        assert PortalLink.objects.get().sessions.count() == 1

    def test_an_omitted_auth_type_does_not_downgrade_the_link(self, api: API, path: str) -> None:
        assert api.put(path, {"name": "Acme", "owner_id": "acme"}).data["auth_type"] == "refresh_token"
        data = api.put(path, {"name": "Acme", "owner_id": "acme", "auth_type": "static_token"}).data
        assert data["auth_type"] == "static_token"

    def test_without_owner_and_endpoints_the_scope_is_empty(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        make_endpoint(owner_id="acme")
        make_endpoint()
        data = api.put(path, {"name": "Acme"}).data
        assert data["owner_id"] == ""
        assert data["endpoint_count"] == 0

    def test_a_list_without_owner_becomes_the_scope(self, api: API, path: str, make_endpoint: MakeEndpoint) -> None:
        owned = make_endpoint(owner_id="globex")
        data = api.put(path, {"name": "Acme", "endpoints": [owned.uid]}).data
        assert data["endpoints"] == [owned.uid]
        assert Endpoint.objects.get().owner_id == "globex"

    def test_adopts_as_creation_does_and_gives_nothing_back(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        free = make_endpoint()
        assert api.put(path, {"name": "Acme", "owner_id": "acme", "endpoints": [free.uid]}).data["endpoint_count"] == 1
        assert api.put(path, {"name": "Acme", "owner_id": "globex"}).data["endpoint_count"] == 0
        assert Endpoint.objects.get().owner_id == "acme"


class TestRefused:
    def test_no_key(self, nobody: API, path: str) -> None:
        assert nobody.put(path, {"name": "x"}).error == (401, "Authentication required")

    def test_a_viewer(self, viewer: API, path: str) -> None:
        assert viewer.put(path, {"name": "x"}).error == (403, "Unauthorized")

    def test_another_project(self, other_api: API, other_project: Project, path: str, link: dict[str, Any]) -> None:
        assert other_api.put(path, {"name": "x"}).error == (404, "project not found")
        own = f"/projects/{other_project.uid}/portal-links/{link['uid']}"
        assert other_api.put(own, {"name": "x"}).error == (404, "Resource not found")
        assert PortalLink.objects.get().name == "Acme"

    def test_an_unknown_link(self, api: API, collection: str) -> None:
        assert api.put(f"{collection}/nope", {"name": "x"}).error == (404, "Resource not found")

    def test_a_bad_body_comes_before_an_unknown_link(self, api: API, collection: str) -> None:
        assert api.put(f"{collection}/nope", {}).error == (400, "Invalid input provided")

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({}, "Invalid input provided"),
            ({"name": ""}, "Invalid input provided"),
            ({"name": "Acme", "auth_type": "none"}, "Invalid input provided"),
            ({"name": 1}, "Invalid request format"),
            ({"name": "Acme", "endpoints": "all"}, "Invalid request format"),
            (b"[", "Invalid request format"),
        ],
    )
    def test_a_bad_body_changes_nothing(self, api: API, path: str, body: Any, message: str) -> None:
        before = api.get(path).data
        assert api.put(path, body).error == (400, message)
        assert api.get(path).data == before

    def test_a_conflict_changes_neither_endpoints_nor_link(
        self, api: API, path: str, make_endpoint: MakeEndpoint
    ) -> None:
        free, taken = make_endpoint(), make_endpoint(owner_id="globex")
        before = api.get(path).data
        answer = api.put(path, {"name": "x", "owner_id": "acme", "endpoints": [free.uid, taken.uid]})
        assert answer.error == (400, f"endpoint {taken.uid} already has owner_id globex")
        assert api.get(path).data == before
        assert Endpoint.objects.get(pk=free.pk).owner_id == ""
