"""Telling callers apart before anything is looked up. Contract: docs/reliability.md#web-server."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from core.callers import IS_REFUSED, PARTY, STRANGERS, credential_of, stranger_of
from endpoints.models import Endpoint
from projects.models import Project
from tests.conftest import API
from tests.portal.api.customers import create_link
from tests.surfaces import TOO_BUSY_SHAPES


def test_a_credential_in_any_writing() -> None:
    headers = ("Bearer CO.a.b", "bearer CO.a.b", "CO.a.b", "BEARER  CO.a.b")
    assert len({credential_of({"HTTP_AUTHORIZATION": each, "REMOTE_ADDR": "8.8.8.8"}) for each in headers}) == 1
    assert credential_of({"HTTP_AUTHORIZATION": "CO.a.b"}) != credential_of({"HTTP_AUTHORIZATION": "CO.a.c"})
    assert credential_of({"HTTP_X_API_KEY": "CO.a.b"}) == credential_of({"HTTP_AUTHORIZATION": "Bearer CO.a.b"})
    assert "CO.a.b" not in repr(credential_of({"HTTP_AUTHORIZATION": "CO.a.b"}))
    one, other = (credential_of({"HTTP_COOKIE": cookie}) for cookie in ("a=1", "a=2"))
    assert one != other
    assert credential_of({}) is None


def test_without_a_known_credential_the_network_tells_callers_apart(settings: Settings) -> None:
    assert stranger_of({"REMOTE_ADDR": "8.8.8.8"}) == "8.8.8.8"
    behind = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "9.9.9.9"}
    assert stranger_of(behind) == stranger_of({"REMOTE_ADDR": "10.0.0.1"}) == STRANGERS
    settings.TRUST_PROXY_HEADERS = True
    assert stranger_of(behind) == "9.9.9.9"


def test_views_tell_the_project_or_the_owner(api: API, project: Project) -> None:
    answer: Any = Client().get(f"/api/v1/projects/{project.uid}/endpoints", headers=api.headers)
    assert answer.wsgi_request.META[PARTY] == ("project", project.uid)
    headers = {"Authorization": f"Bearer {create_link(project, owner_id='acme').token}"}
    of_owner: Any = Client().get("/portal-api/endpoints", headers=headers)
    assert of_owner.wsgi_request.META[PARTY] == ("owner", f"{project.uid} owner:acme")
    unknown: Any = Client().get("/api/v1/projects", headers={"Authorization": "Bearer CO.a.b"})
    assert PARTY not in unknown.wsgi_request.META


def test_customers_whose_links_have_no_owner_are_told_apart(
    project: Project, make_endpoint: Callable[..., Endpoint]
) -> None:
    found = set()
    for name in ("One", "Two"):
        link = create_link(project, owner_id="", endpoints=[make_endpoint(name=name).uid])
        answer: Any = Client().get("/portal-api/endpoints", headers={"Authorization": f"Bearer {link.token}"})
        assert answer.status_code == 200
        found.add(answer.wsgi_request.META[PARTY])
        assert answer.wsgi_request.META[PARTY] == ("owner", f"{project.uid} link:{link.uid}")
    assert len(found) == 2


def test_the_admin_tells_the_operator(admin_client: Client, admin_user: User) -> None:
    answer: Any = admin_client.get("/admin/")
    assert answer.wsgi_request.META[PARTY] == ("operator", str(admin_user.pk))


@pytest.mark.parametrize(("path", "shown"), TOO_BUSY_SHAPES)
def test_a_refusal_in_the_shape_of_each_contract_without_a_statement(path: str, shown: Any) -> None:
    answer: Any = Client(**{IS_REFUSED: True}).post(path)  # type: ignore[arg-type]  # a name of the environment
    assert (answer.status_code, answer["Retry-After"], orjson.loads(answer.content)) == (429, "1", shown)
    assert answer["X-Request-ID"]
