"""convoy-python 1.0.0a1, the official client, against the running server."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from convoy import AuthenticatedClient
from convoy.api.endpoints import (
    activate_endpoint,
    create_endpoint,
    delete_endpoint,
    expire_secret,
    get_endpoint,
    get_endpoints,
    pause_endpoint,
    update_endpoint,
)
from convoy.api.portal_links import (
    create_portal_link,
    get_portal_link,
    load_portal_links_paged,
    refresh_portal_link_auth_token,
    revoke_portal_link,
    update_portal_link,
)
from convoy.api.projects import create_project, delete_project, get_project, get_projects, update_project
from convoy.errors import UnexpectedStatus
from convoy.models import (
    DatastoreCreatePortalLinkRequest,
    DatastoreUpdatePortalLinkRequest,
    GetEndpointsDirection,
    LoadPortalLinksPagedDirection,
    ModelsCreateEndpoint,
    ModelsCreateProject,
    ModelsExpireSecret,
    ModelsProjectConfig,
    ModelsUpdateEndpoint,
    ModelsUpdateProject,
)

from tests.live.conftest import LiveProject
from tests.server import Server

URL = "https://hooks.example.com/in"


def connect(server: Server, key: str) -> AuthenticatedClient:
    return AuthenticatedClient(
        f"{server.url}/api", token=key, raise_on_unexpected_status=True, httpx_args={"trust_env": False}
    )


@pytest.fixture
def convoy(project: LiveProject) -> Iterator[AuthenticatedClient]:
    """The client with a project's key."""
    with connect(project.server, project.key) as client:
        yield client


@pytest.fixture
def operator(server: Server) -> Iterator[AuthenticatedClient]:
    """The client with the instance's key."""
    with connect(server, server.quickstart["instance_api_key"]) as client:
        yield client


def data(response: Any, status: int) -> Any:
    """Return the answer as the client has parsed it; every member is in its model."""
    assert response.status_code == status, response.content
    assert response.parsed.status is True
    assert response.parsed.message
    return response.parsed.data


def refusal(response: Any) -> tuple[int, str]:
    """A refusal as the client's model of it."""
    assert response.parsed.status is False
    return int(response.status_code), response.parsed.message


def test_projects(server: Server, operator: AuthenticatedClient) -> None:
    name = f"sdk {secrets.token_hex(4)}"
    body = ModelsCreateProject(name=name, type_="outgoing", config=ModelsProjectConfig(max_payload_read_size=2048))
    created = data(create_project.sync_detailed(client=operator, body=body, org_id="any"), 201)
    uid = created.project.uid
    assert created.project.name == name
    assert created.project.config.max_payload_read_size == 2048
    assert created.api_key.role.project == uid
    assert uid in [project.uid for project in data(get_projects.sync_detailed(client=operator, org_id="any"), 200)]

    with connect(server, created.api_key.key) as own:
        assert data(get_project.sync_detailed(uid, client=own), 200).name == name
        assert [project.uid for project in data(get_projects.sync_detailed(client=own, org_id="any"), 200)] == [uid]
        update = ModelsUpdateProject(name=f"{name} 2")
        assert data(update_project.sync_detailed(uid, client=own, body=update), 202).name == f"{name} 2"
        assert refusal(create_project.sync_detailed(client=own, body=body, org_id="any")) == (403, "Unauthorized")
        assert delete_project.sync_detailed(uid, client=own).status_code == 200
        assert refusal(get_project.sync_detailed(uid, client=own)) == (401, "authorization failed")
    assert refusal(get_project.sync_detailed(uid, client=operator)) == (404, "project not found")


def test_endpoints(project: LiveProject, convoy: AuthenticatedClient) -> None:
    body = ModelsCreateEndpoint(name="In", url=URL, owner_id="acme", secret="first", http_timeout=10)
    created = data(create_endpoint.sync_detailed(project.uid, client=convoy, body=body), 201)
    assert (created.name, created.url, created.owner_id, created.http_timeout) == ("In", URL, "acme", 10)
    assert [secret.value for secret in created.secrets] == ["first"]
    one = (project.uid, created.uid)
    fetched = data(get_endpoint.sync_detailed(*one, client=convoy), 200)
    assert fetched.to_dict() | {"authentication": None} == created.to_dict()

    update = ModelsUpdateEndpoint(name="Out", url=URL)
    assert data(update_endpoint.sync_detailed(*one, client=convoy, body=update), 202).name == "Out"
    assert data(pause_endpoint.sync_detailed(*one, client=convoy), 202).status == "paused"
    assert data(activate_endpoint.sync_detailed(*one, client=convoy), 202).status == "active"
    rotation = ModelsExpireSecret(secret="second", expiration=1)
    rotated = data(expire_secret.sync_detailed(*one, client=convoy, body=rotation), 200)
    assert [secret.value for secret in rotated.secrets] == ["first", "second"]

    assert delete_endpoint.sync_detailed(*one, client=convoy).status_code == 200
    assert refusal(get_endpoint.sync_detailed(*one, client=convoy)) == (404, "Resource not found")
    assert refusal(delete_endpoint.sync_detailed(*one, client=convoy)) == (400, "endpoint not found")


