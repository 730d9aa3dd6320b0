"""Codes that open the portal once."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from endpoints.models import Endpoint
from portal_links.models import PortalSession
from projects.models import Project
from tests.portal.customers import Customer, mint, opened


def test_a_code_is_exchanged_for_a_token(client: Client, project: Project, endpoint: Endpoint) -> None:
    response = opened(client, project, mint(project, single_use=True).secret)
    assert response.status_code == 200
    assert "Orders in" in Customer(project, response.json()["token"]).html()


def test_a_code_that_was_used(client: Client, project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(portal_return_url="https://app.example.com/back")
    code = mint(project, single_use=True).secret
    opened(client, project, code)
    response = opened(client, project, code)
    assert response.status_code == 409
    assert "already been used" in response.content.decode()
    assert "https://app.example.com/back" in response.content.decode()


def test_a_code_that_has_expired(client: Client, project: Project) -> None:
    session, code = mint(project, single_use=True)
    PortalSession.objects.filter(pk=session.pk).update(expires_at=timezone.now() - timedelta(hours=1))
    response = opened(client, project, code)
    assert response.status_code == 409
    assert "has expired" in response.content.decode()


@pytest.mark.parametrize("code", ["", "nope", "\x00", "ü", "a" * 5000])
def test_a_code_that_never_was_one(client: Client, project: Project, code: str) -> None:
    response = opened(client, project, code)
    assert response.status_code == 404
    assert "does not open anything" in response.content.decode()


def test_a_code_of_another_project(client: Client, project: Project, other_project: Project) -> None:
    code = mint(project, single_use=True).secret
    assert opened(client, other_project, code).status_code == 404
    assert opened(client, project, code).status_code == 200


def test_a_revoked_code_is_as_unknown(client: Client, project: Project) -> None:
    session, code = mint(project, single_use=True)
    PortalSession.objects.filter(pk=session.pk).update(revoked_at=timezone.now())
    assert opened(client, project, code).status_code == 404


def test_looking_does_not_open(client: Client, project: Project) -> None:
    session, code = mint(project, single_use=True)
    for method in ("GET", "HEAD"):
        client.generic(method, f"/portal/{project.uid}/")
        assert client.generic(method, f"/portal/{project.uid}/open?code={code}").status_code == 405
    session.refresh_from_db()
    assert session.opened_at is None
