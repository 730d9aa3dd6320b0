"""Generate load: repeat one request on several keep-alive connections, from one thread.

Only the status and the length of an answer are parsed, so that the generator takes little of the machine. Its own CPU
time is measured, and is no part of the server's figures.
"""

import selectors
import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

CONNECTIONS = 16
CHUNK_BYTES = 1 << 20


@dataclass
class Measured:
    """The figures of one window of load. `cpu_ms` and `own_cpu_ms` are milliseconds a request."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    own_cpu_ms: float


def request_bytes(method: str, path: str, *, key: str, body: bytes = b"") -> bytes:
    """Return an HTTP/1.1 request for a server on 127.0.0.1, authenticated by an API key."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {key}"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def measure(port: int, request: bytes, *, warm_up: float, seconds: float, cpu_seconds: Callable[[], float]) -> Measured:
    """Load 127.0.0.1:`port` for `warm_up` seconds, and then measure for `seconds`.

    `cpu_seconds` returns the CPU time that the processes under load have used so far. Raises RuntimeError for an answer
    that is not a 2xx.
    """
    with selectors.DefaultSelector() as selector:
        connections = [_Connection(port, request) for _ in range(CONNECTIONS)]
        try:
            for connection in connections:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            _until(time.perf_counter() + warm_up, selector)
            cpu, own_cpu, started = cpu_seconds(), time.process_time(), time.perf_counter()
            latencies = _until(started + seconds, selector)
            elapsed = time.perf_counter() - started
            cpu, own_cpu = cpu_seconds() - cpu, time.process_time() - own_cpu
        finally:
            for connection in connections:
                connection.socket.close()
    count = len(latencies)
    if count < 2:
        raise RuntimeError(f"only {count} answers in {elapsed:.1f} s: choose more --seconds")
    percentiles = statistics.quantiles(latencies, n=100, method="inclusive")
    return Measured(
        count / elapsed, percentiles[49] * 1e3, percentiles[98] * 1e3, cpu / count * 1e3, own_cpu / count * 1e3
    )


class _Connection:
    def __init__(self, port: int, request: bytes) -> None:
        self.request = request
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send()

    def send(self) -> None:
        self.head, self.remaining, self.sent_at = b"", 0, time.perf_counter()
        self.socket.sendall(self.request)

    def receive(self, buffer: memoryview) -> bool:
        """Receive the data that has arrived. Returns whether the answer is complete."""
        count = self.socket.recv_into(buffer)
        if not count:
            raise RuntimeError("the server has closed a connection")
        if self.remaining:
            self.remaining -= count
            return not self.remaining
        # A head is far shorter than 4096 bytes, and nearly always arrives at once.
        seen = self.head + bytes(buffer[: min(count, 4096)])
        head, end, _ = seen.partition(b"\r\n\r\n")
        if not end:
            self.head = seen
            return False
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"the server has answered {head.splitlines()[0].decode()}")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        self.remaining = length - (len(self.head) + count - len(head) - len(end))
        return not self.remaining


def _until(deadline: float, selector: selectors.BaseSelector) -> list[float]:
    """Send the next request after each answer until `deadline`. Returns the seconds that each took."""
    buffer = memoryview(bytearray(CHUNK_BYTES))
    latencies: list[float] = []
    while (now := time.perf_counter()) < deadline:
        for key, _ in selector.select(deadline - now):
            connection: _Connection = key.data
            if connection.receive(buffer):
                latencies.append(time.perf_counter() - connection.sent_at)
                connection.send()
    return latencies
