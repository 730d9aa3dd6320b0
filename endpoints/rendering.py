"""Render endpoints for answers that hold all endpoints of a customer, and keep what was rendered (docs/adr/0015).

An endpoint's JSON changes with its row alone, but for its figures, which are put in at each answer. PostgreSQL gives
each version of a row another `xmin` and `ctid`, whoever writes it, so what is kept cannot be out of date. An answer
reads the versions, and then those rows that are not kept.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from orjson import Fragment

from core.rows import read_rows
from endpoints.documents import JOIN, chosen, documents, endpoint_rows

#: The most bytes that a process keeps: about eight thousand endpoints.
MOST_BYTES = 8 * 1024 * 1024
_FIGURES = ("events", "failure_rate", "cb_state")
_NO_FIGURES = b',"events":0,"failure_rate":0,"cb_state":null}'


class RenderedEndpoint(NamedTuple):
    """An endpoint as JSON, and what its readers ask of it."""

    uid: str
    owner_id: str
    json: bytes


#: An endpoint's id, owner_id, xmin, ctid, events, failure_rate and breaker, as `versions_of` reads them. A list and not
#: a class of its own: there can be thousands.
Version = Sequence[Any]


class _Kept(NamedTuple):
    """The JSON of one version of an endpoint's row, up to the figures."""

    xmin: str
    ctid: str
    json: bytes


class Kept:
    """The latest JSON of endpoints, with or without their secrets. The ones that were read least recently make room."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._bytes = 0
        self._versions: OrderedDict[tuple[str, bool], _Kept] = OrderedDict()

    def find(self, versions: Iterable[Version], *, reveal: bool) -> dict[str, bytes]:
        """Return the JSON that is kept of exactly these versions, by the endpoints' ids."""
        found = {}
        with self._lock:
            for uid, _, xmin, ctid, _, _, _ in versions:
                key = uid, reveal
                kept = self._versions.get(key)
                if kept is not None and kept.xmin == xmin and kept.ctid == ctid:
                    self._versions.move_to_end(key)
                    found[uid] = kept.json
        return found

    def keep(self, uid: str, xmin: str, ctid: str, json: bytes, *, reveal: bool) -> None:
        """Keep the JSON of a version of an endpoint's row in the place of another version's."""
        key = uid, reveal
        with self._lock:
            before = self._versions.pop(key, None)
            self._bytes += len(json) - (len(before.json) if before else 0)
            self._versions[key] = _Kept(xmin, ctid, json)
            while self._bytes > self._most_bytes:
                _, oldest = self._versions.popitem(last=False)
                self._bytes -= len(oldest.json)

    def forget(self) -> None:
        """Keep nothing of what was kept."""
        with self._lock:
            self._versions.clear()
            self._bytes = 0


kept = Kept()


def versions_of(condition: str) -> str:
    """Return a query for the versions of the endpoints `e` that meet a condition, as `rendered` takes them.

    It has one row: an array in JSON is read in less time than rows, and can be a column of another statement.
    """
    return f"""
    SELECT coalesce(json_agg(
      json_build_array(e.uid, e.owner_id, e.xmin, e.ctid, s.events, s.failure_rate, s.breaker) ORDER BY e.uid DESC
    ), '[]')::text
    FROM endpoints_endpoint e {JOIN} WHERE {condition}
    """  # noqa: S608 - our own texts


def rendered_endpoints(
    project_id: str, *, ids: Sequence[str] = (), owners: Sequence[str] = (), reveal: bool
) -> list[RenderedEndpoint]:
    """Return the live endpoints of a project with these ids or of these owners, rendered, newest first.

    One statement, and another where any is not kept; none where both lists are empty.
    """
    if not (ids or owners):
        return []
    condition, parameters = chosen(project_id, ids=ids, owners=owners)
    return rendered(project_id, read_rows(versions_of(condition), parameters)[0][0], reveal=reveal)


def rendered(project_id: str, versions: str, *, reveal: bool) -> list[RenderedEndpoint]:
    """Return the endpoints of a project whose versions `versions_of` has read, rendered, in their order.

    `reveal` shows the values of secrets. One statement reads those that are not kept. What was deleted before it, or
    given to another owner, is left out.
    """
    read: list[Version] = orjson.loads(versions)
    known = kept.find(read, reveal=reveal)
    if len(known) < len(read):
        owners = {uid: owner_id for uid, owner_id, *_ in read if uid not in known}
        rows = [row for row in endpoint_rows(project_id, ids=list(owners)) if row[2] == owners[row[0]]]
        for row, document in zip(rows, documents(rows, reveal=reveal), strict=True):
            unchanging = {name: value for name, value in document.items() if name not in _FIGURES}
            json = known[row[0]] = orjson.dumps(unchanging)[:-1]
            kept.keep(row[0], xmin=row[-2], ctid=row[-1], json=json, reveal=reveal)
    return [
        RenderedEndpoint(uid, owner_id, known[uid] + (_NO_FIGURES if events is None else _figures(events, *counted)))
        for uid, owner_id, _, _, events, *counted in read
        if uid in known
    ]


def array_of(endpoints: Iterable[RenderedEndpoint]) -> Fragment:
    """Return the JSON array of rendered endpoints."""
    return Fragment(b"[" + b",".join([endpoint.json for endpoint in endpoints]) + b"]")


def _figures(events: int, failure_rate: float, breaker: str) -> bytes:
    """Return the members that end the JSON of an endpoint."""
    # As a column of JSON, a whole number has no fraction. Everywhere else the rate has one, but for 0.
    figures = {"events": events, "failure_rate": float(failure_rate) or 0, "cb_state": breaker}
    return b"," + orjson.dumps(figures)[1:]
