"""Send one POST to a receiver that may be hostile, and report its course.

Contract: docs/contract/deliveries.md#responses, docs/contract/deliveries.md#addresses. Redirects are not
followed, the environment (proxies, netrc) is ignored, cookies are not kept. Addresses are judged when the
socket opens, so the address that was judged is the one that is connected to; a pooled connection was judged
when it was opened.
"""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any

import aiohttp
from aiohttp import StreamReader
from aiohttp.abc import AbstractResolver
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage

from core.ip_addresses import Network
from core.storable_text import storable
from outbound.addresses import refusal
from outbound.connections import Connector, Sending
from outbound.descriptions import described
from outbound.failures import HEADERS_END_EARLY, NEEDS_CERTIFICATE, AddressRefused, Unsendable, is_decided
from outbound.lookup import Lookup
from outbound.requests import request_bytes, target_of
from outbound.responses import MAX_BODY_BYTES, needs_certificate, read_body, status_of, storable_headers
from outbound.sockets import PatientSocket
from outbound.tls import Contexts

#: Common servers close a connection that was idle for 5 seconds: sent at that moment, a request would be lost.
KEEP_ALIVE_SECONDS = 4
MAX_HEADER_LINE = 8190
MAX_HEADERS = 100
#: Allowed for the headers of a response, and for data that arrives before reading can be paused; generous.
OVERHEAD_BYTES = 524_288


@dataclass(frozen=True, slots=True)
class Exchange:
    """The course of one request. Its texts hold no credential, and nothing that PostgreSQL cannot store."""

    #: None where there was no HTTP response.
    status: int | None
    #: The text beside the status, such as "OK".
    reason: str
    response_headers: list[tuple[str, str]]
    #: Decompressed, and cut at the limit without an error.
    body: bytes
    #: Empty, or one line that says why there was no response or why its body could not be read.
    error: str
    #: The receiver's address; empty where no connection was made.
    ip_address: str
    #: Whether any byte of the request may have reached the receiver.
    was_sent: bool
    requested_at: datetime
    #: When the response's headers had come; None where there was none.
    responded_at: datetime | None
    #: Whether the request can never be sent as it is, so that another try makes no sense.
    is_permanent: bool


