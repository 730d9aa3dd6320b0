"""Headers of the portal's answers, and what of them is the project's."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from endpoints.models import Endpoint
from portal_links.operations import create_portal_link
from projects.models import Project
from tests.portal.customers import OWNER, PAGES, Customer, mint, opened


def answers(client: Client, project: Project, endpoint: Endpoint) -> Iterator[Any]:
    customer = Customer(project, mint(project).secret)
    link = create_portal_link(project.uid, name="x", owner_id=OWNER).link
    yield client.get("/portal", {"token": link.token})
    yield client.get("/portal?token=nope")
    yield client.get(f"/portal/{project.uid}/")
    yield client.get("/portal/nope/")
    yield client.get(f"/portal/{project.uid}/theme.css")
    yield opened(client, project, "nope")
    yield opened(client, project, mint(project, single_use=True).secret)
    yield from (customer.get(path.format(id=endpoint.uid)) for path in PAGES)
    yield customer.get(f"endpoints/{endpoint.uid}/delete")
    yield customer.post(f"endpoints/{endpoint.uid}/secret")
    yield Customer(project, "nope").get()


@pytest.mark.slow
def test_headers_of_every_answer(client: Client, project: Project, endpoint: Endpoint) -> None:
    for response in answers(client, project, endpoint):
        policy = response["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; ")
        assert "form-action 'self'; base-uri 'none'; frame-ancestors 'self'" in policy
        assert "unsafe" not in policy
        assert response["Cache-Control"] == "no-store"
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "X-Frame-Options" not in response
        html = response.content.decode()
        assert not re.search(r"<style|\bstyle=|<script(?! src=)|\son\w+=|javascript:", html)


def test_who_may_embed_and_where_the_logo_is_are_the_projects(login: Callable[..., Customer], project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(
        portal_allowed_origins=["https://app.example.com"], logo_url="https://cdn.example.com/logo.png?x=1"
    )
    response = login().get()
    policy = response["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self' https://app.example.com")
    assert "img-src 'self' data: https://cdn.example.com;" in policy


@pytest.mark.parametrize("logo", ["https://x; script-src *", "javascript:alert(1)", "https://[", "https://a'b/", ""])
def test_a_logo_that_is_no_address_is_not_shown(client: Client, project: Project, logo: str) -> None:
    Project.objects.filter(pk=project.pk).update(logo_url=logo)
    response = client.get(f"/portal/{project.uid}/")
    assert "img-src 'self' data:;" in response["Content-Security-Policy"]
    assert "<img" not in response.content.decode()


def test_the_theme_is_the_projects(client: Client, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(portal_primary_color="#aa0011", portal_name="Northwind")
    response = client.get(f"/portal/{project.uid}/theme.css")
    assert response["Content-Type"] == "text/css"
    assert "#aa0011" in response.content.decode()
    assert "Northwind" in client.get(f"/portal/{project.uid}/").content.decode()
