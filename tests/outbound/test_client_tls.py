"""TLS of the outbound client: trust in a receiver, and client certificates."""

import asyncio
import contextlib
import socket
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from outbound.client import Outbound
from tests.outbound.certificates import NOW, Authority
from tests.outbound.receivers import Receiver
from tests.outbound.sending import LOOPBACK, post
from tests.outbound.sinks import Sink, respond


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

    @pytest.mark.parametrize("size", [2, 400_000])
    def test_the_alert_about_a_missing_certificate_is_read(self, authority: Authority, size: int) -> None:
        """The receiver closes at once, so that most of the request meets a connection that is reset."""
        tls = authority.server(asks_clients=True)

        def refuse(connection: socket.socket) -> None:
            with contextlib.suppress(OSError):
                tls.wrap_socket(connection, server_side=True)

        with Sink(refuse) as sink:

            async def often() -> set[str]:
                async with Outbound(allowed_networks=LOOPBACK, ca_file=authority.file) as outbound:
                    url = sink.url(scheme="https")
                    sent = [outbound.post(url, headers=[], body=b"x" * size, timeout=30) for _ in range(20)]
                    return {(await each).error for each in sent}

            errors = asyncio.run(often())
        assert errors == {"tls: the receiver ended the connection: TLSV13_ALERT_CERTIFICATE_REQUIRED"}

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