def test_portal_links(project: LiveProject, convoy: AuthenticatedClient) -> None:
    ids = [project.make_endpoint(owner_id="acme"), project.make_endpoint()]
    body = DatastoreCreatePortalLinkRequest(
        name="Acme", owner_id="acme", endpoints=[ids[1]], auth_type="refresh_token", can_manage_endpoint=True
    )
    created = data(create_portal_link.sync_detailed(project.uid, client=convoy, body=body), 201)
    assert created.endpoint_count == 2
    assert [endpoint.uid for endpoint in created.endpoints_metadata] == ids[::-1]
    assert created.auth_key.startswith("PRT.")
    assert created.url.endswith(f"/portal?token={created.token}&auth_token={created.auth_key}")
    one = (project.uid, created.uid)
    fetched = data(get_portal_link.sync_detailed(*one, client=convoy), 200)
    assert (fetched.uid, fetched.token, fetched.auth_key) == (created.uid, created.token, "")
    assert data(refresh_portal_link_auth_token.sync_detailed(*one, client=convoy), 200).startswith("PRT.")

    update = DatastoreUpdatePortalLinkRequest(name="Acme 2", owner_id="acme")
    updated = data(update_portal_link.sync_detailed(*one, client=convoy, body=update), 202)
    assert (updated.name, updated.auth_type, updated.can_manage_endpoint) == ("Acme 2", "refresh_token", False)

    assert revoke_portal_link.sync_detailed(*one, client=convoy).status_code == 200
    for call in (get_portal_link, revoke_portal_link):
        assert refusal(call.sync_detailed(*one, client=convoy)) == (404, "Resource not found")
    assert refusal(refresh_portal_link_auth_token.sync_detailed(*one, client=convoy))[0] == 400


@pytest.mark.parametrize("rows", [0, 1, 7, 8])
def test_pages_there_and_back(project: LiveProject, convoy: AuthenticatedClient, rows: int) -> None:
    made = [project.make_endpoint(owner_id="acme", name=f"{number}") for number in range(rows)]
    for number in range(rows):
        project.client.post(project.links, json={"name": f"{number}", "owner_id": "acme"}).raise_for_status()

    def endpoints(**query: Any) -> Any:
        return get_endpoints.sync_detailed(project.uid, client=convoy, per_page=3, owner_id="acme", **query)

    def links(**query: Any) -> Any:
        return load_portal_links_paged.sync_detailed(project.uid, client=convoy, per_page=3, owner_id="acme", **query)

    assert walk(endpoints, GetEndpointsDirection.PREV) == made[::-1]
    assert len(walk(links, LoadPortalLinksPagedDirection.PREV)) == rows


def walk(fetch: Callable[..., Any], back: Any) -> list[str]:
    """The ids of all pages, which are the same on the way back."""
    there = [data(fetch(), 200)]
    while there[-1].pagination.has_next_page:
        there.append(data(fetch(next_page_cursor=there[-1].pagination.next_page_cursor), 200))
    found = [row.uid for page in there for row in page.content]
    assert len(set(found)) == len(found)
    page = there[-1]
    for expected in there[-2::-1]:
        assert page.pagination.has_prev_page
        page = data(fetch(direction=back, prev_page_cursor=page.pagination.prev_page_cursor), 200)
        assert [row.uid for row in page.content] == [row.uid for row in expected.content]
    assert not page.pagination.has_prev_page
    return found


def test_errors(server: Server, project: LiveProject, convoy: AuthenticatedClient) -> None:
    empty = DatastoreCreatePortalLinkRequest()
    assert refusal(create_portal_link.sync_detailed(project.uid, client=convoy, body=empty)) == (
        400,
        "Invalid input provided",
    )
    unknown = DatastoreCreatePortalLinkRequest(name="Acme", owner_id="acme", endpoints=["nope"])
    assert refusal(create_portal_link.sync_detailed(project.uid, client=convoy, body=unknown)) == (
        400,
        "failed to find endpoint nope",
    )
    assert refusal(get_portal_link.sync_detailed(project.uid, "a?b#c", client=convoy)) == (404, "Resource not found")
    assert refusal(get_portal_link.sync_detailed(project.uid, "a/b", client=convoy)) == (404, "404 page not found")
    assert refusal(get_endpoints.sync_detailed("nope", client=convoy)) == (404, "project not found")
    with connect(server, "CO.a.b") as stranger:
        assert refusal(get_endpoints.sync_detailed(project.uid, client=stranger)) == (401, "authorization failed")
    long = DatastoreCreatePortalLinkRequest(name="a" * 2_000_000, owner_id="acme")
    with pytest.raises(UnexpectedStatus, match="413"):
        create_portal_link.sync_detailed(project.uid, client=convoy, body=long)
