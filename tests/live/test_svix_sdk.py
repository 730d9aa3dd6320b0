"""svix 2.9.1, the official client, against the running server."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from svix.api import (
    ApplicationTokenExpireIn,
    AppPortalAccessIn,
    AuthenticationAppPortalAccessOptions,
    Svix,
)
from svix.exceptions import HttpError, HTTPValidationError
from svix.models import AppPortalCapability

from tests.live.conftest import LiveProject

MakeKey = Callable[..., str]
Connect = Callable[[str], Svix]


@pytest.fixture
def svix(project: LiveProject, connect_svix: Connect) -> Svix:
    """The client with the project's key."""
    return connect_svix(project.key)


def status(project: LiveProject, token: str) -> int:
    """Return the portal API's answer to a session's token."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{project.server.url}/portal-api/endpoints", headers=headers, trust_env=False).status_code


def test_access(project: LiveProject, svix: Svix) -> None:
    minimal = svix.authentication.app_portal_access("acme", AppPortalAccessIn())
    assert minimal.url == f"{project.server.url}/portal/{project.uid}/#token={minimal.token}"
    assert status(project, minimal.token) == 200
    full = AppPortalAccessIn(
        capabilities=[AppPortalCapability.VIEW_BASE, AppPortalCapability.CREATE_ATTEMPTS],
        expiry=3600,
        session_id="user_1",
        feature_flags=["new-look"],
        read_only=False,
    )
    svix.authentication.app_portal_access("acme", full)
    newest = project.client.get(f"{project.path}/portal-sessions").json()["data"]["content"][0]
    assert (newest["surface"], newest["reference"]) == ("svix", "user_1")
    assert newest["capabilities"] == ["create_attempts", "send_test", "view", "view_deliveries", "view_payloads"]


def test_idempotency_key(project: LiveProject, svix: Svix) -> None:
    options = AuthenticationAppPortalAccessOptions(idempotency_key="once")
    access = svix.authentication.app_portal_access
    first, second = (access("acme", AppPortalAccessIn(), options) for _ in range(2))
    assert (first.url, first.token) == (second.url, second.token)
    with pytest.raises(HttpError) as failure:
        access("acme", AppPortalAccessIn(read_only=True), options)
    assert (failure.value.status_code, failure.value.code) == (400, "bad_request")


def test_expire_all(project: LiveProject, svix: Svix) -> None:
    def access(owner: str, session: str) -> str:
        return str(svix.authentication.app_portal_access(owner, AppPortalAccessIn(session_id=session)).token)

    one, two, other = access("acme", "one"), access("acme", "two"), access("globex", "one")
    svix.authentication.expire_all("acme", ApplicationTokenExpireIn(session_ids=["one"]))
    assert [status(project, token) for token in (one, two, other)] == [401, 200, 200]
    svix.authentication.expire_all("acme", ApplicationTokenExpireIn(expiry=3600))
    assert [status(project, token) for token in (two, other)] == [200, 200]
    svix.authentication.expire_all("acme", ApplicationTokenExpireIn())
    assert [status(project, token) for token in (two, other)] == [401, 200]


def test_logout(project: LiveProject, connect_svix: Connect, svix: Svix) -> None:
    token = svix.authentication.app_portal_access("acme", AppPortalAccessIn()).token
    connect_svix(token).authentication.logout()
    assert status(project, token) == 401
    for credential in (token, project.key):
        error = refusal(lambda credential=credential: connect_svix(credential).authentication.logout())  # type: ignore[misc]
        assert (error.status_code, error.code) == (401, "authentication_failed")


def refusal(call: Callable[[], Any]) -> HttpError:
    with pytest.raises(HttpError) as failure:
        call()
    return failure.value


def test_errors(connect_svix: Connect, make_key: MakeKey, svix: Svix) -> None:
    for expiry in (3599, 604_801):
        sent = AppPortalAccessIn.model_construct(expiry=expiry)
        with pytest.raises(HTTPValidationError) as failure:
            svix.authentication.app_portal_access("acme", sent)
        assert failure.value.status_code == 422
        [detail] = failure.value.detail
        assert detail.loc == ["body", "expiry"]
        assert "from 3600 to 604800" in detail.msg
    stranger = connect_svix(f"CO.{'a' * 16}.{'b' * 64}")
    error = refusal(lambda: stranger.authentication.app_portal_access("acme", AppPortalAccessIn()))
    assert (error.status_code, error.code) == (401, "authentication_failed")
    globex = connect_svix(make_key("--owner-id=globex"))
    assert globex.authentication.app_portal_access("globex", AppPortalAccessIn()).token
    error = refusal(lambda: globex.authentication.app_portal_access("acme", AppPortalAccessIn()))
    assert (error.status_code, error.code) == (403, "permission_denied")
    # Operations that this server lacks: the credential is checked first, and the path is refused in Convoy's words.
    assert refusal(lambda: svix.authentication.stream_logout()).status_code == 404
