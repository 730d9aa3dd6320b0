"""Render endpoints for answers that hold all endpoints of a customer, and keep what was rendered (docs/adr/0015).

An endpoint's JSON changes with its row alone, but for its figures, which are put in at each answer. PostgreSQL gives
each version of a row another `xmin` and `ctid`, whoever writes it, so what is kept cannot be out of date.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson
from orjson import Fragment

from core.rows import Row
from endpoints.documents import documents, endpoint_rows

#: The most bytes that a process keeps: about eight thousand endpoints.
MOST_BYTES = 8 * 1024 * 1024
_FIGURES = ("events", "failure_rate", "cb_state")
_NO_FIGURES = b',"events":0,"failure_rate":0,"cb_state":null}'


class RenderedEndpoint(NamedTuple):
    """An endpoint as JSON, and what its readers ask of it."""

    uid: str
    owner_id: str
    json: bytes


class _Version(NamedTuple):
    """The JSON of one version of an endpoint's row, up to the figures."""

    xmin: bytes
    ctid: bytes
    json: bytes


class Kept:
    """The latest JSON of endpoints, with or without their secrets. Those that were not read for longest make room."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._bytes = 0
        self._versions: OrderedDict[tuple[str, bool], _Version] = OrderedDict()

    def find(self, rows: Iterable[Row], *, reveal: bool) -> dict[str, bytes]:
        """Return the JSON that is kept of exactly these versions of rows, by the endpoints' ids."""
        found = {}
        with self._lock:
            for row in rows:
                key = row[0], reveal
                kept = self._versions.get(key)
                if kept is not None and (kept.xmin, kept.ctid) == row[-2:]:
                    self._versions.move_to_end(key)
                    found[row[0]] = kept.json
        return found

    def keep(self, row: Row, json: bytes, *, reveal: bool) -> None:
        """Keep the JSON of a version of a row in the place of another version's."""
        key = row[0], reveal
        with self._lock:
            before = self._versions.pop(key, None)
            self._bytes += len(json) - (len(before.json) if before else 0)
            self._versions[key] = _Version(row[-2], row[-1], json)
            while self._bytes > self._most_bytes:
                _, oldest = self._versions.popitem(last=False)
                self._bytes -= len(oldest.json)

    def forget(self) -> None:
        """Keep nothing of what was kept."""
        with self._lock:
            self._versions.clear()
            self._bytes = 0


kept = Kept()


def rendered_endpoints(
    project_id: str, *, ids: Sequence[str] = (), owners: Sequence[str] = (), reveal: bool
) -> list[RenderedEndpoint]:
    """Return the endpoints that `endpoint_documents` returns, rendered. One statement, or none."""
    return rendered(endpoint_rows(project_id, ids=ids, owners=owners), reveal=reveal)


def rendered(rows: Sequence[Row], *, reveal: bool) -> list[RenderedEndpoint]:
    """Return the endpoints of rows of COLUMNS, rendered. `reveal` shows the values of secrets."""
    known = kept.find(rows, reveal=reveal)
    missed = [row for row in rows if row[0] not in known]
    for row, document in zip(missed, documents(missed, reveal=reveal), strict=True):
        unchanging = {name: value for name, value in document.items() if name not in _FIGURES}
        json = known[row[0]] = orjson.dumps(unchanging)[:-1]
        kept.keep(row, json, reveal=reveal)
    return [RenderedEndpoint(row[0], row[2], known[row[0]] + _figures(*row[-5:-2])) for row in rows]


def array_of(endpoints: Iterable[RenderedEndpoint]) -> Fragment:
    """Return the JSON array of rendered endpoints."""
    return Fragment(b"[" + b",".join([endpoint.json for endpoint in endpoints]) + b"]")


def _figures(events: int | None, failure_rate: float | None, breaker: str | None) -> bytes:
    """Return the members that end the JSON of an endpoint."""
    if events is None:
        return _NO_FIGURES
    figures = {"events": events or 0, "failure_rate": failure_rate or 0, "cb_state": breaker}
    return b"," + orjson.dumps(figures)[1:]
