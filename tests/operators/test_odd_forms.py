"""What Django's own forms and pages would fail with, or take long for."""

import pytest
from django.test import Client

from projects.models import APIKey, Project
from tests.conftest import Role

KEYS, PROJECTS = "/admin/projects/apikey/", "/admin/projects/project/"


@pytest.mark.parametrize("page", ["change", "delete"])
def test_a_blank_name_of_a_field_is_not_looked_up(admin_client: Client, project: Project, page: str) -> None:
    path = f"{PROJECTS}{project.pk}/{page}/"
    assert admin_client.get(path, {"_to_field": ""}).status_code == 200
    assert admin_client.post(path, {"_to_field": "", "name": ""}).status_code in (200, 302)


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "nope"])
def test_a_key_for_a_project_that_cannot_be(admin_client: Client, project: Project, text: str) -> None:
    answer = admin_client.post(f"{KEYS}add/", {"name": "CI", "role": Role.PROJECT_ADMIN, "project": text})
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors.keys() == {"project"}
    assert not APIKey.objects.filter(name="CI").exists()


@pytest.mark.parametrize("count", [201, 100_000])
def test_more_texts_in_a_field_than_anybody_means(admin_client: Client, project: Project, count: int) -> None:
    """They are counted before any of them is looked at."""
    sent = {"name": "CI", "role": Role.PROJECT_ADMIN, "project": project.pk, "scopes": "x," * (count - 1) + "x"}
    answer = admin_client.post(f"{KEYS}add/", sent)
    assert answer.context["adminform"].form.errors == {"scopes": ["Enter at most 200 items."]}
    assert not APIKey.objects.filter(name="CI").exists()
