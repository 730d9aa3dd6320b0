"""The threads and places of a web process. Contract: docs/reliability.md#web-server."""

import os
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from convoyclone.threads import close_silent


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def connected(stack: ExitStack) -> tuple[socket.socket, socket.socket, int]:
    """Both ends of a connection on this machine, and the port that was connected to."""
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    client = stack.enter_context(socket.create_connection(listener.getsockname()))
    server = stack.enter_context(listener.accept()[0])
    return client, server, listener.getsockname()[1]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="connections are only looked through on Linux")
class TestCloseSilent:
    def test_it_leaves_no_file_open(self) -> None:
        with ExitStack() as stack:
            for end in os.pipe():
                stack.callback(os.close, end)
            stack.enter_context(Path(os.devnull).open())
            _, _, port = connected(stack)
            before = open_files()
            for _ in range(20):
                close_silent("127.0.0.1", port, 0)
            assert open_files() == before

    def test_it_closes_what_came_to_the_port_and_nothing_else(self) -> None:
        with ExitStack() as stack:
            client, _, port = connected(stack)
            other_client, other_server, _ = connected(stack)
            close_silent("127.0.0.1", port, 0)
            assert client.recv(1) == b""
            other_server.sendall(b"x")
            assert other_client.recv(1) == b"x"

    def test_it_leaves_another_address_and_what_was_sent_to_alone(self) -> None:
        with ExitStack() as stack:
            client, server, port = connected(stack)
            close_silent("127.0.0.2", port, 0)
            server.sendall(b"x")
            close_silent("127.0.0.1", port, 60)
            server.sendall(b"y")
            assert client.recv(2, socket.MSG_WAITALL) == b"xy"
