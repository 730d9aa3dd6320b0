"""An answer closes the connection where the caller's long body was not read."""

import pytest
from django.test import Client

from projects.models import Project
from tests.conftest import API

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("size", "says"), [(200_000, "close"), (8193, "close"), (8192, None), (100, None)])
def test_a_body_that_a_refused_request_leaves_unread(project: Project, size: int, says: str | None) -> None:
    body = b'"' + b"x" * (size - 2) + b'"'
    answer = Client().post(f"/api/v1/projects/{project.uid}/events", body, content_type="application/json")
    assert (answer.status_code, answer.headers.get("Connection")) == (401, says)


def test_a_body_that_was_read(api: API, project: Project) -> None:
    body = b'{"name": "' + b"x" * 20_000 + b'"}'
    answer = Client().post(
        f"/api/v1/projects/{project.uid}/endpoints",
        body,
        content_type="application/json",
        headers=api.headers,
    )
    assert answer.status_code == 400
    assert "Connection" not in answer.headers


#: The headers that secure an answer. An API has each of them, though it passes by the middlewares of pages.
SECURE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


def test_every_answer_of_an_api_has_the_headers_that_secure_it(api: API, project: Project) -> None:
    paths = (f"/api/v1/projects/{project.uid}", "/api/v1/nothing", "/portal-api/portal_link", "/management/v1/x")
    for path in (*paths, "/api/ingest/x", "/ingest/api/v1/source"):
        answer = Client().get(path, headers=api.headers)
        assert {name: answer.headers.get(name) for name in SECURE} == SECURE, path
        assert not answer.cookies, path


def test_only_requests_to_pages_have_a_session(api: API) -> None:
    page = Client().get("/admin/login/").wsgi_request
    assert (hasattr(page, "session"), hasattr(page, "_messages")) == (True, True)
    paths = ("/api/v1/projects", "/portal-api/portal_link", "/v1/webhooks/portal", "/management/v1/x", "/api/ingest/x")
    for path in (*paths, "/ingest/api/v1/source"):
        request = Client().get(path, headers=api.headers).wsgi_request
        assert (hasattr(request, "session"), hasattr(request, "_messages")) == (False, False), path


@pytest.mark.parametrize("host", ["evil.example.com", "local host"])
def test_an_api_is_answered_under_its_own_names_only(api: API, host: str) -> None:
    answer = Client(raise_request_exception=False).get("/api/v1/projects", headers=api.headers | {"Host": host})
    assert answer.status_code == 400
