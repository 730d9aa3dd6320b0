"""POST /api/v1/projects/{projectID}/endpoints/oauth2/test"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from urllib.parse import parse_qs

import pytest
from pytest_django import Settings

from core.waiting import the_place_to_wait
from endpoints import oauth2_test
from tests.conftest import API
from tests.endpoints.bodies import CLIENT_ASSERTION, SHARED_SECRET
from tests.outbound.receivers import Receiver
from tests.refusals import Call, RefusesOtherProjects, RefusesStrangers, RefusesViewers
from tests.statements import nothing_changes

CONFIG: dict[str, Any] = SHARED_SECRET["oauth2"]
TOKEN = {"access_token": "the-token", "token_type": "bearer", "expires_in": 600}


@pytest.fixture
def path(collection: str) -> str:
    return f"{collection}/oauth2/test"


@pytest.fixture
def server(settings: Settings) -> Iterator[Receiver]:
    """A token server on this machine, which the operator allows."""
    settings.DELIVERY_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    with Receiver() as receiver:
        receiver.answer("/token", body=json.dumps(TOKEN).encode())
        yield receiver


@pytest.fixture
def call(path: str, server: Receiver) -> Call:
    return lambda api: api.post(path, {"oauth2": CONFIG | {"url": server.url("/token")}})


class TestWorks:
    def test_a_token(self, api: API, path: str, server: Receiver) -> None:
        with nothing_changes():
            answer = api.post(path, {"oauth2": CONFIG | {"url": server.url("/token"), "scope": "all"}})
        assert (answer.status, answer.message) == (200, "OAuth2 connection test successful")
        expires_at = datetime.fromisoformat(answer.data.pop("expires_at"))
        assert abs(expires_at - datetime.now(UTC) - timedelta(seconds=600)) < timedelta(seconds=60)
        assert answer.data == {
            "success": True,
            "access_token": "the-token",
            "token_type": "bearer",
            "message": "OAuth2 connection successful",
        }
        [request] = server.requests()
        assert parse_qs(request.body.decode()) == {
            "grant_type": ["client_credentials"],
            "client_id": ["ada"],
            "client_secret": ["the client secret"],
            "scope": ["all"],
        }

    def test_rule_32_each_call_asks_anew(self, api: API, path: str, server: Receiver) -> None:
        for _ in range(2):
            api.post(path, {"oauth2": CONFIG | {"url": server.url("/token")}})
        assert len(server.requests()) == 2


class TestNoToken:
    def failure(self, api: API, path: str, config: dict[str, Any]) -> str:
        answer = api.post(path, {"oauth2": config})
        assert (answer.status, answer.message) == (200, "OAuth2 connection test failed")
        error: str = answer.data.pop("error")
        assert answer.data == {"success": False, "expires_at": "0001-01-01T00:00:00Z"}
        return error

    def test_the_server_refuses(self, api: API, path: str, server: Receiver) -> None:
        server.answer("/token", status=401, body=b'{"error":"invalid_client","secret":"the client secret"}')
        error = self.failure(api, path, CONFIG | {"url": server.url("/token")})
        assert error == "oauth2: the token server answered 401 (invalid_client)"

    def test_the_server_hangs(self, api: API, path: str, server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(oauth2_test, "SECONDS", 0.5)
        server.answer("/token", hang=True)
        error = self.failure(api, path, CONFIG | {"url": server.url("/token")})
        assert error == "oauth2: the token server did not answer in 0.5 seconds"

    def test_a_private_address_is_not_asked(self, api: API, path: str) -> None:
        with Receiver() as receiver:
            error = self.failure(api, path, CONFIG | {"url": receiver.url("/token")})
            assert receiver.requests() == []
        assert "address not allowed" in error

    def test_a_key_that_cannot_sign(self, api: API, path: str) -> None:
        config: dict[str, Any] = CLIENT_ASSERTION["oauth2"]  # type: ignore[assignment]
        assert self.failure(api, path, config) == "oauth2: the signing key cannot be used"


class TestRefused:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"", "Invalid request format"),
            ({"oauth2": "x"}, "Invalid request format"),
            ({}, "Invalid input provided"),
            ({"oauth2": None}, "Invalid input provided"),
            ({"oauth2": {}}, "Invalid input provided"),
            ({"oauth2": CONFIG | {"authentication_type": "magic"}}, "Invalid input provided"),
            (
                {"oauth2": CONFIG | {"client_secret": ""}},
                "oauth2 client_secret is required for shared_secret authentication",
            ),
            (
                {"oauth2": CONFIG | {"client_secret": "[REDACTED]"}},
                "oauth2 client_secret is required for shared_secret authentication",
            ),
            ({"oauth2": CONFIG | {"url": "ftp://x"}}, "invalid oauth2 url: it must be an http or https URL"),
        ],
    )
    def test_bodies(self, api: API, path: str, body: Any, message: str) -> None:
        assert api.post(path, body).error == (400, message)


class TestAuthentication(RefusesStrangers, RefusesOtherProjects, RefusesViewers):
    pass


def test_one_at_a_time_in_a_process(api: API, call: Call) -> None:
    with the_place_to_wait():
        answer = call(api)
    assert answer.error == (429, "another test is running, try again")
    assert answer.headers["Retry-After"] == "2"
    assert call(api).status == 200
