"""Requests of the outbound client: the bytes that are sent, and requests that are refused before."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from outbound.client import Outbound
from tests.outbound.receivers import Receiver
from tests.outbound.sending import HEADERS, LOOPBACK, post
from tests.outbound.sinks import Sink


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
    def test_framing_headers_are_the_clients_own(self, receiver: Receiver, change_case: Callable[[str], str]) -> None:
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
            ("/%zz?100%", "/%zz?100%"),
            ("/a?b?c=d", "/a?b?c=d"),
            ("/a?", "/a?"),
            ("/q?tags[]=a&next=%2Fx&sig=rX%2FXCC2w%3D", "/q?tags[]=a&next=%2Fx&sig=rX%2FXCC2w%3D"),
            ("/q?a=1|2&t=%3A%40", "/q?a=1|2&t=%3A%40"),
            ('/q?n="x"&sig=a%2Fb', '/q?n="x"&sig=a%2Fb'),
            ("/%41[]|\\^`<>?%7e[]|\\^`<>", "/%41[]|\\^`<>?%7e[]|\\^`<>"),
            ("/ü%2F[é]?sig=a%2Fb&n=ü", "/%C3%BC%2F[%C3%A9]?sig=a%2Fb&n=%C3%BC"),
            ("//127.0.0.1//x?//127.0.0.1", "//127.0.0.1//x?//127.0.0.1"),
        ],
    )
    def test_path_and_query_as_they_are_written(self, receiver: Receiver, written: str, sent: str) -> None:
        assert post(receiver.url(written)).status == 200
        assert [request.path for request in receiver.requests()] == [sent]

    def test_every_byte_that_a_request_line_can_hold(self) -> None:
        visible = "".join(map(chr, range(0x21, 0x7F))).replace("#", "")
        lines: list[bytes] = []

        def behave(connection: socket.socket) -> None:
            lines.append(connection.recv(65_536).partition(b"\r\n")[0])
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        with Sink(behave) as sink:
            assert post(sink.url(f"/{visible}?{visible}")).status == 204
        assert lines == [f"POST /{visible}?{visible} HTTP/1.1".encode()]

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


class TestWhatCanNeverBeSent:
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
    def test_a_bad_url_is_a_permanent_failure(self, url: str) -> None:
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
    def test_an_invalid_header_is_a_permanent_failure(
        self, receiver: Receiver, header: tuple[str, str], error: str
    ) -> None:
        exchange = post(receiver.url("/"), headers=[("X-Fine", "1"), header])
        assert (exchange.error, exchange.is_permanent) == (f"invalid header field {error}", True)
        assert (exchange.status, exchange.was_sent) == (None, False)
        assert receiver.requests() == []
