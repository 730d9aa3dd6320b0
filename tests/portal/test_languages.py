"""Every page in every language: the texts are those of the catalogue, and nothing breaks."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from django.utils.translation import override

from endpoints.models import Endpoint
from portal.templatetags.portal import number
from portal_links.operations import create_portal_link
from projects.models import Project
from tests.portal.customers import OWNER, PAGES, Customer

LANGUAGES = [code for code, _ in settings.LANGUAGES]
ADD = {
    "en": "Add endpoint",
    "de": "Endpunkt hinzufügen",
    "fr": "Ajouter l’endpoint",
    "es": "Añadir endpoint",
    "pt": "Adicionar endpoint",
    "ja": "エンドポイントを追加",
}


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_speak_the_language(login: Callable[..., Customer], endpoint: Endpoint, language: str) -> None:
    customer = login()
    for path in PAGES:
        response = customer.get(path.format(id=endpoint.uid), lang=language)
        assert response["Content-Language"] == language
        assert response.status_code in (200, 404)
    assert ADD[language] in customer.html("endpoints/new", lang=language)


def test_the_page_of_a_static_link_speaks_it_as_a_whole(client: Client, project: Project, endpoint: Endpoint) -> None:
    link = create_portal_link(project.uid, name="x", owner_id=OWNER, can_manage_endpoint=True).link
    html = client.get("/portal", {"token": link.token, "lang": "de"}).content.decode()
    assert "Noch nichts" in html  # what the endpoint listens to, which the view puts into words
    assert "Nothing yet" not in html


@pytest.mark.slow
def test_nothing_of_a_language_is_left_for_the_next_request(
    login: Callable[..., Customer], project: Project, endpoint: Endpoint
) -> None:
    customer = login()
    assert ADD["de"] in customer.html("endpoints/new", lang="de")
    assert ADD["en"] in customer.html("endpoints/new")


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_follow_the_language(language: str) -> None:
    expected = {"en": "1,284", "de": "1.284", "fr": "1\u202f284", "es": "1\u202f284", "pt": "1.284", "ja": "1,284"}
    with override(language):
        shown = number(1284).replace("\xa0", "\u202f").replace(" ", "\u202f")
    assert shown == expected[language]
