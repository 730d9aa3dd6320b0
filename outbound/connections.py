"""Open connections that bound how much a receiver sends, and how many of them are idle."""

import socket
import struct
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler

from outbound.failures import Malformed

#: Interim responses that one piece of data may hold apart from the final one; further ones are read together with it.
MAX_INTERIM_RESPONSES = 8
#: The most bytes before the end of the final response's headers in which its status line is looked for.
MAX_HEAD_BYTES = 65_536
_RESET = struct.pack("ii", 1, 0)


class Body(aiohttp.Payload):
    """The body of one request, which notes the receiver's address and whether any of it was sent."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._size = len(content)
        self.ip_address = ""
        self.was_sent = False
        #: The beginning of the response, until its headers have been read.
        self.head = bytearray()
        #: Whether only a connection that has carried no other request will do.
        self.wants_fresh = False
        self._protocol: Protocol | None = None

    def goes_over(self, protocol: "Protocol") -> None:
        """Note the connection that takes the request."""
        self._protocol = protocol

    @property
    def met_a_closed_connection(self) -> bool:
        """Return whether the connection had carried an earlier request, and nothing came over it since.

        Receivers close idle connections, and one that closes while a request is on its way reads none of it.
        """
        protocol = self._protocol
        return protocol is not None and protocol.responses > 1 and not protocol.has_received

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        content: bytes = self._value
        return content.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        # The headers are held back until now, so a connection that has closed meanwhile has taken nothing.
        transport = writer.transport
        self.was_sent = transport is not None and not transport.is_closing()
        await writer.write(self._value)


class Connector(aiohttp.TCPConnector):
    """Connections that note the receiver's address, bound what it sends, and close the oldest idle ones.

    This reaches into aiohttp's pool, which has no bound for idle connections and no setting for the protocol.
    """

    def __init__(self, *, max_received: int, **settings: Any) -> None:
        super().__init__(**settings)
        self._max_received = max_received
        self._factory = partial(Protocol, loop=self._loop)  # type: ignore[assignment]

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Any:
        if req.body.wants_fresh:
            # The receiver has closed one of them, and so has probably closed the others as well.
            for idle, _ in self._conns.pop(req.connection_key, ()):
                idle.close()
        connection = await super().connect(req, traces, timeout)
        protocol = connection.protocol
        if isinstance(protocol, Protocol):
            protocol.expect_response(self._max_received, req.body.head)
            req.body.goes_over(protocol)
            if protocol.transport is not None and (peer := protocol.transport.get_extra_info("peername")):
                req.body.ip_address = peer[0]
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
