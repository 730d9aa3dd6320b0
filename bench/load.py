"""Generate load: repeat one request on several keep-alive connections, from one thread.

Only the status and the length of an answer are parsed, so that the generator takes little of the machine. Its own CPU
time is measured, and is no part of the server's figures.
"""

import selectors
import socket
import ssl
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

CONNECTIONS = 16
CHUNK_BYTES = 1 << 20
#: The end of an answer in chunks. JSON has no line breaks of this kind, so that nothing before the end looks like it.
LAST_CHUNK = b"\r\n0\r\n\r\n"


class Server(NamedTuple):
    """The place where a server listens. `name` is the host that requests name, and its certificate has."""

    port: int
    address: str = "127.0.0.1"
    name: str = "127.0.0.1"
    is_tls: bool = False

    def connect(self) -> socket.socket:
        """Return a new connection."""
        connection = socket.create_connection((self.address, self.port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.is_tls:
            return ssl.create_default_context().wrap_socket(connection, server_hostname=self.name)
        return connection


@dataclass
class Measured:
    """The figures of one window of load. `cpu_ms` and `own_cpu_ms` are milliseconds a request."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    own_cpu_ms: float


def request_bytes(method: str, path: str, *, key: str, body: bytes = b"", host: str = "127.0.0.1") -> bytes:
    """Return an HTTP/1.1 request, authenticated by an API key."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {key}"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def measure(
    server: Server,
    request: bytes,
    *,
    warm_up: float,
    seconds: float,
    cpu_seconds: Callable[[], float],
    most: int = sys.maxsize,
    connections: int = CONNECTIONS,
) -> Measured:
    """Load a server for `warm_up` seconds, and then measure for `seconds`, or until `most` answers have come.

    `cpu_seconds` returns the CPU time that the processes under load have used so far. Raises RuntimeError for an answer
    that is not a 2xx.
    """
    with selectors.DefaultSelector() as selector:
        opened = [_Connection(server, request) for _ in range(connections)]
        try:
            for connection in opened:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            _until(time.perf_counter() + warm_up, selector, most)
            cpu, own_cpu, started = cpu_seconds(), time.process_time(), time.perf_counter()
            latencies = _until(started + seconds, selector, most)
            elapsed = time.perf_counter() - started
            cpu, own_cpu = cpu_seconds() - cpu, time.process_time() - own_cpu
        finally:
            for connection in opened:
                connection.socket.close()
    count = len(latencies)
    if count < 2:
        raise RuntimeError(f"only {count} answers in {elapsed:.1f} s: choose more --seconds")
    percentiles = statistics.quantiles(latencies, n=100, method="inclusive")
    return Measured(
        count / elapsed, percentiles[49] * 1e3, percentiles[98] * 1e3, cpu / count * 1e3, own_cpu / count * 1e3
    )


class _Connection:
    def __init__(self, server: Server, request: bytes) -> None:
        self.request = request
        self.socket = server.connect()
        self.send()

    def send(self) -> None:
        self.head, self.remaining, self.sent_at = b"", 0, time.perf_counter()
        #: The end of what has arrived of an answer in chunks; None where the answer tells its length.
        self.tail: bytes | None = None
        self.socket.sendall(self.request)

    def receive(self, buffer: memoryview) -> bool:
        """Receive the data that has arrived. Returns whether the answer is complete."""
        is_complete = self._receive(buffer)
        # Data that TLS has decrypted already does not make the socket readable.
        while not is_complete and isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            is_complete = self._receive(buffer)
        return is_complete

    def _receive(self, buffer: memoryview) -> bool:
        count = self.socket.recv_into(buffer)
        if not count:
            raise RuntimeError("the server has closed a connection")
        if self.remaining:
            self.remaining -= count
            return not self.remaining
        if self.tail is not None:
            return self._ends(bytes(buffer[max(0, count - len(LAST_CHUNK)) : count]))
        # A head is far shorter than 4096 bytes, and nearly always arrives at once.
        seen = self.head + bytes(buffer[: min(count, 4096)])
        head, end, _ = seen.partition(b"\r\n\r\n")
        if not end:
            self.head = seen
            return False
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"the server has answered {head.splitlines()[0].decode()}")
        _, told, length = head.lower().partition(b"\r\ncontent-length:")
        if not told:
            self.tail = b""
            return self._ends(bytes(buffer[max(0, count - len(LAST_CHUNK)) : count]))
        self.remaining = int(length.partition(b"\r\n")[0]) - (len(self.head) + count - len(head) - len(end))
        return not self.remaining

    def _ends(self, last: bytes) -> bool:
        self.tail = ((self.tail or b"") + last)[-len(LAST_CHUNK) :]
        return self.tail == LAST_CHUNK


def _until(deadline: float, selector: selectors.BaseSelector, most: int) -> list[float]:
    """Send the next request after each answer until `deadline`, or `most` answers. Returns the seconds of each."""
    buffer = memoryview(bytearray(CHUNK_BYTES))
    latencies: list[float] = []
    while (now := time.perf_counter()) < deadline and len(latencies) < most:
        for key, _ in selector.select(deadline - now):
            connection: _Connection = key.data
            if connection.receive(buffer):
                latencies.append(time.perf_counter() - connection.sent_at)
                connection.send()
    return latencies
