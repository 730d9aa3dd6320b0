"""What every answer says of the connection: a caller whose long body was not read must open another one."""

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