class Outbound:
    """A client with a pool of connections, open within an `async with`.

    `allowed_networks` are reachable although they are not public (outbound/addresses.py). `ca_file` holds certificate
    authorities that are trusted beside the system's. `resolver` replaces the system's name lookup. `dns_ttl` is the
    number of seconds for which a lookup is remembered.
    """

    def __init__(
        self,
        *,
        allowed_networks: Sequence[Network] = (),
        max_response_bytes: int = MAX_BODY_BYTES,
        connect_timeout: float = 10,
        connections: int = 512,
        dns_ttl: int = 30,
        ca_file: str | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._allowed = tuple(allowed_networks)
        self._max_response_bytes = max_response_bytes
        self._connect_timeout = connect_timeout
        self._connections = connections
        self._dns_ttl = dns_ttl
        self._ca_file = ca_file
        self._resolver = resolver

    async def __aenter__(self) -> "Outbound":
        self._tls = Contexts(self._ca_file)
        self._lookup = Lookup(self._resolver, self._allowed)
        self._connector = Connector(
            # A chunk of one byte takes six.
            max_received=8 * self._max_response_bytes + OVERHEAD_BYTES,
            resolver=self._lookup,
            ttl_dns_cache=self._dns_ttl,
            limit=self._connections,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            socket_factory=self._open_socket,
        )
        # `post` bounds the time of the whole exchange.
        self._times = aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connector.close()
        await self._lookup.close()

    async def post(
        self,
        url: str,
        *,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        timeout: float,
        client_certificate: tuple[str, str] | None = None,
        may_repeat: bool = True,
    ) -> Exchange:
        """Send `body` and return the exchange, however it ends; only cancellation raises.

        `headers` go out as they are, in their letter case. Framing headers, such as Host and Content-Length, are
        left out: the client writes its own. `timeout` is in seconds and bounds everything from the lookup to the last
        byte read. `client_certificate` is a certificate and its private key, both PEM, for a receiver that asks for
        one (mTLS).

        Where a reused connection closes before anything of the answer has come, the request is sent again at once over
        a fresh one. Without `may_repeat` that is done only where the receiver cannot have read any of it.
        """
        requested_at = datetime.now(UTC)
        sending: Sending | None = None
        connection: Connection | None = None
        received = bytearray()
        status: int | None = None
        reason = error = ""
        responded_at: datetime | None = None
        response_headers: list[tuple[str, str]] = []
        is_permanent = was_sent = False
        try:
            target = target_of(url)
            data = request_bytes(target, headers, body)
            async with asyncio.timeout(timeout):
                tls = self._tls.verifying
                if client_certificate is not None and target.scheme == "https":
                    tls = await self._tls.presenting(client_certificate)
                sending = Sending(target, tls)
                try:
                    connection, message, content = await self._send(sending, data)
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError):
                    if not sending.met_a_closed_connection or (sending.was_sent and not may_repeat):
                        raise
                    was_sent, sending = sending.was_sent, Sending(target, tls, wants_fresh=True)
                    connection, message, content = await self._send(sending, data)
                status, responded_at = message.code, datetime.now(UTC)
                # aiohttp keeps bytes that are not UTF-8 as surrogates.
                reason = storable((message.reason or "").encode("utf-8", "surrogateescape"))
                response_headers = storable_headers(message.raw_headers)
                encoding = message.headers.get("Content-Encoding", "")
                error = await read_body(content, encoding, received, self._max_response_bytes)
                if not error and needs_certificate(status, bytes(received)):
                    error = NEEDS_CERTIFICATE
                _give_back(connection)
        except Unsendable as problem:
            error, is_permanent = str(problem), True
        except asyncio.CancelledError:
            raise
        except Exception as problem:
            error = described(problem, timeout, self._connect_timeout)
            head = bytes(sending.head) if sending else b""
            if status is None and is_decided(error) and (found := status_of(head)):
                (status, reason), responded_at = found, datetime.now(UTC)
                if isinstance(problem, (aiohttp.ServerDisconnectedError, OSError)):
                    error = HEADERS_END_EARLY
        finally:
            if connection is not None:
                # This closes no connection that was given back to the pool.
                connection.close()
        return Exchange(
            status=status,
            reason=reason,
            response_headers=response_headers,
            body=bytes(received),
            error=error,
            ip_address=sending.ip_address if sending else "",
            was_sent=was_sent or (sending is not None and sending.was_sent),
            requested_at=requested_at,
            responded_at=responded_at,
            is_permanent=is_permanent,
        )

    async def _send(self, sending: Sending, data: bytes) -> tuple[Connection, RawResponseMessage, StreamReader]:
        """Send a request, and return its connection, with the headers and the body of the final response.

        aiohttp's session would do the same, and much else that no webhook needs.
        """
        try:
            connection = await self._connector.connect(sending, [], self._times)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error
        try:
            protocol = connection.protocol
            protocol.set_response_params(
                read_until_eof=True,
                auto_decompress=False,
                max_line_size=MAX_HEADER_LINE,
                max_field_size=MAX_HEADER_LINE,
                max_headers=MAX_HEADERS,
            )
            sending.write(protocol, data)
            message, content = await protocol.read()
            while 100 <= message.code < 200 and message.code != HTTPStatus.SWITCHING_PROTOCOLS:
                message, content = await protocol.read()
        except BaseException:
            connection.close()
            raise
        return connection, message, content

    def _open_socket(self, address: tuple[Any, ...]) -> socket.socket:
        # Called immediately before the connection, so no other address can be connected to than the judged one.
        family, kind, protocol, _, target = address
        if reason := refusal(target[0], self._allowed):
            raise AddressRefused(reason)
        return PatientSocket(family, kind, protocol)


def _give_back(connection: Connection) -> None:
    """Give a connection to the pool, which closes it where the response has not ended or says so.

    A receiver that has answered early may not have read the request: the rest of it is not sent.
    """
    transport = connection.transport
    if transport is not None and not transport.get_write_buffer_size():
        connection.release()
