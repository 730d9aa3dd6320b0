"""Responses as the outbound client reads them: status, headers, and the part of the body that is kept."""

import asyncio
import gzip
import hashlib
import socket
import time
import tracemalloc
from datetime import UTC, datetime

import pytest

from engine.attempt import has_succeeded
from outbound.client import Exchange, Outbound
from tests.outbound.receivers import Receiver, gzip_bomb, gzipped
from tests.outbound.sending import HEADERS, LIMIT, LOOPBACK, post
from tests.outbound.sinks import Sink, flood, respond


def packed(text: bytes) -> bytes:
    """`text` as gzip that is the same at any time."""
    return gzip.compress(text, mtime=0)


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
    def test_redirects_are_not_followed(self, receiver: Receiver, status: int) -> None:
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


class TestSloppyAnswers:
    """The status line decides, and what is wrong with the rest is noted."""

    @pytest.mark.parametrize(
        ("rest", "error"),
        [
            (b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", "malformed HTTP response: "),
            (b"Content-Length: -1\r\n\r\n", "malformed HTTP response: "),
            (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok", ""),
            (b"Transfer-Encoding: gzip, chunked, x\r\n\r\nok", ""),
            (b"a line without a colon\r\n\r\n", "malformed HTTP response: "),
            (b"X A: 1\r\n\r\n", "malformed HTTP response: "),
            (b"X: \x00\r\n\r\n", "malformed HTTP response: "),
            (b"X: " + b"y" * 9000 + b"\r\n\r\n", "malformed HTTP response: Got more than 8190 bytes when reading"),
            (b"X: y\r\n" * 101 + b"\r\n", "malformed HTTP response: Too many headers received"),
            ((b"X: " + b"y" * 8000 + b"\r\n") * 9 + b"\r\n", "malformed HTTP response: its headers are larger"),
            (b"", "malformed HTTP response: its headers end early"),
            (b"X: 1\r\nContent-", "malformed HTTP response: its headers end early"),
            (b"Content-Length: 10\r\n\r\nok", "the response's body ends early or is malformed"),
            (
                b"Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
                "the response's body ends early or is malformed",
            ),
        ],
        ids=[
            *("length twice", "negative length", "length and chunks", "unknown coding", "no colon", "space in a name"),
            *("NUL", "long line", "many headers", "large headers", "no headers", "half a header", "half a body"),
            "no chunk",
        ],
    )
    @pytest.mark.parametrize(
        ("start", "status", "reason"),
        [
            (b"HTTP/1.1 200 OK\r\n", 200, "OK"),
            (b"HTTP/1.0 503 Busy \xff\r\n", 503, "Busy \ufffd"),
            (b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nLink: </a>\r\n\r\nHTTP/1.1 202 A\r\n", 202, "A"),
        ],
        ids=["200", "503", "after interim"],
    )
    def test_keep_their_status(self, start: bytes, status: int, reason: str, rest: bytes, error: str) -> None:
        with Sink(respond(start + rest)) as sink:
            exchange = post(sink.url())
        assert (exchange.status, exchange.reason, exchange.was_sent) == (status, reason, True)
        assert exchange.error.startswith(error)
        assert exchange.responded_at is not None
        assert has_succeeded(exchange) is (status < 300)

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b"HTTP/1.1  200  OK", "OK"),
            (b"HTTP/1.1 200 OK\r", "OK"),
            (b"HTTP/1.2 200 OK", "OK"),
            (b"HTTP/2 200", ""),
        ],
        ids=["blanks", "stray CR", "HTTP/1.2", "HTTP/2"],
    )
    def test_an_unusual_status_line_decides(self, line: bytes, reason: str) -> None:
        with Sink(respond(line + b"\r\nContent-Length: 0\r\n\r\n")) as sink:
            exchange = post(sink.url())
        assert (exchange.status, exchange.reason) == (200, reason)
        assert exchange.error.startswith("malformed HTTP response: ")
        assert has_succeeded(exchange)

    @pytest.mark.parametrize(
        "line", [b"ICY 200 OK", b"HTTP/1.1 20", b"HTTP/1.1 2000 OK", b"HTTP/1.1 200OK", b"HTTP/1.1 099 X", b"200 OK"]
    )
    def test_what_is_no_status_line_is_no_success(self, line: bytes) -> None:
        with Sink(respond(line + b"\r\nContent-Length: 0\r\n\r\n")) as sink:
            exchange = post(sink.url())
        assert not has_succeeded(exchange)

    def test_in_pieces(self) -> None:
        def behave(connection: socket.socket) -> None:
            connection.recv(65_536)
            for piece in (b"HTTP/1", b".1 20", b"1 Made\r", b"\nContent-Length: 2\r\nContent-Len", b"gth: 2\r\n\r\nok"):
                connection.sendall(piece)
                time.sleep(0.02)

        with Sink(behave) as sink:
            exchange = post(sink.url())
        assert (exchange.status, exchange.reason) == (201, "Made")
        assert exchange.error.startswith("malformed HTTP response: ")

    def test_the_next_answer_is_read_by_itself(self, receiver: Receiver) -> None:
        """The status of an earlier answer on the same connection is not taken for one that never came."""
        receiver.answer_once("/", status=200)
        receiver.answer("/", close=True)

        async def twice() -> list[Exchange]:
            async with Outbound(allowed_networks=LOOPBACK) as outbound:
                return [await outbound.post(receiver.url("/"), headers=HEADERS, body=b"", timeout=30) for _ in range(2)]

        first, second = asyncio.run(twice())
        assert [first.status, second.status] == [200, None]
        # It came over the same connection first, and then over a fresh one, as nothing was received.
        assert [request.connection for request in receiver.requests()] == [1, 1, 2]

    @pytest.mark.parametrize("piece", [b"HTTP/1.1 100 C\r\n\r\n", b"HTTP/1.1 103 E\r\nX: y\r\n\r\n", b"\r\n"])
    def test_interim_responses_alone_are_no_answer(self, piece: bytes) -> None:
        with Sink(respond(piece * 3000)) as sink:
            assert post(sink.url()).status is None


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
    def test_gzip_is_cut_after_it_is_unpacked(self, receiver: Receiver, size: int) -> None:
        receiver.answer("/", **gzipped(b"x" * size))
        exchange = post(receiver.url("/"))
        assert (exchange.status, exchange.body, exchange.error) == (200, b"x" * min(size, LIMIT), "")

    def test_gzip_that_packs_badly_is_cut_too(self, receiver: Receiver) -> None:
        noise = b"".join(hash_of(number) for number in range(5000))
        receiver.answer("/", **gzipped(noise))
        exchange = post(receiver.url("/"))
        assert (exchange.status, exchange.body, exchange.error) == (200, noise[:LIMIT], "")

    @pytest.mark.slow
    def test_a_gzip_bomb_stays_packed(self, receiver: Receiver) -> None:
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
    def test_broken_gzip_keeps_the_status(
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
