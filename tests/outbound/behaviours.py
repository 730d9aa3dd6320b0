"""Behaviours of a `Sink`, a receiver that speaks no proper HTTP."""

import socket
from collections.abc import Callable


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
