"""Uploads that never end hold no other request. Contract: docs/reliability.md#web-server."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from convoyclone.threads import BODY_SECONDS, MOST_SLOW_BODIES
from tests.live.conftest import LiveProject
from tests.waiting import PATIENCE_SECONDS

UPLOADS = 30


@pytest.fixture
def slow(project: LiveProject) -> Iterator[list[socket.socket]]:
    """Connections that have sent the half of a body each, to both processes."""
    head = f"POST /api/v1/projects/{project.uid}/portal-links HTTP/1.1\r\nHost: localhost\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    with ExitStack() as stack:
        opened = []
        for _ in range(UPLOADS):
            connection = socket.create_connection(("127.0.0.1", project.server.port), timeout=PATIENCE_SECONDS)
            connection.sendall(head.encode() + b'{"name":')
            opened.append(stack.enter_context(connection))
        yield opened


@pytest.mark.server
def test_others_are_answered_and_the_slow_are_closed(project: LiveProject, slow: list[socket.socket]) -> None:
    assert UPLOADS < MOST_SLOW_BODIES
    started = time.monotonic()
    for number in range(20):
        answer = httpx.get(f"{project.server.url}/healthz", trust_env=False, timeout=PATIENCE_SECONDS)
        assert answer.status_code == 200
        assert project.client.post(project.links, json={"name": "x", "owner_id": f"o{number}"}).status_code == 201
    assert time.monotonic() - started < BODY_SECONDS
    for connection in slow:
        connection.settimeout(BODY_SECONDS + 15)
        assert connection.recv(65_536) == b""
    assert project.client.get(project.links).status_code == 200
