"""A TCP proxy before the tests' PostgreSQL, which can fall silent like a firewall that has forgotten a connection."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import quote

from django.db import connection


class Proxy:
    """Forwards connections from a port of this machine to the database of the test, from `with` on.

    While it is silent it accepts connections, and passes nothing on in either direction.
    """

    def __enter__(self) -> Self:
        self._passing = threading.Event()
        self._passing.set()
        self._ended = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._passing.set()
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    @property
    def url(self) -> str:
        """The database of the test, by way of the proxy."""
        user, password, name = (connection.settings_dict[key] for key in ("USER", "PASSWORD", "NAME"))
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
        return f"postgresql://{login}@127.0.0.1:{self.port}/{quote(name, safe='')}"

    def fall_silent(self) -> None:
        """Pass nothing on from now on."""
        self._passing.clear()

    def pass_on(self) -> None:
        """Pass everything on, what has waited included."""
        self._passing.set()

    def cut(self) -> None:
        """Let the connections die for ever, and pass on those that are made from now on."""
        self._passing = threading.Event()
        self._passing.set()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._sockets.add(near)
        passing = self._passing
        host, port = connection.settings_dict["HOST"], connection.settings_dict["PORT"] or 5432
        if host.startswith("/"):
            far = socket.socket(socket.AF_UNIX)
            far.connect(f"{host}/.s.PGSQL.{port}")
        else:
            far = socket.create_connection((host or "127.0.0.1", int(port)))
        self._sockets.add(far)
        threading.Thread(target=self._forward, args=(far, near, passing), daemon=True).start()
        self._forward(near, far, passing)

    def _forward(self, source: socket.socket, target: socket.socket, passing: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                passing.wait()
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
