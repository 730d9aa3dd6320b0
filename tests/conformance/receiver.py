"""Receive the webhooks of the conformance run. A path's second part names what the receiver does: `/r/s500/ws500`."""

import contextlib
import gzip
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: The status, further headers and body of each behaviour.
ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "ok": (200, {}, b"ok"),
    "s201": (201, {}, b"ok"),
    "s204": (204, {}, b""),
    "s500": (500, {}, b"boom"),
    "s410": (410, {}, b"gone"),
    "s404": (404, {}, b"nf"),
    "s429": (429, {"Retry-After": "1"}, b"slow down"),
    "s503": (503, {"Retry-After": "1"}, b"busy"),
    "slow": (200, {}, b"ok"),
    "gz": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"hello gzip", mtime=0)),
    "big": (200, {}, b"x" * 200_000),
    "s300": (300, {}, b"ok"),
    "s199": (299, {}, b"ok"),
}
#: Longer than the time limit of the endpoint that is answered slowly.
SLOW_SECONDS = 4
#: A flaky path fails this often, and then works.
FLAKY_FAILURES = 2


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    received: "Counter[str]" = Counter()

    def handle_expect_100(self) -> bool:
        return True

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        _, server, behaviour, tag, *_ = [*self.path.split("?")[0].split("/"), "", "", ""]
        self.received[self.path] += 1
        if behaviour == "close":
            self.close_connection = True
            return
        status, headers, body = ANSWERS.get(behaviour, ANSWERS["ok"])
        if behaviour == "flaky" and self.received[self.path] <= FLAKY_FAILURES:
            status = 500
        if behaviour in ("r302", "r307"):
            status, headers = int(behaviour[1:]), {"Location": f"/{server}/ok/redir-{tag}"}
        if behaviour == "slow":
            time.sleep(SLOW_SECONDS)
        with contextlib.suppress(OSError):
            self.wfile.write(_message(status, headers, body))

    do_GET = do_HEAD = do_POST = do_PUT = _answer  # noqa: N815 - the names of the base class

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        return


def _message(status: int, headers: dict[str, str], body: bytes) -> bytes:
    """Return an answer with the reason phrase and headers that the recorded receiver had."""
    plain = {} if status == 204 else {"Content-Length": str(len(body)), "Content-Type": "text/plain"}
    lines = [f"HTTP/1.1 {status} {'No Content' if status == 204 else 'X'}"]
    lines += [f"{name}: {value}" for name, value in (plain | headers).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: a client that has closed its connection is no fault of the run."""


class Receiver:
    """The receiver, on a port of this machine, between `with` and its end."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = _Server((host, port), type("Handler", (_Handler,), {"received": Counter()}))
        self.url = f"http://{host}:{self._server.server_address[1]}/r"
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True)

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
