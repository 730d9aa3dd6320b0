"""Responses as the outbound client reads them: status, headers, and the part of the body that is kept."""

import gzip
import hashlib
import socket
import time
import tracemalloc
from datetime import UTC, datetime

import pytest

from tests.outbound.receivers import Receiver, gzip_bomb, gzipped
from tests.outbound.sending import LIMIT, post
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
