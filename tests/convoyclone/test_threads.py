"""The threads of a web process and its bodies. Contract: docs/reliability.md#web-server."""

import io
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from pytest_django import Settings

from convoyclone.threads import Bodies, TooManyOfAddress, close_silent
from tests.waiting import PATIENCE_SECONDS, eventually


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
            # Fewer, where what earlier tests have left open is closed meanwhile.
            assert open_files() <= before

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


class TestBodies:
    @pytest.mark.parametrize(
        ("addresses", "another"),
        [(["192.0.2.1"] * 3, "192.0.2.2"), ([f"2001:db8:1:2:{number}::1" for number in range(3)], "2001:db8:1:3::1")],
        ids=["IPv4", "a customer's network of IPv6"],
    )
    def test_an_address_has_a_share_of_the_bodies_that_have_not_come(
        self, settings: Settings, addresses: list[str], another: str
    ) -> None:
        settings.TRUST_PROXY_HEADERS = True
        bodies, may_come = Bodies(most_of_address=2), threading.Event()

        def upload(address: str) -> dict[str, Any]:
            body = Mock()
            body.read.side_effect = lambda _: may_come.wait(PATIENCE_SECONDS) and b"{}"
            return {"CONTENT_LENGTH": "2", "HTTP_X_FORWARDED_FOR": address, "wsgi.input": body}

        with ThreadPoolExecutor(3) as pool:
            try:
                running = [pool.submit(bodies.read, upload(address)) for address in addresses[:2]]
                eventually(lambda: len(bodies._reading) == 2, "both are being read")
                with pytest.raises(TooManyOfAddress):
                    bodies.read(upload(addresses[2]))
                running.append(pool.submit(bodies.read, upload(another)))
                eventually(lambda: len(bodies._reading) == 3, "another address is read too")
            finally:
                may_come.set()
            for each in running:
                each.result()
        bodies.read(again := upload(addresses[2]))
        assert again["wsgi.input"].read() == b"{}"

    def test_what_comes_by_an_unknown_proxy_is_not_counted_together(self) -> None:
        bodies = Bodies(most_of_address=0)
        sent: dict[str, Any] = {"CONTENT_LENGTH": "2", "REMOTE_ADDR": "10.0.0.1", "wsgi.input": io.BytesIO(b"{}")}
        bodies.read(sent)
        assert sent["wsgi.input"].read() == b"{}"
        with pytest.raises(TooManyOfAddress):
            bodies.read({"CONTENT_LENGTH": "2", "REMOTE_ADDR": "1.1.1.1", "wsgi.input": io.BytesIO(b"{}")})
