"""Receive the demo's webhooks, verify their signatures, and show the last ones.

script/server runs it as a process of its own (`python -m convoyclone.receiver`), on this machine's own address only and
without Django. The path decides the answer: 200 below `/works`, 500 below `/fails`, and 404 below `/fails/404`.
"""

import hmac
import json
import random
import re
import socket
import sys
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from convoyclone.demo_page import HEADERS
from convoyclone.receiver_page import Verdict, Webhook, page
from outbound.signatures import standard_headers

HOST = "127.0.0.1"
#: Ports that neither well-known services nor the connections of Linux and macOS use.
PORTS = range(20_000, 30_000)
TRIES = 50
#: The most webhooks that the page shows, and the most bytes of each that are kept.
SHOWN = 50
SHOWN_BYTES = 4_000
MAX_BODY_BYTES = 16 * 1024 * 1024
#: The replay tolerance of Standard Webhooks' libraries.
TOLERANCE_SECONDS = 300
#: The web server may start later than the worker sends.
API_PATIENCE_SECONDS = 5

_NUMBER = re.compile(r"[0-9]{1,12}")


class NoFreePort(OSError):
    """None of the tried ports is free."""


class Known(NamedTuple):
    """An endpoint of the demo's project: its URL, its name, and its live secrets."""

    url: str
    name: str
    secrets: list[str]


#: Returns the endpoints of the project, as they were at a time.monotonic() or later; None where they cannot be read.
Endpoints = Callable[[float], Sequence[Known] | None]


def listen(port: int | None) -> socket.socket:
    """Listen on the port of the last run, or on another where that is taken or None. Raises NoFreePort.

    The ports of two servers side by side differ, because each keeps its own.
    """
    for tried in [*([port] if port else []), *random.sample(PORTS, TRIES)]:
        with suppress(OSError):
            return socket.create_server((HOST, tried), backlog=128)
    raise NoFreePort(f"no free port for the demo's receiver between {PORTS[0]} and {PORTS[-1]}")


def address(listener: socket.socket) -> str:
    """Return the URL of a receiver, without a slash at the end."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


def verify(path: str, headers: Mapping[str, str], body: bytes, endpoints: Sequence[Known], now: float) -> Verdict:
    """Check the signature of a webhook by Standard Webhooks, with the secrets of the endpoints at its address.

    `headers` have their names in lower case.
    """
    named = [headers.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")]
    if not all(named):
        return Verdict(False, "not signed: a header of webhook-id, webhook-timestamp, webhook-signature is missing")
    message_id, timestamp, signatures = named
    signed_at = _number(timestamp)
    if signed_at is None or abs(now - signed_at) > TOLERANCE_SECONDS:
        return Verdict(False, f"webhook-timestamp is not within {TOLERANCE_SECONDS // 60} minutes of now")
    here = [known for known in endpoints if _path(known.url) == path]
    if not here:
        return Verdict(False, "no endpoint has this address")
    for known in here:
        for secret in known.secrets:
            signed = standard_headers(body, message_id=message_id, timestamp=signed_at, secrets=[secret])
            expected = signed["webhook-signature"].encode()
            if any(hmac.compare_digest(expected, sent.encode()) for sent in signatures.split()):
                return Verdict(True, f"signed with a secret of {known.name}")
    return Verdict(False, f"no secret of {here[0].name} gives this signature")


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


class FromApi:
    """Reads the endpoints of the demo at `origin` from the API, as a company's own program would."""

    def __init__(self, quickstart: Path, api_url: str, origin: str) -> None:
        self._quickstart, self._api_url, self._origin = quickstart, api_url, origin
        # A proxy of the environment must not get a request to this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._lock = threading.Lock()
        self._known: list[Known] | None = None
        self._read_at = 0.0

    def __call__(self, since: float) -> Sequence[Known] | None:
        """Return the endpoints as they were at `since` or later, or as they were before while the API is away."""
        # Webhooks that wait for the lock share what the next one reads.
        with self._lock:
            if self._known is None or self._read_at < since:
                self._read_with_patience()
            return self._known

    def _read_with_patience(self) -> None:
        deadline = time.monotonic() + API_PATIENCE_SECONDS
        while True:
            started = time.monotonic()
            with suppress(OSError, ValueError, KeyError):
                self._known, self._read_at = self._read(), started
                return
            if time.monotonic() >= deadline:
                return
            time.sleep(0.1)

    def _read(self) -> list[Known]:
        demo = json.loads(self._quickstart.read_text(encoding="utf-8"))
        request = urllib.request.Request(  # noqa: S310 - an address of this machine
            f"{self._api_url}/api/v1/projects/{demo['project_id']}/endpoints?perPage=1000",
            # The server may answer to no other name.
            headers={"Authorization": f"Bearer {demo['api_key']}", "Host": urlsplit(demo["base_url"]).netloc},
        )
        with self._opener.open(request, timeout=5) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["content"]
        return [
            Known(one["url"], one["name"], [secret["value"] for secret in one["secrets"]])
            for one in found
            if one["url"].startswith((f"{self._origin}/", f"{self._origin.replace(HOST, 'localhost')}/"))
        ]


