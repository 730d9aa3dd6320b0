"""The threads and places of a web process. Contract: docs/reliability.md#web-server."""

import contextlib
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
from django.db import OperationalError
from pytest_django import Settings

from convoyclone import threads
from convoyclone.threads import Bodies, NoPlace, Places, TooManyOfAddress, close_silent
from core.rows import Row, read_rows
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


class Connections(threading.local):
    """Each thread's connections, as Django has them; those of the test itself are left alone."""

    def __init__(self) -> None:
        self._of_thread: dict[str, Any] = {}

    def create_connection(self, alias: str) -> Mock:
        return Mock()

    def __setitem__(self, alias: str, connection: Any) -> None:
        self._of_thread[alias] = connection

    def __delitem__(self, alias: str) -> None:
        del self._of_thread[alias]


class TestPlaces:
    @pytest.fixture(autouse=True)
    def without_database(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(threads, "connections", Connections())

    def test_who_has_waited_longest_is_next(self) -> None:
        places, order = Places(1), []

        def come(number: int) -> None:
            with places.one():
                order.append(number)

        with ThreadPoolExecutor(8) as pool, places.one():
            for number in range(8):
                pool.submit(come, number)
                eventually(lambda count=number + 1: len(places._waiting) == count, "it waits")  # type: ignore[misc]
        assert order == list(range(8))

    def test_whoever_waits_too_long_is_refused_and_leaves_the_place_to_others(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(threads, "PLACE_SECONDS", 0.01)
        places = Places(1)
        with places.one(), pytest.raises(NoPlace), places.one():
            pass
        assert (places._free, len(places._waiting)) == (1, 0)

    def test_a_place_is_free_again_after_an_error(self) -> None:
        places = Places(1)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError), places.one():
                raise ZeroDivisionError
        assert (places._free, len(places._connections)) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_has_failed_is_not_left_for_the_next_request() -> None:
    places = Places(1)

    def fail() -> None:
        with places.one():
            with contextlib.suppress(OperationalError):
                read_rows("SELECT pg_terminate_backend(pg_backend_pid())", [])
            raise ZeroDivisionError

    def follow() -> list[Row]:
        with places.one():
            return read_rows("SELECT 1", [])

    with ThreadPoolExecutor(1) as pool:
        try:
            with pytest.raises(ZeroDivisionError):
                pool.submit(fail).result()
            assert pool.submit(follow).result() == [(1,)]
        finally:
            for connection in places._connections:
                connection.close()


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
