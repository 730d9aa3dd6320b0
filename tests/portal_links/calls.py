"""Calls of the other clients' operations, in-process; and what is stored of the secrets that they give out."""

from typing import Any

import orjson
from django.test import Client

from portal_links.models import PortalSession


class Reply:
    """An answer off the surfaces that have no envelope."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.headers = response.headers
        self.content: bytes = response.content
        if self.content:
            assert response.headers["Content-Type"] == "application/json"
        self.json: dict[str, Any] = orjson.loads(self.content) if self.content else {}


def call(method: str, path: str, body: Any = None, *, content_type: str = "application/json", **headers: str) -> Reply:
    """The answer to a request; a body that is no bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    client = Client(raise_request_exception=False)
    return Reply(client.generic(method, path, content, content_type=content_type, headers=sent))


def each(*values: Any) -> tuple[Any, ...]:
    """Values of any type, to be tried one by one."""
    return values


def secret_in(url: str) -> str:
    """The code or token in the fragment of a session's URL."""
    return url.partition("#")[2].partition("=")[2]


def assert_not_stored(*secrets: str) -> None:
    """No column of any session holds one of `secrets`, not even as bytes."""
    stored = [bytes(value) if isinstance(value, memoryview) else str(value).encode() for value in _values()]
    assert stored
    for secret in secrets:
        assert secret
        assert not any(secret.encode() in value for value in stored)


def _values() -> list[Any]:
    return [value for row in PortalSession.objects.values_list() for value in row]
