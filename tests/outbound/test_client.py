"""One request to a receiver: what goes out, what comes back, and what a hostile receiver achieves."""

import asyncio
import gzip
import hashlib
import select
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from outbound import lookup
from outbound.client import Exchange, Outbound
from tests.outbound.certificates import NOW, Authority
from tests.outbound.receivers import Receiver, Sink, gzip_bomb, gzipped
from tests.outbound.sending import HEADERS, LOOPBACK, post
from tests.server import free_port
from tests.waiting import PATIENCE_SECONDS, eventually

LIMIT = 51_200


def packed(text: bytes) -> bytes:
    """`text` as gzip that is the same at any time."""
    return gzip.compress(text, mtime=0)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def respond(data: bytes) -> Callable[[socket.socket], None]:
    """Something that reads a request, sends `data`, and closes."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(data)

    return behave


def flood(piece: bytes, head: bytes = b"") -> Callable[[socket.socket], None]:
    """Something that sends `piece` for as long as anybody takes it."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(head)
        while True:
            connection.sendall(piece)

    return behave


class TestWhatGoesOut:
    def test_headers_as_they_are_and_nothing_else(self, receiver: Receiver) -> None:
        headers = [
            ("X-Convoy-Signature", "t=1,v1=a"),
            ("webhook-id", "msg_1"),
            ("x-MiXeD", " a  b\t;ü"),
            ("X-Twice", "1"),
            ("X-Other", ""),
            ("X-Twice", "2"),
        ]
        post(receiver.url("/"), headers=headers, body=b"body")
        [request] = receiver.requests()
        assert request.method == "POST"
        assert request.body == b"body"
        assert sorted(request.lines) == sorted(
            [
                f"Host: 127.0.0.1:{receiver.port}",
                "Content-Length: 4",
                "X-Convoy-Signature: t=1,v1=a",
                "webhook-id: msg_1",
                "x-MiXeD:  a  b\t;ü".encode().decode("latin-1"),
                "X-Twice: 1",
                "X-Twice: 2",
                "X-Other: ",
            ]
        )

    @pytest.mark.parametrize("body", [b"", b"\x00", b"{}", b"\xff" * 3_000_000])
    def test_the_body_byte_for_byte(self, receiver: Receiver, body: bytes) -> None:
        assert post(receiver.url("/"), body=body).status == 200
        [request] = receiver.requests()
        assert request.body == body
        assert request.header("Content-Length") == str(len(body))

    @pytest.mark.parametrize("change_case", [str.lower, str.upper, str.title])
    def test_h10_framing_headers_are_the_clients_own(
        self, receiver: Receiver, change_case: Callable[[str], str]
    ) -> None:
        framing = [
            *(("content-length", "3"), ("transfer-encoding", "chunked"), ("host", "evil"), ("expect", "100-continue")),
            *(("connection", "close"), ("keep-alive", "1"), ("te", "x"), ("trailer", "x"), ("upgrade", "x")),
            *(("proxy-connection", "x"), ("proxy-authorization", "x"), ("proxy-authenticate", "x")),
            ("proxy-anything", "x"),
        ]
        headers = [(change_case(name), value) for name, value in framing]
        assert post(receiver.url("/"), headers=[*headers, ("X-Kept", "1")], body=b"hello").status == 200
        [request] = receiver.requests()
        assert sorted(request.lines) == ["Content-Length: 5", f"Host: 127.0.0.1:{receiver.port}", "X-Kept: 1"]

    @pytest.mark.parametrize(
        ("written", "sent"),
        [
            ("/a/../b//c", "/a/../b//c"),
            ("/%7Euser/%2f?q=%20+%2b&q=&=", "/%7Euser/%2f?q=%20+%2b&q=&="),
            ("?only=query", "/?only=query"),
            ("", "/"),
            ("/a#fragment", "/a"),
            ("/ü?ü=ü", "/%C3%BC?%C3%BC=%C3%BC"),
            ("/%zz", "/%25zz"),
            ("/a?b?c=d", "/a?b?c=d"),
        ],
    )
    def test_path_and_query_as_they_are_written(self, receiver: Receiver, written: str, sent: str) -> None:
        assert post(receiver.url(written)).status == 200
        assert [request.path for request in receiver.requests()] == [sent]

    def test_nothing_of_the_environment(self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        assert post(receiver.url("/")).status == 200

    def test_no_cookies(self, receiver: Receiver) -> None:
        receiver.answer("/", headers=[("Set-Cookie", "session=1; Path=/")])

        async def twice() -> None:
            async with Outbound(allowed_networks=LOOPBACK) as outbound:
                for _ in range(2):
                    await outbound.post(receiver.url("/"), headers=HEADERS, body=b"", timeout=30)

        asyncio.run(twice())
        assert [request.values("Cookie") for request in receiver.requests()] == [[], []]


class TestWhatComesBack:
    def test_the_exchange(self, receiver: Receiver) -> None:
        receiver.answer("/", status=404, body=b"not here", headers=[("X-A", "1"), ("X-A", "2"), ("x-b", "3")])
        before = datetime.now(UTC)
        exchange = post(receiver.url("/"))
        assert (exchange.status, exchange.reason, exchange.body, exchange.error) == (404, "Not Found", b"not here", "")
        assert exchange.response_headers == [("X-A", "1"), ("X-A", "2"), ("x-b", "3"), ("Content-Length", "8")]
        assert (exchange.ip_address, exchange.was_sent, exchange.is_permanent) == ("127.0.0.1", True, False)
        assert exchange.responded_at is not None
        assert before <= exchange.requested_at <= exchange.responded_at <= datetime.now(UTC)

    def test_over_ipv6(self) -> None:
        with Receiver("::1") as receiver:
            exchange = post(receiver.url("/"))
        assert (exchange.status, exchange.ip_address) == (200, "::1")

    def test_texts_that_can_be_stored(self) -> None:
        head = b"HTTP/1.1 200 \xff\xfe\r\nX-A: \xff\x80\r\nX-B: \xc3\xbc\r\nContent-Length: 0\r\n\r\n"
        with Sink(respond(head)) as sink:
            exchange = post(sink.url())
        assert exchange.response_headers == [("X-A", "\ufffd\ufffd"), ("X-B", "ü"), ("Content-Length", "0")]
        assert exchange.reason == "\ufffd\ufffd"

    @pytest.mark.parametrize("status", [200, 204, 299, 301, 302, 303, 307, 308, 404, 410, 429, 500, 599])
    def test_every_status_is_reported_as_it_is(self, receiver: Receiver, status: int) -> None:
        receiver.answer("/", status=status)
        assert post(receiver.url("/")).status == status

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_d6_redirects_are_not_followed(self, receiver: Receiver, status: int) -> None:
        receiver.answer("/", status=status, redirect=receiver.url("/elsewhere"))
        exchange = post(receiver.url("/"))
        assert (exchange.status, exchange.error) == (status, "")
        assert ("Location", receiver.url("/elsewhere")) in exchange.response_headers
        assert [request.path for request in receiver.requests()] == ["/"]

    def test_interim_responses_are_passed_over(self) -> None:
        interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        with Sink(respond(interim + b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")) as sink:
            exchange = post(sink.url())
        assert (exchange.status, exchange.body, exchange.error) == (201, b"ok", "")

    def test_a_protocol_switch_is_an_answer(self) -> None:
        with Sink(flood(b"z" * 1000, b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")) as sink:
            assert post(sink.url()).status == 101

    def test_an_answer_before_the_body_was_read(self, receiver: Receiver) -> None:
        receiver.answer("/", status=413, early=True)
        assert post(receiver.url("/"), body=bytes(20_000_000)).status == 413

    @pytest.mark.parametrize("together", [True, False])
    @pytest.mark.parametrize(
        ("head", "body", "status", "kept"),
        [
            (b"HTTP/1.1 204 No Content\r\n\r\n", b"but a body", 204, b""),
            (b"HTTP/1.1 204 No Content\r\nContent-Length: 10\r\n\r\n", b"but a body", 204, b""),
            (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", b"but a body", 304, b""),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"but a body", 200, b""),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok, but more", 200, b"ok"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nok\r\n0\r\n\r\nmore", 200, b"ok"),
            (b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok and more", 200, b"ok"),
        ],
    )
    def test_more_than_was_announced_is_ignored(
        self, head: bytes, body: bytes, status: int, kept: bytes, together: bool
    ) -> None:
        def behave(connection: socket.socket) -> None:
            connection.recv(65_536)
            for piece in [head + body] if together else [head[:12], head[12:-2], head[-2:] + body[:3], body[3:]]:
                connection.sendall(piece)
                time.sleep(0.02)

        with Sink(behave) as sink:
            exchange = post(sink.url())
        assert (exchange.status, exchange.body, exchange.error) == (status, kept, "")


class TestBodies:
    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize(("size", "kept"), [(0, 0), (1, 1), (LIMIT, LIMIT), (LIMIT + 1, LIMIT), (70_000, LIMIT)])
    def test_cut_at_the_limit_without_an_error(self, receiver: Receiver, size: int, kept: int, chunked: bool) -> None:
        receiver.answer("/", body=b"x" * size, chunked=chunked)
        exchange = post(receiver.url("/"))
        assert (exchange.status, len(exchange.body), exchange.error) == (200, kept, "")

    def test_ten_megabytes_are_not_read(self, receiver: Receiver) -> None:
        receiver.answer("/", body=b"x" * 10_000_000)
        exchange = post(receiver.url("/"), max_response_bytes=10)
        assert (exchange.status, exchange.body, exchange.error) == (200, b"x" * 10, "")

    @pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT, LIMIT + 1, 1_000_000])
    def test_d7_gzip_is_cut_after_it_is_unpacked(self, receiver: Receiver, size: int) -> None:
        receiver.answer("/", **gzipped(b"x" * size))
        exchange = post(receiver.url("/"))
        assert (exchange.status, exchange.body, exchange.error) == (200, b"x" * min(size, LIMIT), "")

    def test_d7_gzip_that_packs_badly_is_cut_too(self, receiver: Receiver) -> None:
        noise = b"".join(hash_of(number) for number in range(5000))
        receiver.answer("/", **gzipped(noise))
        exchange = post(receiver.url("/"))
        assert (exchange.status, exchange.body, exchange.error) == (200, noise[:LIMIT], "")

    def test_d7_a_gzip_bomb_stays_packed(self, receiver: Receiver) -> None:
        receiver.answer("/", body=gzip_bomb(), headers=[("Content-Encoding", "gzip")])
        tracemalloc.start()
        try:
            exchange = post(receiver.url("/"))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert (exchange.status, len(exchange.body), exchange.error) == (200, LIMIT, "")
        assert peak < 20_000_000

    @pytest.mark.parametrize(
        ("body", "kept", "error"),
        [
            (b"no gzip at all", b"", "the response's gzip body is broken"),
            (packed(b"x" * 100)[:-9] + b"\xff" * 9, None, "the response's gzip body is broken"),
            (packed(b"text")[:-4], b"text", "the response's gzip body ends early"),
            (packed(b"text")[:5], b"", "the response's gzip body ends early"),
            (packed(b"one ") + packed(b"two"), b"one two", ""),
            (packed(b"text") + b"\0" * 10, b"text", ""),
            (b"", b"", ""),
        ],
        ids=["no gzip", "broken end", "half a trailer", "half a header", "two members", "zeros at the end", "empty"],
    )
    def test_d7_broken_gzip_keeps_the_status(
        self, receiver: Receiver, body: bytes, kept: bytes | None, error: str
    ) -> None:
        receiver.answer("/", body=body, headers=[("Content-Encoding", "GZip")])
        exchange = post(receiver.url("/"))
        assert (exchange.status, exchange.error) == (200, error)
        assert kept is None or exchange.body == kept

    def test_gzip_members_without_content_have_an_end(self, receiver: Receiver) -> None:
        receiver.answer("/", body=packed(b"") * 200_000, headers=[("Content-Encoding", "gzip")])
        exchange = post(receiver.url("/"))
        assert (exchange.status, exchange.body, exchange.error) == (200, b"", "")

    def test_another_encoding_is_kept_as_it_is(self, receiver: Receiver) -> None:
        receiver.answer("/", body=b"\x1b\x00", headers=[("Content-Encoding", "br")])
        assert post(receiver.url("/")).body == b"\x1b\x00"

    @pytest.mark.parametrize(
        "head", [b"Content-Length: 10\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n5\r\n"], ids=["length", "chunked"]
    )
    def test_a_body_that_ends_early_keeps_the_status(self, head: bytes) -> None:
        with Sink(respond(b"HTTP/1.1 200 OK\r\n" + head + b"abc")) as sink:
            exchange = post(sink.url())
        assert (exchange.status, exchange.error) == (200, "the response's body ends early or is malformed")
        assert exchange.responded_at is not None

    def test_a_body_without_a_length_ends_with_the_connection(self) -> None:
        with Sink(respond(b"HTTP/1.0 200 OK\r\n\r\nall of it")) as sink:
            exchange = post(sink.url())
        assert (exchange.status, exchange.body, exchange.error) == (200, b"all of it", "")


def hash_of(number: int) -> bytes:
    """32 bytes that cannot be packed."""
    return hashlib.sha256(str(number).encode()).digest()


class TestFailures:
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
            (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ""),
            (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 9000 + b"\r\n\r\n", "Got more than 8190 bytes when reading"),
            (b"HTTP/1.1 200 " + b"y" * 9000 + b"\r\n\r\n", "Got more than 8190 bytes when reading"),
            (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n", "Too many headers received"),
            (
                b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"y" * 8000 + b"\r\n") * 9 + b"\r\n",
                "its headers are larger",
            ),
        ],
    )
    def test_what_is_no_http(self, data: bytes, error: str) -> None:
        with Sink(respond(data)) as sink:
            exchange = post(sink.url())
        assert (exchange.status, exchange.responded_at, exchange.was_sent) == (None, None, True)
        assert exchange.error.startswith(f"malformed HTTP response: {error}")
        assert len(exchange.error) < 120

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


class TestD5WhatCanNeverBeSent:
    @pytest.mark.parametrize(
        "url",
        [
            *("", " ", "/", "example.com", "//example.com/", "http://", "http:///path", "http://:80/", "http://@/"),
            *("ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)", "unix:///var/run/docker.sock"),
            *("http://a b/", "http://a/\r\nX-Evil: 1", "http://a/\x00", "http://a\\@b/", "http://[::1/", "http://[x]/"),
            *("http://a:99999/", "http://a:b/", "http://a:-1/", "http://a:0/", "http://\ud800/", "http://%00/"),
            *("https://user@example.com/", "https://user:password@example.com/", "https://:@example.com/"),
            "http://" + "[" * 10_000,
        ],
    )
    def test_d5_a_bad_url_is_a_permanent_failure(self, url: str) -> None:
        exchange = post(url)
        assert (exchange.status, exchange.was_sent, exchange.is_permanent) == (None, False, True)
        assert exchange.error.startswith("invalid endpoint url: ")

    @pytest.mark.parametrize(
        ("header", "error"),
        [
            *((("X A", "1"), "name"), (("X:A", "1"), "name"), (("", "1"), "name"), (("X\r\nY", "1"), "name")),
            *((("Ü", "1"), "name"), (("X\n", "1"), "name")),
            *(
                (("X", "a\r\nY: b"), "value"),
                (("X", "a\nb"), "value"),
                (("X", "\x00"), "value"),
                (("X", "\x7f"), "value"),
            ),
            (("X", "\ud800"), "value"),
        ],
    )
    def test_h9_an_invalid_header_is_a_permanent_failure(
        self, receiver: Receiver, header: tuple[str, str], error: str
    ) -> None:
        exchange = post(receiver.url("/"), headers=[("X-Fine", "1"), header])
        assert (exchange.error, exchange.is_permanent) == (f"invalid header field {error}", True)
        assert (exchange.status, exchange.was_sent) == (None, False)
        assert receiver.requests() == []


class TestD9WhetherAnythingWasSent:
    def test_d9_nothing_was_sent_before_the_connection(self, authority: Authority) -> None:
        def silent(connection: socket.socket) -> None:
            connection.recv(65_536)
            connection.recv(65_536)

        with Receiver(tls=authority.server()) as untrusted, Sink(silent) as sink:
            for url in (untrusted.url("/"), f"http://127.0.0.1:{free_port()}/", "http://name.invalid/"):
                assert post(url).was_sent is False
            exchange = post(sink.url(scheme="https"), connect_timeout=0.3)
        assert exchange.error == "context deadline exceeded: not connected within 0.3 seconds"
        assert (exchange.was_sent, exchange.is_permanent) == (False, False)

    def test_d9_what_may_have_arrived_counts_as_sent(self, receiver: Receiver) -> None:
        receiver.answer("/reset", reset=True)
        receiver.answer("/close", close=True)
        receiver.answer("/hang", hang=True)
        for path in ("/reset", "/close", "/hang"):
            assert post(receiver.url(path), timeout=2).was_sent is True


class TestConnections:
    @pytest.mark.parametrize("body", [b"", b"ok", b"x" * LIMIT])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_are_used_again(self, receiver: Receiver, body: bytes, chunked: bool) -> None:
        receiver.answer("/", body=body, chunked=chunked)

        async def several() -> None:
            async with Outbound(allowed_networks=LOOPBACK) as outbound:
                for _ in range(3):
                    exchange = await outbound.post(receiver.url("/"), headers=[], body=b"x", timeout=30)
                    assert (exchange.status, exchange.ip_address) == (200, "127.0.0.1")

        asyncio.run(several())
        assert [request.connection for request in receiver.requests()] == [1, 1, 1]

    def test_one_whose_response_was_cut_is_not(self, receiver: Receiver) -> None:
        receiver.answer("/", body=b"x" * 1_000_000)

        async def several() -> None:
            async with Outbound(allowed_networks=LOOPBACK, max_response_bytes=100) as outbound:
                for _ in range(3):
                    exchange = await outbound.post(receiver.url("/"), headers=[], body=b"x", timeout=30)
                    assert (exchange.status, exchange.body) == (200, b"x" * 100)

        asyncio.run(several())
        assert [request.connection for request in receiver.requests()] == [1, 2, 3]

    def test_one_that_the_receiver_has_closed_is_not(self) -> None:
        is_over = threading.Semaphore(0)

        def answer_and_end(connection: socket.socket) -> None:
            respond(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")(connection)
            connection.shutdown(socket.SHUT_WR)
            # The client has noticed once it has ended its own side.
            assert connection.recv(1) == b""
            is_over.release()

        with Sink(answer_and_end) as sink:

            async def several() -> None:
                async with Outbound(allowed_networks=LOOPBACK) as outbound:
                    for _ in range(3):
                        exchange = await outbound.post(sink.url(), headers=[], body=b"x", timeout=30)
                        assert exchange.status == 200
                        assert await asyncio.to_thread(is_over.acquire, timeout=PATIENCE_SECONDS)

            asyncio.run(several())
            assert sink.accepted == 3

    def test_more_requests_than_connections_wait(self, receiver: Receiver) -> None:
        receiver.answer("/", delay=0.02)

        async def many() -> list[int | None]:
            async with Outbound(allowed_networks=LOOPBACK, connections=3) as outbound:
                sending = [outbound.post(receiver.url("/"), headers=[], body=b"x", timeout=60) for _ in range(30)]
                return [exchange.status for exchange in await asyncio.gather(*sending)]

        assert asyncio.run(many()) == [200] * 30
        assert receiver.most_in_flight <= 3

    def test_idle_ones_have_a_bound(self) -> None:
        receivers = [Receiver() for _ in range(6)]

        def few_are_open() -> bool:
            return sum(receiver.open_connections for receiver in receivers) <= 2

        async def each() -> None:
            async with Outbound(allowed_networks=LOOPBACK, connections=2) as outbound:
                for receiver in receivers:
                    await outbound.post(receiver.url("/"), headers=[], body=b"x", timeout=30)
                await asyncio.to_thread(eventually, few_are_open, "at most two connections are open")

        for receiver in receivers:
            receiver.__enter__()
        try:
            asyncio.run(each())
        finally:
            for receiver in receivers:
                receiver.__exit__(None, None, None)

    @pytest.mark.parametrize("early", [True, False])
    def test_one_that_is_given_up_is_gone_though_the_receiver_never_reads(self, early: bool) -> None:
        gone = threading.Event()

        def behave(connection: socket.socket) -> None:
            if early:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            poll = select.poll()
            poll.register(connection, select.POLLRDHUP)
            if poll.poll(1000 * PATIENCE_SECONDS):
                gone.set()

        with Sink(behave) as sink:

            async def give_up() -> bool:
                async with Outbound(allowed_networks=LOOPBACK) as outbound:
                    await outbound.post(sink.url(), headers=[], body=bytes(20_000_000), timeout=0.5)
                    return await asyncio.to_thread(gone.wait, PATIENCE_SECONDS)

            assert asyncio.run(give_up())

    def test_a_response_sent_in_advance_reaches_no_other_request(self) -> None:
        two = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na" + b"HTTP/1.1 299 Evil\r\nContent-Length: 1\r\n\r\nb"

        def behave(connection: socket.socket) -> None:
            connection.recv(65_536)
            connection.sendall(two)
            connection.recv(65_536)

        with Sink(behave) as sink:

            async def twice() -> list[int | None]:
                async with Outbound(allowed_networks=LOOPBACK) as outbound:
                    return [
                        (await outbound.post(sink.url(), headers=[], body=b"x", timeout=30)).status for _ in range(2)
                    ]

            assert asyncio.run(twice()) == [200, 200]


class TestTLS:
    def test_a_trusted_receiver(self, authority: Authority) -> None:
        with Receiver(tls=authority.server()) as receiver:
            exchange = post(receiver.url("/"), ca_file=authority.file)
            assert (exchange.status, exchange.error) == (200, "")
            assert [request.body for request in receiver.requests()] == [b"{}"]

    @pytest.mark.parametrize(
        ("name", "ends", "trusted", "error"),
        [
            ("127.0.0.1", NOW + timedelta(days=1), False, "unable to get local issuer certificate"),
            ("127.0.0.2", NOW + timedelta(days=1), True, "IP address mismatch"),
            ("127.0.0.1", NOW - timedelta(days=1), True, "certificate has expired"),
        ],
    )
    def test_one_that_cannot_be_trusted(
        self, authority: Authority, name: str, ends: datetime, trusted: bool, error: str
    ) -> None:
        with Receiver(tls=authority.server(name, ends=ends)) as receiver:
            exchange = post(receiver.url("/"), ca_file=authority.file if trusted else None)
            assert receiver.requests() == []
        assert exchange.error.startswith(f"tls: failed to verify certificate: {error}")
        assert (exchange.status, exchange.was_sent, exchange.is_permanent) == (None, False, False)

    def test_one_that_does_not_speak_tls(self) -> None:
        with Sink(respond(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as sink:
            exchange = post(sink.url(scheme="https"))
        assert exchange.error.startswith("tls: handshake failed: ")
        assert (exchange.status, exchange.was_sent) == (None, False)

    def test_each_client_certificate_has_connections_of_its_own(self, authority: Authority) -> None:
        pairs = [authority.pair("first"), authority.pair("second"), authority.pair("first")]
        with Receiver(tls=authority.server(asks_clients=True)) as receiver:

            async def several() -> None:
                async with Outbound(allowed_networks=LOOPBACK, ca_file=authority.file) as outbound:
                    for _ in range(2):
                        for pair in pairs:
                            exchange = await outbound.post(
                                receiver.url("/"), headers=[], body=b"", timeout=30, client_certificate=pair
                            )
                            assert (exchange.status, exchange.error) == (200, "")

            asyncio.run(several())
            requests = receiver.requests()
        assert [request.client for request in requests] == ["first", "second", "first"] * 2
        assert [request.connection for request in requests] == [1, 2, 3, 1, 2, 3]

    def test_a_client_certificate_is_not_shown_to_whom_it_was_not_given(self, authority: Authority) -> None:
        with Receiver(tls=authority.server(asks_clients=True)) as receiver:

            async def several() -> list[int | None]:
                async with Outbound(allowed_networks=LOOPBACK, ca_file=authority.file) as outbound:
                    return [
                        (
                            await outbound.post(
                                receiver.url("/"), headers=[], body=b"", timeout=30, client_certificate=pair
                            )
                        ).status
                        for pair in (authority.pair("client"), None)
                    ]

            assert asyncio.run(several()) == [200, None]

    def test_a_client_certificate_of_a_stranger(self, authority: Authority, tmp_path: Path) -> None:
        with Receiver(tls=authority.server(asks_clients=True)) as receiver:
            stranger = Authority(tmp_path).pair("stranger")
            exchange = post(receiver.url("/"), ca_file=authority.file, client_certificate=stranger)
            assert receiver.requests() == []
        assert (exchange.status, exchange.is_permanent) == (None, False)
        assert exchange.error

    def test_a_client_certificate_that_cannot_be_used(self, authority: Authority) -> None:
        certificate, key = authority.pair("client")
        locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
        )
        unusable = [
            *((certificate, authority.pair("another")[1]), (certificate, locked.decode()), (certificate, "")),
            *(("", key), ("text", "text"), (certificate, "\ud800"), (certificate[:200], key)),
        ]
        for pair in unusable:
            exchange = post("https://127.0.0.1/", client_certificate=pair)
            assert exchange.error.startswith("Invalid mTLS certificate: ")
            assert (exchange.status, exchange.was_sent, exchange.is_permanent) == (None, False, True)
            assert not any(line in exchange.error for line in key.splitlines())

    def test_the_files_of_a_client_certificate_are_gone(
        self, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        with Receiver(tls=authority.server(asks_clients=True)) as receiver:
            pair = authority.pair("client")
            assert post(receiver.url("/"), ca_file=authority.file, client_certificate=pair).status == 200
            assert post(receiver.url("/"), client_certificate=(pair[0], "no key")).is_permanent
        assert list(tmp_path.iterdir()) == []


class TestLookups:
    @pytest.fixture
    def hanging(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
        """The names below hang.example and hang.co.uk whose lookup has begun: it lasts as long as the test."""
        began: list[str] = []
        is_over = threading.Event()
        look_up = lookup._look_up

        def hang(host: str, port: int, family: socket.AddressFamily) -> Any:
            if ".hang." not in host:
                return look_up(host, port, family)
            began.append(host)
            is_over.wait(60)
            raise OSError("no server has answered")

        monkeypatch.setattr(lookup, "_look_up", hang)
        yield began
        is_over.set()

    def test_names_of_one_domain_that_hang_hold_up_no_others(self, receiver: Receiver, hanging: list[str]) -> None:
        domains = ("hang.example", "hang.co.uk")
        urls = [f"http://h{number}.{domain}/" for number in range(100) for domain in domains]

        async def run() -> Exchange:
            async with Outbound(allowed_networks=LOOPBACK) as client:
                given_up = await asyncio.gather(*(client.post(url, headers=[], body=b"", timeout=1) for url in urls))
                assert all("no complete response within 1 seconds" in exchange.error for exchange in given_up)
                # Their threads go on, and so they keep their places.
                url = receiver.url("/", host="localhost")
                return await client.post(url, headers=[], body=b"", timeout=PATIENCE_SECONDS)

        assert asyncio.run(run()).status == 200
        assert len(hanging) == 2 * lookup.LOOKUPS_OF_ONE_DOMAIN

    def test_who_waits_too_long_for_a_lookup_is_told(self, hanging: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lookup, "LOOKUP_WAIT_SECONDS", 0.2)

        async def first_to_be_told() -> str:
            async with Outbound(allowed_networks=LOOPBACK) as client:
                urls = [f"http://h{number}.hang.example/" for number in range(5)]
                posts = [asyncio.create_task(client.post(url, headers=[], body=b"", timeout=60)) for url in urls]
                [told], others = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
                assert len(others) == lookup.LOOKUPS_OF_ONE_DOMAIN
                for other in others:
                    other.cancel()
                await asyncio.wait(others)
                return told.result().error

        error = asyncio.run(first_to_be_told())
        assert error == "lookup of the host failed: too many names of hang.example are being looked up"

    def test_a_place_is_free_again_after_each_lookup(self, receiver: Receiver) -> None:
        async def run() -> list[Exchange]:
            async with Outbound(allowed_networks=LOOPBACK, dns_ttl=0) as client:
                url = receiver.url("/", host="localhost")
                # Each on a connection of its own, with a lookup of its own.
                return [await client.post(url, headers=[], body=b"", timeout=PATIENCE_SECONDS) for _ in range(9)]

        receiver.answer("/", headers=[("Connection", "close")])
        assert {exchange.status for exchange in asyncio.run(run())} == {200}
