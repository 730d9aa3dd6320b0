"""`convoyclone listen`: hand a server's deliveries on to a program on this machine, which the server cannot reach.

It asks the server for new deliveries and for a signed copy of each, over the API, and posts the copy to the program.
Nothing changes at the server: a delivery is delivered when its endpoint has accepted it, and not before.
Contract: docs/contract/deliveries.md#copies.
"""

import argparse
import http.client
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

#: Seconds between two looks, and the longest pause while the server does not answer.
EVERY_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
#: A look begins this long before the newest delivery, because deliveries appear a little out of order.
OVERLAP = timedelta(seconds=60)
#: The pauses between the tries to reach the program.
TRIES = (0.0, 1.0, 3.0)
TIMEOUT_SECONDS = 30
PAGE = 100


class Refused(Exception):
    """An answer of the server that is no success; the text is the server's."""

    def __init__(self, status: int, message: str, retry_after: str | None) -> None:
        """Take the status, the message and the Retry-After of the answer."""
        super().__init__(message)
        self.status = status
        self.retry_after = float(retry_after) if retry_after and retry_after.isdecimal() else None


class _NoRedirects(HTTPRedirectHandler):
    """Refuses redirects: the credential is for this server alone."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


@dataclass(slots=True)
class Server:
    """The API of a server, with a key or a portal token."""

    root: str
    credential: str
    opener: Any = field(default_factory=lambda: build_opener(_NoRedirects))

    def call(self, method: str, path: str, query: Sequence[tuple[str, str]] = ()) -> tuple[Any, datetime]:
        """Return the data of an answer, and the server's time. Raises Refused, OSError."""
        url = f"{self.root}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": f"Bearer {self.credential}", "Content-Type": "application/json"}
        body = b"{}" if method == "POST" else None
        try:
            request = Request(url, method=method, headers=headers, data=body)  # noqa: S310 - its scheme is checked
            with self.opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                answer, date = json.load(response), response.headers["Date"]
        except HTTPError as error:
            with closing(error):
                raise Refused(error.code, _message(error), error.headers["Retry-After"]) from None
        except (http.client.HTTPException, ValueError) as error:
            raise OSError(f"no answer of the API: {error}") from None
        return answer["data"], parsedate_to_datetime(date) if date else datetime.now(UTC)


