"""nahook 0.2.0, the official client, against the running server."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from nahook import NahookAPIError, NahookManagement

from tests.live.conftest import LiveProject

MakeKey = Callable[..., str]


@pytest.fixture
def nahook(project: LiveProject, make_key: MakeKey) -> Iterator[NahookManagement]:
    """The client with a management token of the project."""
    with NahookManagement(make_key("--nahook"), base_url=project.server.url) as client:
        yield client


def refusal(create: Callable[[], Any]) -> NahookAPIError:
    with pytest.raises(NahookAPIError) as failure:
        create()
    return failure.value


def sessions(project: LiveProject) -> list[dict[str, Any]]:
    answer = project.client.get(f"{project.path}/portal-sessions").raise_for_status()
    rows: list[dict[str, Any]] = answer.json()["data"]["content"]
    return rows


def test_minimal(project: LiveProject, nahook: NahookManagement) -> None:
    made = nahook.portal_sessions.create(project.uid, "acme")
    assert made["url"] == f"{project.server.url}/portal/{project.uid}/#code={made['code']}"
    [session] = sessions(project)
    assert (session["owner_id"], session["surface"], session["metadata"]) == ("acme", "nahook", {})
    assert "manage_endpoint" in session["capabilities"]
    assert "delete_endpoint" not in session["capabilities"]
    assert session["expires_at"] == made["expiresAt"]
    left = datetime.datetime.fromisoformat(made["expiresAt"]) - datetime.datetime.now(datetime.UTC)
    assert 59 < left.total_seconds() / 60 <= 60
    # A look at the address, which is all that a link preview does, opens nothing.
    assert httpx.get(made["url"], trust_env=False).status_code == 200
    assert sessions(project)[0]["opened_at"] is None


def test_full(project: LiveProject, nahook: NahookManagement) -> None:
    metadata = {"userId": "usr_456", "email": "jo@acme.example"}
    nahook.portal_sessions.create(project.uid, "acme ü?", role="viewer", expires_in_minutes=30, metadata=metadata)
    [session] = sessions(project)
    assert (session["owner_id"], session["metadata"]) == ("acme ü?", metadata)
    assert session["capabilities"] == ["view", "view_deliveries", "view_payloads"]


def test_errors(project: LiveProject, make_key: MakeKey, nahook: NahookManagement) -> None:
    create = nahook.portal_sessions.create
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"role": "owner"}, "role: "),
        ({"expires_in_minutes": 0}, "expiresInMinutes: "),
        ({"expires_in_minutes": 61}, "expiresInMinutes: "),
        ({"metadata": {"a": 1}}, "metadata: "),
        ({"metadata": {str(number): "" for number in range(11)}}, "metadata: "),
    ]
    for sent, message in wrong:
        error = refusal(lambda sent=sent: create(project.uid, "acme", **sent))  # type: ignore[misc]
        assert (error.status, error.code, error.is_validation_error) == (400, "validation_error", True)
        assert str(error).startswith(message)
    error = refusal(lambda: create("nope", "acme"))
    assert (error.code, error.is_not_found, error.is_retryable) == ("not_found", True, False)
    error = refusal(lambda: create(project.uid, "acme", metadata={"a": "x" * 2_000_000}))
    assert (error.status, error.code) == (413, "payload_too_large")
    with NahookManagement(f"nhm_{'a' * 80}", base_url=project.server.url) as stranger:
        error = refusal(lambda: stranger.portal_sessions.create(project.uid, "acme"))
        assert (error.code, error.is_auth_error) == ("unauthorized", True)
        assert refusal(lambda: stranger.applications.list(project.uid)).is_auth_error
    assert refusal(lambda: nahook.environments.create(project.uid, name="Staging", slug="staging")).code == "forbidden"
    with NahookManagement(make_key("--nahook", "--owner-id=acme"), base_url=project.server.url) as acme:
        assert acme.portal_sessions.create(project.uid, "acme")["code"]
        error = refusal(lambda: acme.portal_sessions.create(project.uid, "globex"))
        assert (error.status, error.code) == (403, "forbidden")
    assert {session["owner_id"] for session in sessions(project)} == {"acme"}
