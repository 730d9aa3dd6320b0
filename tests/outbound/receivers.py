"""HTTP receivers on this machine that answer, or misbehave, as a test says.

    with Receiver() as receiver:
        receiver.answer("/hooks", status=500)               # every request to this path
        receiver.answer_once("/hooks", status=503)          # the next one only, before the above
        ... something sends to receiver.url("/hooks") ...
        [first, second] = receiver.wait_for(2, "/hooks")
        assert first.header("Content-Type") == "application/json"

A path of which nothing was said answers 200 with an empty body. Requests are recorded with their
header lines as they came, when their body is complete and before they are answered. A receiver is
a plain socket server with one thread per connection, usable from a test with or without an event
loop, and from several threads.
"""

import contextlib
import gzip
import socket
import ssl
import struct
import threading
import time
import zlib
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any, Self

from tests.waiting import PATIENCE_SECONDS

MAX_HEAD_BYTES = 1_000_000
_REASONS = {200: "OK", 204: "No Content", 302: "Found", 404: "Not Found", 500: "Internal Server Error"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived."""

    method: str
    #: With its query string.
    path: str
    #: The header lines as they were on the wire, in their order and letter case.
    lines: list[str]
    body: bytes
    #: time.time() when the last byte of the body had arrived.
    arrived_at: float
    #: A number for each connection, from 1.
    connection: int
    #: The common name of the client's certificate, where the receiver asks for one.
    client: str = ""

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names as they came, with their values."""
        return [(name, value.strip()) for name, _, value in (line.partition(":") for line in self.lines)]

    def values(self, name: str) -> list[str]:
        """All values of a header, whatever its letter case."""
        return [value for sent, value in self.headers if sent.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The value of a header that occurs at most once; None where it is absent."""
        found = self.values(name)
        assert len(found) <= 1, f"{name} occurs {len(found)} times"
        return found[0] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Say how a receiver treats a request; see `Receiver.answer`."""

    status: int = 200
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = ()
    delay: float = 0
    redirect: str = ""
    hang: bool = False
    hold: bool = False
    reset: bool = False
    close: bool = False
    drip: float = 0
    chunked: bool = False
    early: bool = False
    raw: Sequence[bytes] = field(default=())

    @property
    def message(self) -> bytes:
        """The bytes of the response."""
        status = self.status if not self.redirect or self.status != 200 else 302
        headers = [*self.headers]
        if self.redirect:
            headers.append(("Location", self.redirect))
        body = self.body
        if self.chunked:
            headers.append(("Transfer-Encoding", "chunked"))
            body = b"".join(b"%x\r\n%s\r\n" % (1, body[at : at + 1]) for at in range(len(body))) + b"0\r\n\r\n"
        elif status != 204 and not any(name.lower() == "content-length" for name, _ in headers):
            headers.append(("Content-Length", str(len(body))))
        lines = [
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}",
            *(f"{name}: {value}" for name, value in headers),
        ]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Receiver:
    """An HTTP server on a free port of `host`, from `with` on. With `tls` it speaks HTTPS."""

    def __init__(self, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None) -> None:
        self.host = host
        self._tls = tls
        self._answers: dict[str, Answer] = {}
        self._next: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self._received: list[Request] = []
        self._in_flight = self._most_in_flight = 0
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._released = threading.Event()
        self._connections: set[socket.socket] = set()
        self._count = 0

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, 0), family=family, backlog=1024)
        self.port = int(self._listener.getsockname()[1])
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._released.set()
        # Wakes the thread that waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        with self._changed:
            open_connections = list(self._connections)
        for connection in open_connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def url(self, path: str = "/", *, host: str = "") -> str:
        """Where to send; `host` takes the place of the address in the URL."""
        name = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self._tls else 'http'}://{name}:{self.port}{path}"

    def answer(
        self,
        path: str,
        *,
        status: int = 200,
        body: bytes = b"",
        headers: Sequence[tuple[str, str]] = (),
        delay: float = 0,
        redirect: str = "",
        hang: bool = False,
        hold: bool = False,
        reset: bool = False,
        close: bool = False,
        drip: float = 0,
        chunked: bool = False,
        early: bool = False,
        raw: Sequence[bytes] = (),
    ) -> None:
        """From now on, do this with each request to `path` (without a query string).

        `status`, `body`, `headers`: the response; Content-Length is added where `headers` has none.
        `delay`: wait so many seconds before it. `redirect`: answer 302 (or another `status`) to this URL.
        `hang`: never answer; the connection stays open. `hold`: answer after `release`.
        `reset`: a TCP reset in place of an answer.
        `close`: close the connection without an answer. `drip`: a byte at a time, with so many
        seconds between two. `chunked`: the body in chunks of one byte. `early`: answer when the
        headers have come, and never read the body. `raw`: these bytes in place of a response, then
        close.
        """
        self._answers[path] = Answer(
            status=status,
            body=body,
            headers=headers,
            delay=delay,
            redirect=redirect,
            hang=hang,
            hold=hold,
            reset=reset,
            close=close,
            drip=drip,
            chunked=chunked,
            early=early,
            raw=raw,
        )

    def answer_once(
        self,
        path: str,
        *,
        status: int = 200,
        body: bytes = b"",
        headers: Sequence[tuple[str, str]] = (),
        reset: bool = False,
        close: bool = False,
        raw: Sequence[bytes] = (),
        times: int = 1,
    ) -> None:
        """Answer the next `times` requests to `path` so, after those that were announced before."""
        answer = Answer(status=status, body=body, headers=headers, reset=reset, close=close, raw=raw)
        self._next[path].extend([answer] * times)

    def requests(self, path: str = "") -> list[Request]:
        """Return the requests so far in the order of arrival; with `path`, only those to it."""
        with self._changed:
            return self._matching(path)

    def wait_for(self, count: int, path: str = "", *, timeout: float = PATIENCE_SECONDS) -> list[Request]:
        """Return the requests as soon as there are `count`. Fails after `timeout` seconds."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._matching(path)) >= count, timeout), (
                f"{len(self._matching(path))} of {count} requests arrived in {timeout} seconds"
            )
            return self._matching(path)

    def release(self) -> None:
        """Answer the requests that are held, and from now on each of their kind at once."""
        self._released.set()

    def forget(self) -> None:
        """Drop what has arrived so far."""
        with self._changed:
            self._received.clear()
            self._most_in_flight = self._in_flight

    @property
    def most_in_flight(self) -> int:
        """The greatest number of requests that were here at the same time, read but not yet answered."""
        return self._most_in_flight

    @property
    def open_connections(self) -> int:
        """How many connections are open now, in use or idle."""
        with self._changed:
            return len(self._connections)

    def _matching(self, path: str) -> list[Request]:
        return [request for request in self._received if not path or request.path.partition("?")[0] == path]

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._count += 1
            threading.Thread(target=self._serve, args=(connection, self._count), daemon=True).start()

    def _serve(self, plain: socket.socket, number: int) -> None:
        connection = plain
        with self._changed:
            self._connections.add(plain)
        try:
            if self._tls:
                connection = self._shake_hands(self._tls, plain)
            while self._one(connection, number):
                pass
        except (OSError, ValueError):
            pass  # the client has gone, or what came is no HTTP
        finally:
            with self._changed:
                self._connections.discard(plain)
            with contextlib.suppress(OSError):
                connection.close()

    @staticmethod
    def _shake_hands(tls: ssl.SSLContext, plain: socket.socket) -> ssl.SSLSocket:
        with plain.dup() as tcp:
            try:
                return tls.wrap_socket(plain, server_side=True)
            except ssl.SSLError:
                # The client may have sent a request already. A close with that unread would reset the connection, and
                # the client could lose the alert that says why.
                tcp.shutdown(socket.SHUT_WR)
                while tcp.recv(65_536):
                    pass
                raise

    def _one(self, connection: socket.socket, number: int) -> bool:
        """Read and answer one request. Returns whether another may follow on this connection."""
        head, _, body = self._read_until(connection, b"\r\n\r\n").partition(b"\r\n\r\n")
        if not head:
            return False
        start, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = start.split(" ")
        path = target.partition("?")[0]
        with self._changed:
            waiting = self._next[path]
            answer = waiting.popleft() if waiting else self._answers.get(path, Answer())
        length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")), 0)
        while not answer.early and len(body) < length:
            if not (data := connection.recv(65_536)):
                return False
            body += data
        with self._changed:
            self._in_flight += 1
            self._most_in_flight = max(self._most_in_flight, self._in_flight)
            self._received.append(Request(method, target, lines, body, time.time(), number, _client(connection)))
            self._changed.notify_all()
        try:
            return self._respond(connection, answer)
        finally:
            with self._changed:
                self._in_flight -= 1

    def _respond(self, connection: socket.socket, answer: Answer) -> bool:
        self._stopping.wait(answer.delay)
        if answer.hold:
            self._released.wait()
        if answer.hang:
            self._stopping.wait()
            return False
        if answer.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if answer.close:
            return False
        if answer.raw:
            for piece in answer.raw:
                connection.sendall(piece)
            return False
        if answer.drip:
            for at in range(len(answer.message)):
                connection.sendall(answer.message[at : at + 1])
                if self._stopping.wait(answer.drip):
                    return False
            return True
        connection.sendall(answer.message)
        if answer.early:
            self._stopping.wait()
            return False
        return True

    def _read_until(self, connection: socket.socket, end: bytes) -> bytes:
        data = b""
        while end not in data and len(data) < MAX_HEAD_BYTES:
            if not (piece := connection.recv(65_536)):
                return b""
            data += piece
        return data


def _client(connection: socket.socket) -> str:
    certificate = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    subject: Any = (certificate or {}).get("subject", ())
    return next((value for part in subject for name, value in part if name == "commonName"), "")


@cache
def gzip_bomb(size: int = 1_000_000_000) -> bytes:
    """A gzip body of about a thousandth of `size` that unpacks to `size` zeros; `size` is a multiple of a million."""
    block = bytes(1_000_000)
    # After a full flush, deflate starts again: each block is the same bytes, and is packed once.
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(size // len(block)):
        checksum = zlib.crc32(block, checksum)
    head = gzip.compress(b"", mtime=0)[:10]
    return head + packed * (size // len(block)) + packer.flush() + struct.pack("<II", checksum, size % 2**32)


def gzipped(body: bytes) -> dict[str, Any]:
    """The arguments of `Receiver.answer` for a body that goes out compressed."""
    return {"body": gzip.compress(body), "headers": [("Content-Encoding", "gzip")]}
