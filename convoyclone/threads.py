"""Keep slow uploads from holding the threads of a web process.

Granian gives each request a thread as soon as its headers are there, and a body that never comes holds that thread. So
it has many threads (THREADS), which read bodies within BODY_SECONDS. Only some of them at once are in Django
(places.py).
"""

import contextlib
import io
import os
import socket
import stat
import struct
import threading
import time
from pathlib import Path
from typing import Any

from django.conf import settings

from core.client_address import known_network

#: The threads of a web process that script/server starts.
THREADS = 64
#: The longest that a body may take to arrive: what a slow line needs for MAX_REQUEST_BODY_BYTES.
BODY_SECONDS = 15
#: A body that takes longer than this is slow. Most of the others have arrived with their headers.
SLOW_SECONDS = 1
#: The most slow bodies on their way at once, so that threads are left for other requests.
MOST_SLOW_BODIES = 48
#: The most bodies of one address on their way at once, slow or not yet: half of the threads are left for others.
MOST_BODIES_OF_ADDRESS = 32
#: Headers whose parsers in Python's library take time by the square of their length, and the most bytes of each. The
#: server itself lets 400 KB through.
PARSED_HEADERS = ("HTTP_COOKIE", "CONTENT_TYPE")
MOST_HEADER_BYTES = 8_192
#: A Content-Length with more digits than this belongs to a body that is too long to be read.
MOST_DIGITS = 16

#: The milliseconds since data was sent, within Linux's struct tcp_info.
_INFO = struct.Struct("=44xI")


class LongHeader(Exception):
    """One of PARSED_HEADERS has more than MOST_HEADER_BYTES."""


class TooManyBodies(Exception):
    """MOST_SLOW_BODIES are on their way."""


class TooManyOfAddress(Exception):
    """MOST_BODIES_OF_ADDRESS of one address are on their way."""


class LateBody(Exception):
    """A body has not come within BODY_SECONDS."""


def check_headers(environ: dict[str, Any]) -> None:
    """Raise LongHeader where a header of a request is too long to be parsed."""
    if any(len(environ.get(name) or "") > MOST_HEADER_BYTES for name in PARSED_HEADERS):
        raise LongHeader


class Bodies:
    """The bodies that a process reads now, and a thread that ends the connections of late ones.

    A read cannot be given up, and handing each to another thread would cost every request more than its body.
    """

    def __init__(
        self,
        *,
        seconds: float = BODY_SECONDS,
        most_slow: int = MOST_SLOW_BODIES,
        most_of_address: int = MOST_BODIES_OF_ADDRESS,
    ) -> None:
        self._seconds = seconds
        self._most_slow = most_slow
        self._most_of_address = most_of_address
        self._lock = threading.Lock()
        #: By its identity: the environment of the request, and when the read began.
        self._reading: dict[int, tuple[dict[str, Any], float]] = {}
        self._is_watched = False

    def read(self, environ: dict[str, Any]) -> None:
        """Put the whole body in the place of the connection's stream. Raises TooManyBodies, TooManyOfAddress,
        LateBody.

        A body that is refused unread by its length stays where it is.
        """
        text = environ.get("CONTENT_LENGTH") or ""
        length = int(text) if len(text) < MOST_DIGITS and text.isascii() and text.isdecimal() else 0
        if not 0 < length <= settings.MAX_REQUEST_BODY_BYTES:
            return
        begun = time.monotonic()
        with self._lock:
            if len(self._reading) >= self._most_slow:
                slow = sum(begun - each >= SLOW_SECONDS for _, each in self._reading.values())
                if slow >= self._most_slow:
                    raise TooManyBodies
            if len(self._reading) >= self._most_of_address:
                self._check_address(environ)
            self._reading[id(environ)] = environ, begun
            if not self._is_watched:
                # Here and not before, because the server forks between.
                threading.Thread(target=self._watch, name="late-bodies", daemon=True).start()
                self._is_watched = True
        try:
            body = environ["wsgi.input"].read(length)
        except OSError:
            body = b""
        finally:
            with self._lock:
                del self._reading[id(environ)]
        if len(body) < length and time.monotonic() - begun >= self._seconds:
            raise LateBody
        environ["wsgi.input"] = io.BytesIO(body)

    def _check_address(self, environ: dict[str, Any]) -> None:
        address = known_network(environ)
        if address is None:
            return
        if sum(known_network(other) == address for other, _ in self._reading.values()) >= self._most_of_address:
            raise TooManyOfAddress

    def _watch(self) -> None:
        while True:
            time.sleep(SLOW_SECONDS)
            now = time.monotonic()
            with self._lock:
                late = {_connection(each) for each, begun in self._reading.values() if now - begun >= self._seconds}
            for address, port in late:
                close_silent(address, port, self._seconds)


def _connection(environ: dict[str, Any]) -> tuple[str, int]:
    """Return the address of a connection, and the port of this process that it is to."""
    return environ.get("REMOTE_ADDR", ""), int(environ.get("SERVER_PORT") or 0)


def close_silent(address: str, port: int, seconds: float) -> None:
    """Close the connections of an address with a port of this process to which nothing was sent for some seconds.

    The server has no other way to end the read of a body, and does not tell the caller's port. Beside the connections
    of late bodies these are such as are idle. Linux only; elsewhere a late body keeps its thread.
    """
    with contextlib.suppress(OSError):
        for name in list(Path("/proc/self/fd").iterdir()):
            with contextlib.suppress(OSError):
                _close_if_silent(int(name.name), address, port, seconds)


def _close_if_silent(descriptor: int, address: str, port: int, seconds: float) -> None:
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return
    with socket.socket(fileno=os.dup(descriptor)) as connection:
        if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.getsockname()[1] != port:
            return
        if connection.getpeername()[0].removeprefix("::ffff:") != address:
            return
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
        if _INFO.unpack(info)[0] >= seconds * 900:
            connection.shutdown(socket.SHUT_RDWR)
