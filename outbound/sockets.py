"""Open sockets that read what a receiver has sent before it closed the connection."""

import socket
from collections.abc import Iterable
from typing import Any


class PatientSocket(socket.socket):
    """A socket whose writing never fails because the receiver has closed the connection: reading tells.

    A receiver may answer before it has read all of the request, or end TLS with an alert, and close. Its answer then
    waits in the socket, but asyncio gives the connection up at the first write that fails, without reading it.
    """

    _closed_by: ConnectionError | None = None

    def send(self, data: Any, flags: int = 0, /) -> int:
        try:
            return super().send(data, flags)
        except (ConnectionResetError, BrokenPipeError) as error:
            self._closed_by = error.with_traceback(None)
            return memoryview(data).nbytes

    def sendmsg(self, buffers: Iterable[Any], /, *more: Any) -> int:
        pieces = list(buffers)
        try:
            return super().sendmsg(pieces, *more)
        except (ConnectionResetError, BrokenPipeError) as error:
            self._closed_by = error.with_traceback(None)
            return sum(memoryview(piece).nbytes for piece in pieces)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        data = super().recv(size, flags)
        if not data and self._closed_by is not None:
            raise self._closed_by
        return data

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0, /) -> int:
        length = super().recv_into(buffer, size, flags)
        if not length and self._closed_by is not None:
            raise self._closed_by
        return length
