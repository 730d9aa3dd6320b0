"""GET /portal: what a customer sees who opens a portal link."""

from collections.abc import Callable

import pytest
from django.test import Client

from endpoints.models import Endpoint
from portal_links.operations import create_portal_link
from projects.models import Project
from projects.operations import delete_project

MakeEndpoint = Callable[..., Endpoint]


def page(client: Client, token: str) -> str:
    response = client.get("/portal", {"token": token})
    assert response.status_code == 200
    return response.content.decode()


def test_names_the_project_and_the_endpoints_of_the_owner(
    client: Client, project: Project, make_endpoint: MakeEndpoint
) -> None:
    link = create_portal_link(project.uid, name="Acme", owner_id="acme").link
    make_endpoint(owner_id="acme", name="Mine", url="https://mine.example/in")
    make_endpoint(owner_id="globex", name="Not mine", url="https://theirs.example/in")
    html = page(client, link.token)
    assert project.name in html
    assert "https://mine.example/in" in html
    assert "theirs" not in html


def test_a_list_link_shows_its_list(client: Client, project: Project, make_endpoint: MakeEndpoint) -> None:
    listed = make_endpoint(name="Listed")
    make_endpoint(name="Unlisted")
    html = page(client, create_portal_link(project.uid, name="x", endpoints=[listed.uid]).link.token)
    assert "Listed" in html
    assert "Unlisted" not in html


def test_what_customers_write_is_text_and_not_html(
    client: Client, project: Project, make_endpoint: MakeEndpoint
) -> None:
    make_endpoint(owner_id="acme", name="<script>alert(1)</script>")
    html = page(client, create_portal_link(project.uid, name="x", owner_id="acme").link.token)
    assert "<script>" not in html


def test_secrets_are_not_on_the_page(client: Client, project: Project, make_endpoint: MakeEndpoint) -> None:
    make_endpoint(owner_id="acme", secret="the secret")
    assert "the secret" not in page(client, create_portal_link(project.uid, name="x", owner_id="acme").link.token)


@pytest.mark.parametrize("token", ["", "nope", "a" * 24, "%00", "ü"])
def test_a_token_that_opens_nothing(client: Client, db: None, token: str) -> None:
    response = client.get(f"/portal?token={token}")
    assert response.status_code == 404
    assert "does not open anything" in response.content.decode()


def test_the_link_of_a_deleted_project(client: Client, project: Project) -> None:
    link = create_portal_link(project.uid, name="x", owner_id="acme").link
    delete_project(project.uid)
    assert client.get("/portal", {"token": link.token}).status_code == 404


def test_the_page_is_not_kept_and_tells_nobody_its_address(client: Client, project: Project) -> None:
    link = create_portal_link(project.uid, name="x", owner_id="acme").link
    response = client.get("/portal", {"token": link.token})
    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_the_page_changes_nothing(client: Client, db: None) -> None:
    assert client.post("/portal").status_code == 405