def _message(error: HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return error.reason


@dataclass(slots=True)
class Listener:
    """The deliveries of a server from a time on, each once."""

    server: Server
    endpoints: list[str]
    since: datetime
    #: The ids that were handed on, with the times at which they were made.
    seen: dict[str, datetime] = field(default_factory=dict)

    def new(self) -> Iterator[dict[str, Any]]:
        """Yield the deliveries that were made since the last look, oldest first. Raises Refused, OSError."""
        newest = max(self.seen.values(), default=self.since)
        start = max(self.since, newest - OVERLAP)
        self.seen = {uid: made for uid, made in self.seen.items() if made >= start - OVERLAP}
        query = [("sort", "ASC"), ("perPage", str(PAGE)), ("startDate", f"{start:%Y-%m-%dT%H:%M:%S}")]
        query += [("endpointId", uid) for uid in self.endpoints]
        cursor: list[tuple[str, str]] = []
        while True:
            page, _ = self.server.call("GET", "/eventdeliveries", query + cursor)
            for delivery in page["content"]:
                if delivery["uid"] not in self.seen:
                    yield delivery
                    self.seen[delivery["uid"]] = datetime.fromisoformat(delivery["created_at"])
            if not page["pagination"]["has_next_page"]:
                return
            cursor = [("next_page_cursor", page["pagination"]["next_page_cursor"]), ("direction", "next")]

    def copy(self, delivery_id: str) -> dict[str, Any]:
        """Return a signed copy of a delivery's request. Raises Refused, OSError."""
        copy, _ = self.server.call("POST", f"/eventdeliveries/{quote(delivery_id)}/copy")
        return dict(copy)


def forward(url: str, copy: dict[str, Any]) -> int:
    """Post a copy to the program at `url`, byte for byte, and return the status of its answer. Raises OSError."""
    parts = urlsplit(url)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    body = copy["body"].encode()
    with closing(connect(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)) as connection:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.putrequest("POST", target, skip_accept_encoding=True)
        for name, value in copy["headers"].items():
            connection.putheader(name, value.encode())
        connection.putheader("Content-Length", str(len(body)))
        try:
            connection.endheaders(body)
            response = connection.getresponse()
            response.read()
        except http.client.HTTPException as error:
            raise OSError(f"{type(error).__name__} {error}".rstrip()) from None
        return response.status


def listen(arguments: Sequence[str]) -> int:
    """Hand deliveries on until the process is interrupted. Returns the exit code."""
    options = _options(arguments)
    kind = f"/api/v1/projects/{quote(options.project)}" if options.key else "/portal-api"
    server = Server(f"{options.url.rstrip('/')}{kind}", options.key or options.token)
    try:
        _hand_on(server, options.endpoint, options.forward)
    except Refused as error:
        print(f"convoyclone: the server refuses: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _hand_on(server: Server, endpoints: list[str], url: str) -> None:
    listener: Listener | None = None
    pause, is_away = EVERY_SECONDS, False
    while True:
        try:
            if listener is None:
                _, now = server.call("GET", "/eventdeliveries", [("perPage", "1")])
                started = Listener(server, endpoints, now)
                # Times of the API are whole seconds: a delivery from earlier in this second is not new.
                for _ in started.new():
                    pass
                listener = started
                print(f"Listening to {server.root}, for {url}", flush=True)
            for delivery in listener.new():
                _say(delivery, _handed_on(listener, delivery["uid"], url))
            pause, is_away = EVERY_SECONDS, False
        except Refused as error:
            if error.status != HTTPStatus.TOO_MANY_REQUESTS and error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            pause = min(error.retry_after or 2 * pause, LONGEST_PAUSE_SECONDS)
        except OSError as error:
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            if not is_away:
                print(f"The server does not answer: {_reason(error)}", file=sys.stderr, flush=True)
            is_away = True
        time.sleep(pause)


def _handed_on(listener: Listener, delivery_id: str, url: str) -> str:
    """Hand one delivery on. Return the program's status, or the reason why it got nothing. Raises Refused, OSError."""
    reason = ""
    for wait in TRIES:
        time.sleep(wait)
        try:
            # Signed for this try: receivers refuse old signatures.
            copy = listener.copy(delivery_id)
        except Refused as error:
            if error.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND):
                raise
            return f"not handed on: {error}"
        try:
            return str(forward(url, copy))
        except OSError as error:
            reason = _reason(error)
    return f"not handed on: {reason}"


def _say(delivery: dict[str, Any], result: str) -> None:
    print(f"{datetime.now():%H:%M:%S}  {result}  {delivery['event_type']}  {delivery['uid']}", flush=True)


def _reason(error: OSError) -> str:
    cause = error.reason if isinstance(error, URLError) else error
    return getattr(cause, "strerror", None) or str(cause)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "convoyclone listen",
        description="Hand a server's new deliveries on to a program on this machine, signed as the server signs them.",
        epilog="The environment keeps a credential out of the list of processes: API_KEY, or PORTAL_TOKEN.",
    )
    given = os.environ.get
    parser.add_argument("--forward", required=True, metavar="URL", help="the program, such as http://localhost:3000")
    parser.add_argument("--url", default=given("CONVOYCLONE_URL", "http://127.0.0.1:8000"), help="the server")
    parser.add_argument("--endpoint", action="append", default=[], metavar="ID", help="only its deliveries; repeatable")
    parser.add_argument("--key", default="", help="an API key that may write, instead of API_KEY")
    parser.add_argument("--project", default=given("PROJECT_ID", ""), metavar="ID", help="its project, or PROJECT_ID")
    parser.add_argument("--token", default="", help="a portal token, instead of PORTAL_TOKEN")
    options = parser.parse_args(arguments)
    if not (options.key or options.token):
        options.token = given("PORTAL_TOKEN", "")
        options.key = "" if options.token else given("API_KEY", "")
    if bool(options.key) == bool(options.token):
        parser.error("give either an API key or a portal token")
    if options.key and not options.project:
        parser.error("an API key needs --project")
    for name in ("forward", "url"):
        if not _is_address(getattr(options, name)):
            parser.error(f"--{name} must be an address like http://localhost:3000")
    return options


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        # Brackets without an IPv6 address, or no number of a port.
        return False
