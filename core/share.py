"""Refuse a caller whose slow requests take up its share of a web process, so that others keep theirs.

The counts are in the process and cost no statement. A request is slow once it has run for SLOW_SECONDS, and so is one
to a path whose last request by the same party was, for MEMORY_SECONDS. A party with quick requests alone is never
refused, however many they are.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.api.errors import refused
from core.callers import IS_REFUSED, PARTY
from core.client_address import known_network
from core.exceptions import DomainError

#: The most slow requests of a party at once, out of the places of a process (convoyclone/places.py). A project's
#: company and its customers ("portal") are counted apart, so that neither uses up the other's, and both leave a place.
MOST_SLOW = {"project": 3, "portal": 3, "address": 3, "owner": 2, "session": 2}
SLOW_SECONDS = 0.5
MEMORY_SECONDS = 10
#: The number of slow paths that are remembered, and of their characters.
MOST_REMEMBERED = 4_096
PATH_CHARACTERS = 200
#: Beginnings of paths that are never counted: files, and probes.
UNCOUNTED = ("/static/", "/healthz", "/readyz", "/metrics")

#: A kind of MOST_SLOW, and an id.
Party = tuple[str, str]
#: The path of a request, and when it began.
Entry = tuple[str, float]


class TooBusy(DomainError):
    """The caller has too many slow requests at once."""

    status = 429
    message = "too many slow requests at once, try again"
    headers = {"Retry-After": "1"}


class Share:
    """The slow requests of each party: a project, an owner, a session or an address."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._running: dict[Party, list[Entry]] = {}
        self._slow: OrderedDict[tuple[Party, str], float] = OrderedDict()

    def enter(self, party: Party, path: str) -> Entry:
        """Count a request of a party, and return what leave() takes. Raises TooBusy."""
        now = self._now()
        with self._lock:
            running = self._running.get(party, [])
            if sum(self._is_slow(party, *one, now) for one in running) >= MOST_SLOW[party[0]]:
                raise TooBusy
            self._running.setdefault(party, []).append((path, now))
        return path, now

    def leave(self, party: Party, entered: Entry) -> None:
        """Take a request off the count again."""
        path, started = entered
        now = self._now()
        with self._lock:
            running = self._running[party]
            running.remove(entered)
            if not running:
                del self._running[party]
            if now - started >= SLOW_SECONDS:
                self._slow[party, path] = now + MEMORY_SECONDS
                self._slow.move_to_end((party, path))
                if len(self._slow) > MOST_REMEMBERED:
                    self._slow.popitem(last=False)

    def _is_slow(self, party: Party, path: str, started: float, now: float) -> bool:
        return now - started >= SLOW_SECONDS or self._slow.get((party, path), 0) > now


_share = Share()
_entered: ContextVar[list[tuple[Party, Entry]] | None] = ContextVar("entered", default=None)
_path: ContextVar[str] = ContextVar("path", default="")


def count_party(kind: str, name: str) -> None:
    """Count the request that runs now as one of a party. Raises TooBusy. Outside of a request it does nothing."""
    entered = _entered.get()
    if entered is not None and name:
        party = (kind, name)
        entered.append((party, _share.enter(party, _path.get())))


class ShareMiddleware:
    """Count each request by its address, where that is known, and end the counts that views have begun."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(UNCOUNTED):
            return self.get_response(request)
        entered: list[tuple[Party, Entry]] = []
        tokens = _entered.set(entered), _path.set(f"{request.method} {request.path_info}"[:PATH_CHARACTERS])
        try:
            if IS_REFUSED in request.META:
                raise TooBusy
            count_party("address", known_network(request.META) or "")
            return self.get_response(request)
        except TooBusy as error:
            return refused(request, error)
        finally:
            for party, one in entered:
                _share.leave(party, one)
                if party[0] in ("project", "owner"):
                    request.META[PARTY] = party
            _entered.reset(tokens[0])
            _path.reset(tokens[1])
