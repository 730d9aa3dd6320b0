"""Looks at URLs before webhooks are sent to them, at real sockets: the findings, the guard and the bounds."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from core.ip_addresses import Network
from outbound.preflight import Look, Problem, look_at, private_address
from tests.outbound.certificates import NOW, Authority
from tests.outbound.receivers import Receiver
from tests.outbound.sending import LOOPBACK


class Names(AbstractResolver):
    """A name server that knows one answer."""

    def __init__(self, *addresses: str, seconds: float = 0) -> None:
        self._addresses, self._seconds = addresses, seconds

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        await asyncio.sleep(self._seconds)
        if not self._addresses:
            raise OSError("unknown")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in self._addresses
        ]

    async def close(self) -> None:
        pass


def look(url: str, **settings: Any) -> Look:
    return asyncio.run(look_at(url, **{"user_agent": "Tests/1", "allowed_networks": LOOPBACK} | settings))


def is_private(url: str, *addresses: str, allowed: tuple[Network, ...] = (), **settings: Any) -> str:
    names = Names(*addresses) if addresses else None
    return asyncio.run(private_address(url, allowed_networks=allowed, resolver=names, **settings))


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a listener that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


class TestFindings:
    def test_one_head_request_without_a_body(self, receiver: Receiver) -> None:
        found = look(receiver.url("/hooks?a=b"))
        assert (found.status, found.reason, found.problem) == (200, "OK", None)
        assert (found.host, found.address, found.is_secure) == ("127.0.0.1", "127.0.0.1", False)
        assert found.milliseconds is not None
        assert found.valid_until is None
        [request] = receiver.requests()
        assert (request.method, request.path, request.body) == ("HEAD", "/hooks?a=b", b"")
        assert request.headers == [
            ("Host", f"127.0.0.1:{receiver.port}"),
            ("User-Agent", "Tests/1"),
            ("Accept", "*/*"),
            ("Connection", "close"),
        ]

    @pytest.mark.parametrize("status", [204, 404, 405, 500])
    def test_every_status_is_told(self, receiver: Receiver, status: int) -> None:
        receiver.answer("/", status=status)
        assert look(receiver.url()).status == status

    def test_redirects_are_not_followed(self, receiver: Receiver) -> None:
        receiver.answer("/", redirect=receiver.url("/elsewhere"))
        assert look(receiver.url()).status == 302
        assert len(receiver.requests()) == 1

    def test_an_interim_response_is_read_over(self, receiver: Receiver) -> None:
        receiver.answer("/", raw=[b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 405 No\r\n\r\n"])
        assert (look(receiver.url()).status, look(receiver.url()).reason) == (405, "No")

    def test_a_certificate_and_its_end(self, authority: Authority) -> None:
        ends = NOW + timedelta(days=30)
        with Receiver(tls=authority.server("localhost", ends=ends)) as receiver:
            found = look(receiver.url(host="localhost"), ca_file=authority.file)
        assert found.problem is None
        assert found.valid_until == ends.replace(microsecond=0)
        assert found.is_secure

    def test_an_address_that_does_not_answer_is_passed_over(self, receiver: Receiver) -> None:
        url = receiver.url(host="hooks.example")
        assert look(url, resolver=Names("127.0.0.2", "127.0.0.1")).address in ("127.0.0.1", "127.0.0.2")
        assert look(url, resolver=Names("127.9.9.9", "127.0.0.1")).status == 200


class TestProblems:
    def test_a_name_without_an_address(self) -> None:
        found = look("https://hooks.example/", resolver=Names())
        assert (found.problem, found.host) == (Problem.UNKNOWN_NAME, "hooks.example")

    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        found = look(f"http://127.0.0.1:{port}/")
        assert (found.problem, found.address) == (Problem.UNREACHABLE, "127.0.0.1")

    @pytest.mark.parametrize(
        ("name", "days", "trusted", "problem"),
        [
            ("localhost", -1, True, Problem.EXPIRED),
            ("elsewhere.example", 1, True, Problem.FOR_ANOTHER_NAME),
            ("localhost", 1, False, Problem.UNTRUSTED),
        ],
    )
    def test_a_certificate_that_is_not_accepted(
        self, authority: Authority, name: str, days: int, trusted: bool, problem: Problem
    ) -> None:
        with Receiver(tls=authority.server(name, ends=NOW + timedelta(days=days))) as receiver:
            found = look(receiver.url("/", host="localhost"), ca_file=authority.file if trusted else None)
            assert receiver.requests() == []
        assert (found.problem, found.status) == (problem, None)

    def test_an_address_is_for_another_name_too(self, authority: Authority) -> None:
        with Receiver(tls=authority.server("localhost")) as receiver:
            assert look(receiver.url(), ca_file=authority.file).problem == Problem.FOR_ANOTHER_NAME

    def test_no_tls_where_it_is_expected(self) -> None:
        def greet() -> None:
            with listener.accept()[0] as connection:
                connection.sendall(b"HTTP/1.1 400 No\r\n\r\n")

        with socket.create_server(("127.0.0.1", 0)) as listener:
            greeting = threading.Thread(target=greet)
            greeting.start()
            assert look(f"https://127.0.0.1:{listener.getsockname()[1]}/").problem == Problem.TLS
            greeting.join()

    def test_only_old_tls(self, authority: Authority) -> None:
        context = authority.server()
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with Receiver(tls=context) as receiver:
            assert look(receiver.url(), ca_file=authority.file).problem == Problem.TLS

    @pytest.mark.parametrize(
        "raw",
        [
            *(b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/2 200\r\n", b"\r\nHTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK"),
            b"x" * 100_000,
            b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
        ],
    )
    def test_no_http(self, receiver: Receiver, raw: bytes) -> None:
        receiver.answer("/", raw=[raw])
        assert look(receiver.url()).problem == Problem.NOT_HTTP

    @pytest.mark.parametrize("url", ["", "ftp://example.com/", "https://", "https://a b/", "https://u:p@example.com/"])
    def test_nothing_is_done_for_what_cannot_be_sent_to(self, url: str) -> None:
        assert look(url) == Look(problem=Problem.UNSENDABLE)

    def test_what_a_receiver_says_cannot_break_a_line(self, receiver: Receiver) -> None:
        receiver.answer("/", raw=[b"HTTP/1.1 200 a\x00\x1b[31mb" + b"c" * 1000 + b"\r\n"])
        reason = look(receiver.url()).reason
        assert reason.isprintable()
        assert len(reason) <= 200


class TestTime:
    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_silence_ends_in_time(self, silent: str, scheme: str) -> None:
        started = time.monotonic()
        found = look(f"{scheme}://{silent}/", seconds=0.3)
        assert (found.problem, found.address) == (Problem.SLOW, "127.0.0.1")
        assert time.monotonic() - started < 3

    def test_a_slow_name_ends_in_time(self) -> None:
        assert look("http://hooks.example/", resolver=Names("127.0.0.1", seconds=60), seconds=0.1).problem == "slow"

    def test_a_byte_at_a_time_ends_in_time(self, receiver: Receiver) -> None:
        receiver.answer("/", drip=0.1)
        assert look(receiver.url(), seconds=0.3).problem == Problem.SLOW


class TestGuard:
    @pytest.mark.parametrize(
        "url",
        ["http://127.0.0.1:{}/", "http://localhost:{}/", "http://[::ffff:127.0.0.1]:{}/", "http://hooks.example:{}/"],
    )
    def test_a_private_address_is_not_connected_to(self, receiver: Receiver, url: str) -> None:
        names = Names("127.0.0.1") if "hooks" in url else None
        found = look(url.format(receiver.port), allowed_networks=(), resolver=names)
        assert found.problem == Problem.PRIVATE
        assert found.address in ("127.0.0.1", "::1", "::ffff:127.0.0.1")
        assert receiver.open_connections == 0
        assert receiver.requests() == []

    def test_of_several_addresses_only_the_permitted_are_connected_to(self, receiver: Receiver) -> None:
        found = look(receiver.url(host="hooks.example"), resolver=Names("10.0.0.12", "127.0.0.1"))
        assert (found.status, found.address) == (200, "127.0.0.1")

    def test_an_unusual_notation_is_not_sent_to(self, receiver: Receiver) -> None:
        assert look(f"http://2130706433:{receiver.port}/").problem == Problem.UNSENDABLE


class TestPrivateAddress:
    @pytest.mark.parametrize(
        ("url", "addresses", "private"),
        [
            ("https://10.0.0.12/", (), "10.0.0.12"),
            ("https://[::1]/", (), "::1"),
            ("https://169.254.169.254/", (), "169.254.169.254"),
            ("https://erp.internal.example/", ("10.0.0.12",), "10.0.0.12"),
            ("https://erp.internal.example/", ("10.0.0.12", "192.168.0.1"), "10.0.0.12"),
            ("https://hooks.example/", ("10.0.0.12", "1.1.1.1"), ""),
            ("https://hooks.example/", ("1.1.1.1",), ""),
            ("https://1.1.1.1/", (), ""),
            ("nonsense", (), ""),
        ],
    )
    def test_each(self, url: str, addresses: tuple[str, ...], private: str) -> None:
        assert is_private(url, *addresses) == private

    def test_an_allowed_network_is_not_private(self) -> None:
        assert is_private("http://127.0.0.1/", allowed=LOOPBACK) == ""

    def test_what_is_not_known_in_time_is_not_refused(self) -> None:
        slow = Names("10.0.0.12", seconds=60)
        assert asyncio.run(private_address("https://hooks.example/", resolver=slow, seconds=0.1)) == ""
        assert asyncio.run(private_address("https://hooks.example/", resolver=Names())) == ""