class Receiver(ThreadingHTTPServer):
    """An HTTP server on a socket that listens already."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self.webhooks: deque[Webhook] = deque(maxlen=SHOWN)
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report a defect, but not a caller who has gone."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    server_version = "ConvoyCloneDemo"
    sys_version = ""
    #: Seconds that a silent connection may stay.
    timeout = 30

    def do_GET(self) -> None:
        """Answer the page of webhooks, whose address is that of this machine: no other site may read it."""
        port = self.server.socket.getsockname()[1]
        if self.path != "/":
            self._answer(status_of(self.path))
        elif self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
            self._answer(HTTPStatus.NOT_FOUND)
        else:
            html = page(list(self.server.webhooks), address(self.server.socket))
            self._answer(HTTPStatus.OK, html.encode(), HEADERS | {"Content-Type": "text/html; charset=utf-8"})

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """Receive a webhook: verify it, keep it for the page, and answer as the path says."""
        length = _number(self.headers.get("Content-Length", ""))
        if length is None:
            self._answer(HTTPStatus.LENGTH_REQUIRED)
            return
        if length > MAX_BODY_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self.rfile.read(length)
        verdict, status = self._verdict(body), status_of(self.path)
        webhook_id = self.headers.get("webhook-id", "")
        shown = body[:SHOWN_BYTES].decode(errors="replace") + ("…" if len(body) > SHOWN_BYTES else "")
        self.server.webhooks.appendleft(Webhook(datetime.now(UTC), self.path, webhook_id, status, verdict, shown))
        self._answer(status, f"Signature {'verified' if verdict.is_good else 'refused'}: {verdict.reason}\n".encode())

    def _verdict(self, body: bytes) -> Verdict:
        headers = {name.lower(): value for name, value in self.headers.items()}
        # A secret that was replaced is read again.
        for since in (0.0, time.monotonic()):
            known = self.server.endpoints(since)
            if known is None:
                return Verdict(False, "not checked, because the API did not answer")
            verdict = verify(self.path, headers, body, known, time.time())
            if verdict.is_good:
                break
        return verdict

    def _answer(self, status: HTTPStatus, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        content = body or f"{status.value} {status.phrase}\n".encode()
        for name, value in ({"Content-Type": "text/plain; charset=utf-8"} | dict(headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing: the page shows what has come."""


def status_of(path: str) -> HTTPStatus:
    """Return the answer to a request for a path."""
    match path.partition("?")[0].split("/")[1:]:
        case ["works", *_]:
            return HTTPStatus.OK
        case ["fails", "404", *_]:
            return HTTPStatus.NOT_FOUND
        case ["fails", *_]:
            return HTTPStatus.INTERNAL_SERVER_ERROR
    return HTTPStatus.NOT_FOUND


def main() -> None:
    """Serve until a signal: the arguments are a listening socket, quickstart.json, and the web server's address."""
    descriptor, quickstart, api_url = sys.argv[1:]
    listener = socket.socket(fileno=int(descriptor))
    Receiver(listener, FromApi(Path(quickstart), api_url, address(listener))).serve_forever()


if __name__ == "__main__":
    main()
