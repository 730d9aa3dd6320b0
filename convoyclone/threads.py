"""Keep slow uploads and slow requests from holding the threads of a web process.

Granian gives each request a thread as soon as its headers are there, and a body that never comes holds that thread. So
it has many threads (THREADS), which read bodies within BODY_SECONDS. Only PLACES of them at once are in Django, each
with one of as many connections to the database: more would only wait for the interpreter's lock.
"""

import contextlib
import io
import os
import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

#: Of a process, as script/server starts it.
THREADS = 64
PLACES = 6
#: A body has as long to come as a slow line needs for MAX_REQUEST_BODY_BYTES.
BODY_SECONDS = 15
#: Bodies that may be on their way at once, so that threads are left for requests without one.
MOST_BODIES = 48
#: A longer Content-Length is none of a body that is read.
MOST_DIGITS = 16

#: The milliseconds since data was sent, within Linux's struct tcp_info.
_INFO = struct.Struct("=44xI")


class TooManyBodies(Exception):
    """MOST_BODIES are on their way."""


class LateBody(Exception):
    """A body has not come within BODY_SECONDS."""


class Bodies:
    """The bodies that a process reads now, each in a thread of its own, because a read cannot be given up."""

    def __init__(self, *, seconds: float = BODY_SECONDS, most: int = MOST_BODIES) -> None:
        self._seconds = seconds
        self._free = threading.Semaphore(most)
        self._readers = ThreadPoolExecutor(most, thread_name_prefix="body")

    def read(self, environ: dict[str, Any]) -> None:
        """Put the whole body in the place of the connection's stream. Raises TooManyBodies, LateBody.

        A body that is refused unread by its length stays where it is. The connection of a late one is closed, which
        ends its reader too.
        """
        text = environ.get("CONTENT_LENGTH") or ""
        length = int(text) if len(text) < MOST_DIGITS and text.isascii() and text.isdecimal() else 0
        if not 0 < length <= settings.MAX_REQUEST_BODY_BYTES:
            return
        if not self._free.acquire(blocking=False):
            raise TooManyBodies
        reading = self._readers.submit(environ["wsgi.input"].read, length)
        reading.add_done_callback(lambda _: self._free.release())
        try:
            environ["wsgi.input"] = io.BytesIO(reading.result(self._seconds))
        except TimeoutError:
            close_silent(environ.get("REMOTE_ADDR", ""), self._seconds)
            raise LateBody from None


def close_silent(address: str, seconds: float) -> None:
    """Close this process's connections with an address to which nothing was sent for some seconds.

    The server has no other way to end the read of a body, and tells no port. Beside the connections of late bodies
    these are such as are idle. Linux only; elsewhere a late body keeps its reader.
    """
    with contextlib.suppress(OSError):
        for name in list(Path("/proc/self/fd").iterdir()):
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(name.name))) as connection:
                peer = connection.getpeername()
                if not isinstance(peer, tuple) or peer[0].removeprefix("::ffff:") != address:
                    continue
                info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
                if _INFO.unpack(info)[0] >= seconds * 900:
                    connection.shutdown(socket.SHUT_RDWR)


class Places:
    """The places in Django, each with its connection to the database."""

    def __init__(self, count: int = PLACES) -> None:
        self._free = threading.Semaphore(count)
        self._connections: deque[Any] = deque()

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a place, and hold it until the block ends."""
        with self._free:
            try:
                # The one that was used last, so that a quiet process needs one connection.
                connection = self._connections.pop()
            except IndexError:
                connection = connections.create_connection(DEFAULT_DB_ALIAS)
                connection.inc_thread_sharing()
            connections[DEFAULT_DB_ALIAS] = connection
            try:
                yield
            finally:
                del connections[DEFAULT_DB_ALIAS]
                self._connections.append(connection)
