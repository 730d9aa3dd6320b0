"""The kinds of answers: by the texts that are stored, and by what the client really meets."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from outbound.answers import AnswerKind, answer_kind, answer_text
from outbound.client import Exchange
from outbound.responses import GZIP_BROKEN
from tests.outbound.certificates import NOW, Authority
from tests.outbound.receivers import Receiver
from tests.outbound.sending import post
from tests.outbound.sinks import Sink, respond
from tests.server import free_port

_VERIFY = "tls: failed to verify certificate: "
_HALF = "the response's body ends early or is malformed"
TEXTS = [
    ("200 OK", "", "200"),
    ("204", "", "204"),
    ("404 Not Found", "", "404"),
    ("301 Moved Permanently", "", "301"),
    ("200 OK", GZIP_BROKEN, "200"),
    ("503 Service Unavailable", _HALF, "503"),
    ("200 OK", _HALF, "200"),
    ("204 No Content", "malformed HTTP response: it is endless", "204"),
    ("200 OK", "connection failed: Connection reset by peer", "200"),
    ("200 OK", "context deadline exceeded: no complete response within 10 seconds", "timeout"),
    ("200 OK", "the request failed: Surprise", "bad_answer"),
    ("", "context deadline exceeded: not connected within 10 seconds", "timeout"),
    ("", "connection failed: Connection timed out", "timeout"),
    ("", "connection failed: Connection refused", "refused"),
    ("", "connection failed: Connection reset by peer", "reset"),
    ("", "the receiver closed the connection without a response", "reset"),
    ("", "the worker was lost while it sent this: the receiver may have got it", "interrupted"),
    ("", "connection failed: No route to host", "unreachable"),
    ("", "connection failed: Network is unreachable", "unreachable"),
    ("", "lookup of the host failed: Name or service not known", "dns"),
    ("", "lookup of the host failed: too many names of hang.example are being looked up", "dns"),
    ("", _VERIFY + "certificate has expired", "tls_expired"),
    ("", _VERIFY + "certificate is not yet valid", "tls"),
    ("", _VERIFY + "Hostname mismatch, certificate is not valid for 'a.example'.", "tls_name"),
    ("", _VERIFY + "IP address mismatch, certificate is not valid for '192.0.2.1'.", "tls_name"),
    ("", _VERIFY + "self-signed certificate", "tls_untrusted"),
    ("", _VERIFY + "unable to get local issuer certificate", "tls_untrusted"),
    ("", "tls: handshake failed: WRONG_VERSION_NUMBER", "tls"),
    ("", "tls: handshake failed: SSLV3_ALERT_BAD_CERTIFICATE", "certificate_missing"),
    ("", "tls: the receiver ended the connection: TLSV13_ALERT_CERTIFICATE_REQUIRED", "certificate_missing"),
    ("", "ssrf guard: address not allowed: 10.0.0.1 (not public)", "private_address"),
    ("", "ssrf guard: blocked connection to metadata/link-local address 169.254.169.254", "private_address"),
    ("", "malformed HTTP response: it is endless", "bad_answer"),
    ("", "oauth2: the token server answered 401 (invalid_client)", "no_token"),
    ("", "Invalid mTLS certificate: it cannot be read", "unsent"),
    ("", "invalid endpoint url: it names no host and port", "unsent"),
    ("", "invalid header field value", "unsent"),
    ("", "the endpoint has no secret to sign with", "unsent"),
    ("", "internal error: the request could not be built", "unsent"),
    ("", "", "unsent"),
]


@pytest.mark.parametrize(("http_status", "error", "kind"), TEXTS)
def test_the_kind_of_an_answer(http_status: str, error: str, kind: str) -> None:
    found = answer_kind(http_status, error)
    assert found == kind
    assert found.isdecimal() or found in set(AnswerKind)
    assert answer_text(http_status, error) == (http_status if kind.isdecimal() else error)


class TestWhatTheClientMeets:
    def test_nobody_listens(self) -> None:
        assert kind_of(post(f"http://127.0.0.1:{free_port()}/")) == "refused"

    def test_a_name_without_an_address(self) -> None:
        assert kind_of(post("http://name.invalid/")) == "dns"

    def test_a_private_address(self) -> None:
        for url in ("http://10.0.0.1/", "http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/"):
            assert kind_of(post(url, allowed_networks=())) == "private_address", url

    def test_no_answer_in_time(self, receiver: Receiver) -> None:
        receiver.answer("/", hang=True)
        assert kind_of(post(receiver.url("/"), timeout=0.5)) == "timeout"

    def test_a_connection_that_is_closed(self, receiver: Receiver) -> None:
        receiver.answer("/reset", reset=True)
        receiver.answer("/close", close=True)
        assert [kind_of(post(receiver.url(path))) for path in ("/reset", "/close")] == ["reset", "reset"]

    def test_what_is_no_http(self) -> None:
        with Sink(respond(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")) as sink:
            assert kind_of(post(sink.url())) == "bad_answer"

    def test_an_answer_that_ends_early(self) -> None:
        with Sink(respond(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")) as sink:
            assert kind_of(post(sink.url())) == "200"

    @pytest.mark.parametrize(
        ("name", "days", "is_trusted", "kind"),
        [
            ("127.0.0.1", -1, True, "tls_expired"),
            ("127.0.0.2", 1, True, "tls_name"),
            ("127.0.0.1", 1, False, "tls_untrusted"),
        ],
    )
    def test_a_certificate(self, authority: Authority, name: str, days: int, is_trusted: bool, kind: str) -> None:
        with Receiver(tls=authority.server(name, ends=NOW + timedelta(days=days))) as receiver:
            exchange = post(receiver.url("/"), ca_file=authority.file if is_trusted else None)
        assert kind_of(exchange) == kind

    def test_a_server_that_does_not_speak_tls(self) -> None:
        with Sink(respond(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as sink:
            assert kind_of(post(sink.url(scheme="https"))) == "tls"

    def test_a_server_that_wants_a_client_certificate(self, authority: Authority, tmp_path: Path) -> None:
        tls = authority.server(asks_clients=True)
        tls.minimum_version = ssl.TLSVersion.TLSv1_3
        with Receiver(tls=tls) as receiver:
            exchange = post(receiver.url("/"), ca_file=authority.file)
        assert exchange.error == "tls: the receiver ended the connection: TLSV13_ALERT_CERTIFICATE_REQUIRED"
        assert kind_of(exchange) == "certificate_missing"

    def test_a_server_of_tls_1_2_that_wants_a_client_certificate(self, authority: Authority) -> None:
        tls = authority.server(asks_clients=True)
        tls.maximum_version = ssl.TLSVersion.TLSv1_2
        with Receiver(tls=tls) as receiver:
            exchange = post(receiver.url("/"), ca_file=authority.file)
        alert = "SSLV3_ALERT_HANDSHAKE_FAILURE"
        assert exchange.error == f"tls: handshake failed: {alert} (it may require a client certificate)"
        assert kind_of(exchange) == "tls"

    def test_a_server_that_says_so_in_its_answer(self) -> None:
        page = b"<html><head><title>400 No required SSL certificate was sent</title></head></html>"
        answers = {b"400 Bad Request": "certificate_missing", b"404 Not Found": "404"}
        for status, kind in answers.items():
            with Sink(respond(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(page), page))) as sink:
                exchange = post(sink.url())
            assert (exchange.body, kind_of(exchange)) == (page, kind)
            assert exchange.error == ("the receiver requires a client certificate" if kind[0] == "c" else "")


def kind_of(exchange: Exchange) -> str:
    status = "" if exchange.status is None else f"{exchange.status} {exchange.reason}".rstrip()
    return answer_kind(status, exchange.error)
