"""Receivers that speak no proper HTTP: a Sink, and ways in which it behaves."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Sink:
    """Something that takes connections and does as `behave` says with each, for what is no HTTP at all.

    `with Sink(lambda connection: connection.sendall(b"garbage")) as sink: sink.url()`
    """

    def __init__(self, behave: Callable[[socket.socket], object]) -> None:
        self._behave = behave
        self.accepted = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = int(self._listener.getsockname()[1])
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()

    def url(self, path: str = "/", *, scheme: str = "http") -> str:
        """Where to send."""
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._behave(connection)


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
