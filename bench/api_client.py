"""Call a server that speaks Convoy's API, for `script/bench compare`."""

import http.client
import ssl
from dataclasses import dataclass
from typing import Any

import orjson

from bench.load import Server, request_bytes


class Refused(Exception):
    """The server has answered something else than success."""


@dataclass
class Client:
    """A server, the path before its `/api`, a key, and the project that the key is of."""

    server: Server
    base: str
    key: str
    project: str

    def path(self, below: str = "") -> str:
        """Return the path of something in the project, without `/api/v1`."""
        return f"/projects/{self.project}/{below}".rstrip("/")

    @property
    def host(self) -> str:
        """Return the value of the Host header."""
        name = f"[{self.server.name}]" if ":" in self.server.name else self.server.name
        return f"{name}:{self.server.port}"

    def request(self, method: str, path: str, body: Any = None) -> bytes:
        """Return the bytes of a request, for bench/load.py."""
        return request_bytes(method, f"{self.base}/api/v1{path}", key=self.key, body=_sent(body), host=self.host)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return the `data` of the answer. Raises Refused."""
        connection = http.client.HTTPConnection(self.server.address, self.server.port, timeout=30)
        connection.sock = self.server.connect()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", "Host": self.host}
        try:
            connection.request(method, f"{self.base}/api/v1{path}", _sent(body) or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            raise Refused(f"{method} {path}: {error}") from error
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise Refused(f"{method} {path} answers {answer.status}: {content[:200].decode(errors='replace')}")
        return orjson.loads(content or b"{}").get("data")


def _sent(body: Any) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else orjson.dumps(body)
