"""Slow, hostile and absent receivers: the error that is told, and whether anything was sent."""

import asyncio
import socket
import ssl

import pytest

from outbound.client import Exchange, Outbound
from outbound.connections import Protocol, Sending
from outbound.descriptions import described
from outbound.requests import target_of
from tests.outbound.certificates import Authority
from tests.outbound.receivers import Receiver
from tests.outbound.sending import LIMIT, LOOPBACK, post
from tests.outbound.sinks import Sink, flood, respond
from tests.server import free_port


class TestFailures:
    @pytest.mark.slow  # it waits for a timeout
    def test_too_slow(self, receiver: Receiver) -> None:
        paths = ("/hang", "/drip", "/delay")
        receiver.answer("/hang", hang=True)
        receiver.answer("/drip", drip=0.5)
        receiver.answer("/delay", delay=30)

        async def at_the_same_time() -> list[Exchange]:
            async with Outbound(allowed_networks=LOOPBACK) as outbound:
                # Long enough for a busy machine to have sent the requests.
                sending = [outbound.post(receiver.url(path), headers=[], body=b"{}", timeout=2) for path in paths]
                return await asyncio.gather(*sending)

        for path, exchange in zip(paths, asyncio.run(at_the_same_time()), strict=True):
            assert (exchange.status, exchange.responded_at, exchange.was_sent) == (None, None, True), path
            assert exchange.error == "context deadline exceeded: no complete response within 2 seconds", path
            assert exchange.ip_address == "127.0.0.1", path

    @pytest.mark.slow  # it waits for a timeout
    def test_a_body_that_drips_keeps_the_status(self, receiver: Receiver) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nab"

        def behave(connection: socket.socket) -> None:
            connection.recv(65_536)
            connection.sendall(head)
            connection.recv(65_536)  # until the client has gone

        with Sink(behave) as sink:
            # Long enough for a busy machine to have read what is there.
            exchange = post(sink.url(), timeout=2)
        assert (exchange.status, exchange.body) == (200, b"ab")
        assert exchange.error.startswith("context deadline exceeded: ")

    def test_a_reset(self, receiver: Receiver) -> None:
        receiver.answer("/", reset=True)
        exchange = post(receiver.url("/"))
        assert (exchange.status, exchange.was_sent) == (None, True)
        assert exchange.error == "connection failed: Connection reset by peer"

    def test_closed_without_an_answer(self, receiver: Receiver) -> None:
        receiver.answer("/", close=True)
        exchange = post(receiver.url("/"))
        assert (exchange.status, exchange.was_sent) == (None, True)
        assert exchange.error == "the receiver closed the connection without a response"

    @pytest.mark.parametrize(
        ("data", "error"),
        [
            (b"garbage\r\n\r\n", "Bad status line"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", ""),
            (b"HTTP/1.1 99999 OK\r\n\r\n", ""),
            (b"HTTP/1.1 200 " + b"y" * 9000 + b"\r\n\r\n", "Got more than 8190 bytes when reading"),
        ],
    )
    def test_what_is_no_http(self, data: bytes, error: str) -> None:
        with Sink(respond(data)) as sink:
            exchange = post(sink.url())
        assert (exchange.status, exchange.responded_at, exchange.was_sent) == (None, None, True)
        assert exchange.error.startswith(f"malformed HTTP response: {error}")
        assert len(exchange.error) < 120

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("head", "piece"),
        [
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
            (b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 1000),
            (b"", b"\r\n" * 10_000),
            (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
            (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 10_000),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"y" * 10_000),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 1000),
        ],
        ids=["100", "103", "blank lines", "headers", "one header", "chunk extension", "trailers"],
    )
    def test_an_endless_response_is_ended(self, head: bytes, piece: bytes) -> None:
        with Sink(flood(piece, head)) as sink:
            exchange = post(sink.url(), timeout=60)
        assert exchange.error.startswith(
            ("malformed HTTP response: ", "the response's body ends early or is malformed")
        )

    @pytest.mark.parametrize("head", [b"", b"Transfer-Encoding: chunked\r\n"], ids=["until it closes", "chunked"])
    def test_an_endless_body_is_cut(self, head: bytes) -> None:
        piece = b"1\r\na\r\n" * 1000 if head else b"a" * 1000
        with Sink(flood(piece, b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")) as sink:
            exchange = post(sink.url(), timeout=60)
        assert (exchange.status, len(exchange.body), exchange.error) == (200, LIMIT, "")

    def test_nobody_listens(self) -> None:
        exchange = post(f"http://127.0.0.1:{free_port()}/")
        assert (exchange.status, exchange.was_sent, exchange.is_permanent) == (None, False, False)
        assert exchange.error.startswith("connection failed: ")
        assert "refused" in exchange.error

    @pytest.mark.parametrize("name", ["name.invalid", "a..b", "a" * 64, "a." * 200 + "a"])
    def test_a_name_that_is_none(self, name: str) -> None:
        exchange = post(f"http://{name}/")
        assert (exchange.status, exchange.was_sent, exchange.ip_address) == (None, False, "")
        assert exchange.error

    def test_cancellation_is_not_swallowed(self, receiver: Receiver) -> None:
        receiver.answer("/", hang=True)

        async def cancel() -> None:
            async with Outbound(allowed_networks=LOOPBACK) as outbound:
                sending = asyncio.create_task(outbound.post(receiver.url("/"), headers=[], body=b"", timeout=60))
                await asyncio.to_thread(receiver.wait_for, 1)
                sending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sending

        asyncio.run(cancel())

    def test_no_credential_is_in_an_error(self, receiver: Receiver, authority: Authority) -> None:
        receiver.answer("/hang", hang=True)
        receiver.answer("/reset", reset=True)
        receiver.answer("/close", close=True)
        echo = respond(b"Authorization: Bearer s3cr3t\r\n\r\n")
        with Sink(echo) as sink, Receiver(tls=authority.server()) as untrusted:
            urls = [
                *(receiver.url(f"{path}?token=s3cr3t") for path in ("/hang", "/reset", "/close")),
                *(sink.url("/?token=s3cr3t"), untrusted.url("/?token=s3cr3t")),
                *("http://name.invalid/?token=s3cr3t", f"http://127.0.0.1:{free_port()}/?token=s3cr3t"),
                *("http://user:s3cr3t@127.0.0.1/", "http://user:s3cr3t/@127.0.0.1/", "ftp://a/?token=s3cr3t"),
                *(
                    "http://a b/?token=s3cr3t",
                    "http://[s3cr3t",
                    "http://user:s3cr3t@[",
                    "http://10.0.0.1/?token=s3cr3t",
                ),
            ]
            for url in urls:
                error = post(url, headers=[("Authorization", "Bearer s3cr3t")], timeout=0.5).error
                assert error, url
                assert "s3cr3t" not in error, url


class TestWhetherAnythingWasSent:
    def test_nothing_was_sent_before_the_connection(self, authority: Authority) -> None:
        def silent(connection: socket.socket) -> None:
            connection.recv(65_536)
            connection.recv(65_536)

        with Receiver(tls=authority.server()) as untrusted, Sink(silent) as sink:
            for url in (untrusted.url("/"), f"http://127.0.0.1:{free_port()}/", "http://name.invalid/"):
                assert post(url).was_sent is False
            exchange = post(sink.url(scheme="https"), connect_timeout=0.3)
        assert exchange.error == "context deadline exceeded: not connected within 0.3 seconds"
        assert (exchange.was_sent, exchange.is_permanent) == (False, False)

    @pytest.mark.slow  # it waits for a timeout
    def test_what_may_have_arrived_counts_as_sent(self, receiver: Receiver) -> None:
        receiver.answer("/reset", reset=True)
        receiver.answer("/close", close=True)
        receiver.answer("/hang", hang=True)
        for path in ("/reset", "/close", "/hang"):
            assert post(receiver.url(path), timeout=2).was_sent is True


def test_a_connection_that_has_closed_takes_no_request() -> None:
    async def write() -> Sending:
        sending = Sending(target_of("https://example.com/in?token=hunter2"), ssl.create_default_context())
        with pytest.raises(ConnectionResetError) as refused:
            sending.write(Protocol(asyncio.get_running_loop()), b"POST / HTTP/1.1\r\n\r\n")
        # The URL may hold a credential.
        assert described(refused.value, 1, 1) == "connection failed: Connection reset by peer"
        return sending

    assert not asyncio.run(write()).was_sent
