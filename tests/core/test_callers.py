"""Telling callers apart before anything is looked up. Contract: docs/reliability.md#web-server."""

from typing import Any

import orjson
import pytest
from django.test import Client
from pytest_django import Settings

from core.callers import IS_REFUSED, PARTY, caller_of
from projects.models import Project
from tests.conftest import API
from tests.portal.api.customers import create_link
from tests.surfaces import TOO_BUSY_SHAPES


def test_a_credential_in_any_writing() -> None:
    headers = ("Bearer CO.a.b", "bearer CO.a.b", "CO.a.b", "BEARER  CO.a.b")
    assert len({caller_of({"HTTP_AUTHORIZATION": each, "REMOTE_ADDR": "8.8.8.8"}) for each in headers}) == 1
    assert caller_of({"HTTP_AUTHORIZATION": "CO.a.b"}) != caller_of({"HTTP_AUTHORIZATION": "CO.a.c"})
    assert caller_of({"HTTP_X_API_KEY": "CO.a.b"}) == caller_of({"HTTP_AUTHORIZATION": "Bearer CO.a.b"})
    assert "CO.a.b" not in repr(caller_of({"HTTP_AUTHORIZATION": "CO.a.b"}))


def test_without_a_credential_the_network_tells_callers_apart_and_else_cookies(settings: Settings) -> None:
    assert caller_of({"REMOTE_ADDR": "8.8.8.8", "HTTP_COOKIE": "a=1"}) == "8.8.8.8"
    behind = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "9.9.9.9"}
    one, other = (caller_of(behind | {"HTTP_COOKIE": cookie}) for cookie in ("a=1", "a=2"))
    assert one != other
    assert caller_of(behind) == caller_of({"REMOTE_ADDR": "10.0.0.1"})
    settings.TRUST_PROXY_HEADERS = True
    assert caller_of(behind | {"HTTP_COOKIE": "a=1"}) == "9.9.9.9"


def test_views_tell_the_project_or_the_owner(api: API, project: Project) -> None:
    answer: Any = Client().get(f"/api/v1/projects/{project.uid}/endpoints", headers=api.headers)
    assert answer.wsgi_request.META[PARTY] == ("project", project.uid)
    headers = {"Authorization": f"Bearer {create_link(project, owner_id='acme').token}"}
    of_owner: Any = Client().get("/portal-api/endpoints", headers=headers)
    assert of_owner.wsgi_request.META[PARTY] == ("owner", f"{project.uid} acme")
    unknown: Any = Client().get("/api/v1/projects", headers={"Authorization": "Bearer CO.a.b"})
    assert PARTY not in unknown.wsgi_request.META


@pytest.mark.parametrize(("path", "shown"), TOO_BUSY_SHAPES)
def test_a_refusal_in_the_shape_of_each_contract_without_a_statement(path: str, shown: Any) -> None:
    answer: Any = Client(**{IS_REFUSED: True}).post(path)  # type: ignore[arg-type]  # a name of the environment
    assert (answer.status_code, answer["Retry-After"], orjson.loads(answer.content)) == (429, "1", shown)
    assert answer["X-Request-ID"]
