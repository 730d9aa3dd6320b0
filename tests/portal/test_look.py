"""The look and the language of a page: the address, the link, the project, the browser, in this order."""

import re
from typing import Any

import pytest
from django.test import Client

from portal_links.models import PortalLink
from portal_links.operations import create_portal_link
from projects.models import Project
from tests.portal.customers import OWNER, Customer, mint

FRAME = {"Sec-Fetch-Dest": "iframe"}


def shell(client: Client, project: Project, query: str = "", **headers: str) -> Any:
    return client.get(f"/portal/{project.uid}/?{query}", headers=headers)


def theme_of(html: str) -> str:
    found = re.search(r'<html lang="\w+"(?: data-theme="(\w+)")?>', html)
    assert found is not None
    return found[1] or ""


@pytest.mark.parametrize(
    ("project_has", "query", "headers", "theme"),
    [
        ("auto", "", {}, ""),
        ("dark", "", {}, "dark"),
        ("light", "", {}, "light"),
        ("auto", "", FRAME, "light"),
        ("dark", "", FRAME, "dark"),
        ("dark", "theme=light", {}, "light"),
        ("dark", "theme=auto", FRAME, ""),
        ("light", "darkMode=true", {}, "dark"),
        ("dark", "darkMode=false", FRAME, "light"),
        ("dark", "darkMode=auto", FRAME, ""),
        ("dark", "theme=sepia&darkMode=x", {}, "dark"),
    ],
)
def test_theme(
    client: Client, project: Project, project_has: str, query: str, headers: dict[str, str], theme: str
) -> None:
    Project.objects.update(portal_appearance=project_has)
    assert theme_of(shell(client, project, query, **headers).content.decode()) == theme


def test_the_link_takes_precedence_over_the_project(client: Client, project: Project) -> None:
    Project.objects.update(portal_appearance="light")
    link = create_portal_link(project.uid, name="x", owner_id=OWNER).link
    PortalLink.objects.update(appearance="dark")
    assert theme_of(client.get("/portal", {"token": link.token}).content.decode()) == "dark"
    part = Customer(project, link.token).html()
    assert 'data-appearance="dark"' in part


def test_the_parameters_of_the_host_page_go_to_the_stylesheet(client: Client, project: Project) -> None:
    html = shell(client, project, "primaryColor=%23FFD400&fontFamily=Fira+Sans").content.decode()
    assert "theme.css?primaryColor=%23ffd400&amp;fontFamily=Fira+Sans" in html
    css = client.get(f"/portal/{project.uid}/theme.css", {"primaryColor": "ffd400", "fontFamily": "Fira Sans"})
    assert "--accent: #ffd400;" in css.content.decode()
    assert "theme.css?" not in shell(client, project, "primaryColor=red&fontFamily=%22").content.decode()


def test_an_icon_comes_from_a_site_that_may_embed_the_portal(client: Client, project: Project) -> None:
    Project.objects.update(portal_allowed_origins=["https://app.example.com"])
    ours, theirs = "https://app.example.com/i.png", "https://evil.example/i.png"
    response = shell(client, project, f"icon={ours}")
    assert f'<img src="{ours}"' in response.content.decode()
    assert "img-src 'self' data: https://app.example.com;" in response["Content-Security-Policy"]
    response = shell(client, project, f"icon={theirs}")
    assert theirs not in response.content.decode()
    assert "img-src 'self' data:;" in response["Content-Security-Policy"]


def test_in_a_frame_there_is_no_brand_and_no_way_back(client: Client, project: Project) -> None:
    Project.objects.update(portal_return_url="https://app.example.com/")
    html = shell(client, project).content.decode()
    assert 'class="brand"' in html
    assert 'class="back"' in html
    framed = shell(client, project, **FRAME).content.decode()
    assert 'class="brand"' not in framed
    assert 'class="back"' not in framed
    assert re.search(r'<body [^>]*class="embed', framed, re.DOTALL)


@pytest.mark.parametrize(
    ("project_has", "query", "headers", "language"),
    [
        ("", "", {}, "en"),
        ("", "", {"Accept-Language": "de-AT,de;q=0.9"}, "de"),
        ("", "", {"Accept-Language": "xx"}, "en"),
        ("ja", "", {"Accept-Language": "de"}, "ja"),
        ("ja", "lang=fr", {"Accept-Language": "de"}, "fr"),
        ("ja", "lang=pt-BR", {}, "pt"),
        ("ja", "lang=xx", {}, "ja"),
        ("ja", "lang=" + "x" * 500, {}, "ja"),
        ("ja", "", {"X-Portal-Language": "es"}, "es"),
    ],
)
def test_language(
    client: Client, project: Project, project_has: str, query: str, headers: dict[str, str], language: str
) -> None:
    Project.objects.update(portal_language=project_has)
    client.cookies["django_language"] = "es"  # no cookie counts
    response = shell(client, project, query, **headers)
    assert response["Content-Language"] == language
    assert f'<html lang="{language}"' in response.content.decode()


def test_a_session_is_ended_by_its_holder(project: Project) -> None:
    customer = Customer(project, mint(project).secret)
    response = customer.post("end")
    assert response.status_code == 200
    assert "portal-ended" in response["HX-Trigger"]
    assert customer.get().status_code == 401
    assert customer.post("end").status_code == 401
