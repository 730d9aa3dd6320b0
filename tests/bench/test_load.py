"""The load generator finds the end of each answer, whether it tells its length or comes in chunks."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.load import Server, measure, request_bytes

LENGTH = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"]
LATE_BODY = [b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nO", b"KOK"]
CHUNKS = [b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0\r\n\r\n"]
LATE_END = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n0", b"\r\n", b"\r\n"]


@contextmanager
def answering(pieces: list[bytes]) -> Iterator[Server]:
    """Answer each request with these pieces, sent one by one."""
    listener = socket.create_server(("127.0.0.1", 0))

    def converse(connection: socket.socket) -> None:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while connection.recv(65_536):
                    for piece in pieces:
                        connection.sendall(piece)
            except ConnectionError:
                return  # the generator has stopped

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # the test is over
            threading.Thread(target=converse, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield Server(port=listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize("pieces", [LENGTH, LATE_BODY, CHUNKS, LATE_END])
def test_every_answer_counts_once(pieces: list[bytes]) -> None:
    request = request_bytes("GET", "/", key="key")
    with answering(pieces) as server:
        measured = measure(server, request, warm_up=0, seconds=20, cpu_seconds=lambda: 0, most=200)
    assert measured.requests_per_second > 0
    assert measured.p50_ms <= measured.p99_ms


def test_a_refusal_ends_the_run() -> None:
    with (
        answering([b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"]) as server,
        pytest.raises(RuntimeError, match="429 Too Many Requests"),
    ):
        measure(server, request_bytes("GET", "/", key="key"), warm_up=0, seconds=5, cpu_seconds=lambda: 0)


def test_no_more_answers_than_allowed() -> None:
    with answering(LENGTH) as server:
        measured = measure(
            server,
            request_bytes("GET", "/", key="key"),
            warm_up=0,
            seconds=20,
            cpu_seconds=iter([0.0, 10.0]).__next__,
            most=50,
        )
    # The last answers of one wait may come together, at most one for each connection.
    assert 10_000 / 66 < measured.cpu_ms <= 10_000 / 50
