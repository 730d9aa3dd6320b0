"""Open connections that bound how much a receiver sends, and how many of them are idle."""

import errno
import socket
import ssl
import struct
from functools import lru_cache, partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from outbound.failures import Malformed

#: Interim responses that one piece of data may hold apart from the final one; further ones are read together with it.
MAX_INTERIM_RESPONSES = 8
#: The most bytes before the end of the final response's headers in which its status line is looked for.
MAX_HEAD_BYTES = 65_536
_RESET = struct.pack("ii", 1, 0)


@lru_cache(maxsize=10_000)
def _key(url: URL, tls: ssl.SSLContext) -> ConnectionKey:
    is_ssl = url.scheme == "https"
    return ConnectionKey(url.raw_host or "", url.port, is_ssl, tls, None, None, None, None)


class Sending:
    """A request on its way, as aiohttp's connector wants to know it, which notes what became of it."""

    proxy = None
    server_hostname = None

    def __init__(self, url: URL, tls: ssl.SSLContext, *, wants_fresh: bool = False) -> None:
        self.url = url
        self.port = url.port
        self.ssl = tls
        self.connection_key = _key(url, tls)
        #: The receiver's address, and whether any of the request was sent there.
        self.ip_address = ""
        self.was_sent = False
        #: The beginning of the response, until its headers have been read.
        self.head = bytearray()
        #: Whether only a connection that has carried no other request will do.
        self.wants_fresh = wants_fresh
        self._protocol: Protocol | None = None

    def is_ssl(self) -> bool:
        return self.connection_key.is_ssl

    def goes_over(self, protocol: "Protocol", max_received: int) -> None:
        """Note the connection that takes the request, and prepare it for a response of at most `max_received` bytes."""
        self._protocol = protocol
        protocol.expect_response(max_received, self.head)
        if protocol.transport is not None and (peer := protocol.transport.get_extra_info("peername")):
            self.ip_address = peer[0]

    @property
    def met_a_closed_connection(self) -> bool:
        """Return whether the connection had carried an earlier request, and nothing came over it since.

        Receivers close idle connections, and one that closes while a request is on its way reads none of it.
        """
        protocol = self._protocol
        return protocol is not None and protocol.responses > 1 and not protocol.has_received

    def write(self, protocol: ResponseHandler, data: bytes) -> None:
        """Send the request. Raises ConnectionResetError where the connection has closed and taken nothing."""
        transport = protocol.transport
        if transport is None or transport.is_closing():
            raise aiohttp.ClientConnectionResetError(errno.ECONNRESET, "closed before the request was sent")
        self.was_sent = True
        transport.write(data)


class Connector(aiohttp.TCPConnector):
    """Connections that note the receiver's address, bound what it sends, and close the oldest idle ones.

    This reaches into aiohttp's pool, which has no bound for idle connections and no setting for the protocol.
    """

    def __init__(self, *, max_received: int, **settings: Any) -> None:
        super().__init__(**settings)
        self._max_received = max_received
        self._factory = partial(Protocol, loop=self._loop)  # type: ignore[assignment]

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        if req.wants_fresh:
            # The receiver has closed one of them, and so has probably closed the others as well.
            for idle, _ in self._conns.pop(req.connection_key, ()):
                idle.close()
        connection = await super().connect(req, traces, timeout)
        if isinstance(connection.protocol, Protocol):
            req.goes_over(connection.protocol, self._max_received)
        return connection

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
        idle = sum(map(len, self._conns.values()))
        while idle >= self.limit:
            oldest = self._conns.pop(next(iter(self._conns)))
            for protocol, _ in oldest:
                protocol.close()
            idle -= len(oldest)
        return await super()._create_connection(req, traces, timeout)


class Protocol(ResponseHandler):
    """End a response or a connection that a receiver could otherwise continue forever.

    A response can be too large in any of its parts: aiohttp reads interim responses, blank lines and chunk extensions
    without end, at the cost of a whole processor. A connection that is given up is aborted: closed politely, it would
    stay until the receiver has read everything, which a hostile receiver never does.
    """

    remaining = 0
    #: The responses that were expected so far, and whether anything of the last one has come.
    responses = 0
    has_received = False
    #: The body of the final response, as soon as its headers have come.
    _answer: aiohttp.StreamReader | None = None
    _last = b""
    _head = bytearray()

    def expect_response(self, max_received: int, head: bytearray) -> None:
        """Prepare for one response of at most `max_received` bytes. The beginning of it is copied to `head`."""
        self.remaining = max_received
        self._head = head
        self.responses += 1
        self.has_received = False
        self._answer = None
        self._last = b""

    def close(self) -> None:
        transport = self.transport
        if transport is not None and transport.get_write_buffer_size():
            # The kernel keeps unsent data until the receiver reads it, unless the connection is reset.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.abort()

    def feed_data(self, data: Any, size: int = 0) -> None:
        message, body = data
        if message.code >= 200 or message.code == 101:
            self._answer = body
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        self.remaining -= len(data)
        self.has_received = self.has_received or bool(data)
        if self.remaining < 0:
            self._give_up(Malformed("it is endless"))
            return
        if data and self._answer is None and not (data := self._after_heads(data)):
            return
        if data and self._answer is not None and self._answer.is_eof():
            self.force_close()
            return
        # Called without data, the parser continues with what it kept while reading was paused.
        super().data_received(data)
        answer = self._answer
        if answer is not None and self.exception() and not answer.is_eof() and not answer.exception():
            # aiohttp would let the reader of a malformed chunk wait for the timeout.
            answer.set_exception(aiohttp.ClientPayloadError())

    def _after_heads(self, data: bytes) -> bytes:
        """Give the parser the headers alone, and return the data that follows them.

        Given surplus data in the same piece, such as the body of a 204, the parser fails and loses the response.
        """
        self._head += data[: max(MAX_HEAD_BYTES - len(self._head), 0)]
        # The empty line may have begun in the previous data.
        seen = self._last + data
        start, given = 0, len(self._last)
        for _ in range(MAX_INTERIM_RESPONSES):
            if self._answer is not None or (at := seen.find(b"\r\n\r\n", start)) < 0:
                break
            super().data_received(seen[given : at + 4])
            start = given = at + 4
        self._last = seen[max(start, len(seen) - 3) :]
        return seen[given:]

    def _give_up(self, problem: Exception) -> None:
        self.set_exception(problem)
        if self._payload is not None:
            self._payload.set_exception(problem)
        if self.transport is not None:
            self.transport.abort()
