"""Send the requests of the tables to a server, and keep its answers without what differs from run to run.

Ids, times, keys, tokens, addresses and the values that were kept become `<ULID>`, `<TS>`, `<KEY>`, `{name}`.
"""

import http.client
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from tests.conformance.tables import Request, Wait

#: The headers of an answer that are compared. `Content-Type` is compared without its parameters.
HEADERS = ("content-type", "www-authenticate", "allow", "connection", "location")
#: How long a request is repeated until its delivery has a final status.
PATIENCE_SECONDS = 30
FINAL = ("Success", "Failure", "Discarded")
#: The texts that differ from run to run, in an answer that is written as JSON.
NORMAL = [
    (re.compile(r"CO\.[A-Za-z0-9]{8,}\.[A-Za-z0-9]{20,}"), "<KEY>"),
    (re.compile(r"PRT\.[A-Za-z0-9]{8,}\.[A-Za-z0-9]{20,}"), "<PRT>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)"), "<TS>"),
    # Secrets and tokens that the server has made, and signatures
    (re.compile(r'(?<="value": ")[A-Za-z0-9_-]{25}(?=")'), "<SECRET>"),
    (re.compile(r'(?<=[?&]token=)[A-Za-z0-9]{24}|(?<="token": ")[A-Za-z0-9]{24}'), "<TOKEN>"),
    (re.compile(r"(?<=v1=)[0-9a-f]{64}|(?<=v1,)[A-Za-z0-9+/]{43}=|\b[0-9a-f]{64}\b"), "<SIGNATURE>"),
    # Versions of the servers, and the receiver's address on the run's machine
    (re.compile(r'(?<="api_version": ")[^"]+|(?<=Convoy/)v?[0-9.]+|(?<="message": "Convoy )v[0-9.]+'), "<VERSION>"),
    (re.compile(r'(?<="webhook-id": ")[^"]+'), "<ID>"),
    (re.compile(r'(?<="ip_address": ")[^"]+'), "<IP>"),
    # How long something took, and the time of which a run makes its names and keys
    (re.compile(r'(?<="latency_seconds": )[0-9.e-]+|(?<="latency": ")[0-9.a-zµ]+(?=")'), "0"),
    (re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b"), "<ULID>"),
    (re.compile(r"\b[12]\d{9}\b"), "<T>"),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request. `body` is its JSON value, or a text where it is not JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Target:
    """A server of the API, and what is known of it: its keys, and the address at which it reaches the receiver.

    `project` is the id and the key of a project that exists; without it the run makes one with `instance_key`.
    `waits` gives the server the time of the tables' waits.
    """

    def __init__(
        self,
        url: str,
        *,
        receiver: str,
        instance_key: str = "",
        organisation: str = "x",
        project: tuple[str, str] = ("", ""),
        waits: bool = True,
    ) -> None:
        parts = urlsplit(url)
        self.host, self.port = str(parts.hostname), parts.port or {"https": 443}.get(parts.scheme, 80)
        self._connection_class = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._waits = waits
        self._has_project = bool(project[0])
        self.known: dict[str, str] = {
            "RX": receiver,
            "RX_UPPER": receiver.replace("http://", "HTTP://", 1),
            "org": organisation,
            "instance": instance_key,
            "unk": "01HZZZZZZZZZZZZZZZZZZZZZZZ",
            "nothing": "",
            "stamp": str(int(time.time())),
            "n255": "n" * 255,
            "n300": "n" * 300,
            "t300": "t" * 300,
            "k300": "k" * 300,
        }
        if self._has_project:
            self.known |= {"pid": project[0], "pkey": project[1]}

    def run(self, tables: Mapping[str, list[Request | Wait]]) -> dict[str, Answer]:
        """Send every request, and return the answers by the requests' codes."""
        return {code: answer for entries in tables.values() for code, answer in self._send(entries)}

    def _send(self, entries: list[Request | Wait]) -> Iterator[tuple[str, Answer]]:
        for entry in entries:
            if isinstance(entry, Wait):
                time.sleep(entry.seconds if self._waits else 0)
            elif entry.code != "P00" or not self._has_project:
                yield entry.code, self._answer(entry)

    def _answer(self, request: Request) -> Answer:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            status, headers, content = self._call(request)
            try:
                value = json.loads(content)
            except ValueError:
                value = None
            if _has_come(request.until, value, content) or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        for name, path in request.keep.items():
            if isinstance(kept := _found(value, path), str):
                self.known[name] = kept
        if request.only and isinstance(rows := _found(value, "data"), list):
            rows[:] = [row for row in rows if row.get("uid") == self.known.get(request.only)]
        text = self._normal(content.decode("utf-8", "replace"))
        body = text if value is None and content.strip() != b"null" else json.loads(self._normal(_dumped(value)))
        return Answer(status, {name: self._normal(headers[name]) for name in HEADERS if name in headers}, body)

    def _call(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        path = self._filled(request.path)
        if path.startswith("~"):
            path = f"/api/v1/projects/{self.known.get('pid', '')}{path[1:]}"
        headers = {name: self._filled(value) for name, value in request.headers.items()}
        if request.authorization is not None:
            headers["Authorization"] = self._filled(request.authorization)
        elif request.credential != "nobody":
            headers["Authorization"] = f"Bearer {self._token(request.credential)}"
        body = None if request.body is None else self._filled(request.body).encode()
        if body is not None and request.content_type != "none":
            headers["Content-Type"] = request.content_type
        connection = self._connection_class(self.host, self.port, timeout=60)
        try:
            connection.request(request.method, quote(path, safe="/?&=%:+,.*~$'()!@;-_"), body, headers)
            answer = connection.getresponse()
            lower = {name.lower(): value.split(";")[0] for name, value in answer.getheaders()}
            return answer.status, lower, answer.read()
        finally:
            connection.close()

    def _token(self, credential: str) -> str:
        names = {"project": "pkey", "instance": "instance", "portal": "ptok"}
        return self.known.get(names[credential], "") if credential in names else self._filled(credential)

    def _filled(self, text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: self.known.get(found[1], found[0]), text)

    def _normal(self, text: str) -> str:
        """Replace what differs from run to run by names. The constants of the tables stay."""
        for name in sorted(self.known, key=lambda name: -len(self.known[name])):
            value = self.known[name]
            if len(value) >= 12 and name not in ("unk", "RX_UPPER", "n255", "n300", "t300", "k300"):
                text = text.replace(value, f"{{{name}}}")
        text = text.replace(f"{self.host}:{self.port}", "{HOST}")
        return normal(text)


def normal(text: str) -> str:
    """Replace what no two runs have in common by marks."""
    for pattern, mark in NORMAL:
        text = pattern.sub(mark, text)
    return text


def _has_come(awaited: str, value: Any, content: bytes) -> bool:
    """Return whether an answer has what its request waits for."""
    if awaited.startswith("has "):
        return awaited.removeprefix("has ").encode() in content
    return not awaited or _is_final(value)


def _is_final(value: Any) -> bool:
    """Return whether each delivery that an answer shows, or counts, has a final status."""
    data = _found(value, "data")
    if totals := _found(data, "totals"):
        return set(totals) <= set(FINAL)
    rows = _found(data, "content") or ([data] if _found(data, "status") else [])
    return all(row["status"] in FINAL for row in rows)


def _found(value: Any, path: str) -> Any:
    """Return what stands at `path`, such as `data.content.0.uid`, or None."""
    for part in path.split("."):
        if isinstance(value, list) and part.isdecimal():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
