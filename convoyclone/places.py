"""Hand the places in Django out among callers, so that none takes the interpreter from the others.

Threads that compute share one interpreter: a second costly request of one caller beside the first gains that caller
nothing, and takes time from all others. So the requests that a caller has in places come to COMPUTING_SECONDS of CPU at
most, by the average of those before, unless nobody else is there. And of the requests that wait, those of callers with
fewer places are earlier.
"""

import contextlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from core.callers import PARTY, caller_of

#: Of a process, each with one connection to the database: more would only wait for the interpreter's lock.
PLACES = 7
#: Files and probes have places of their own, so that a probe tells the truth while all others are taken.
OWN_PLACES = 2
#: A request that has waited for a place for so long is refused.
PLACE_SECONDS = 5
#: The CPU time that one caller's requests in places cost together. One that costs more than this has one place.
COMPUTING_SECONDS = 0.015
#: A request that has held its place for this time is not counted with them: it waits for something, or core/share.py
#: counts it as slow. Else a search of seconds would hold up all of its caller's other requests.
LONG_SECONDS = 0.25
#: A caller is alone where no other one has come for this time. It may have all places.
ALONE_SECONDS = 60
#: A caller whose requests cost more than this on average is costly: its line has an end.
COSTLY_SECONDS = 0.010
#: A costly caller may have LINE_SHARE times as many requests waiting as are left of MOST_WAITING: 36 where no others
#: wait, and 21 each where two have a line. However many have one, some threads of the process are left for others.
MOST_WAITING = 48
LINE_SHARE = 3
#: Whoever waits is this much later for each place that its caller holds.
SECONDS_A_PLACE = 0.1
#: The part of the newest request in a caller's average, and the most CPU time that one counts with, so that a single
#: one says little.
NEWEST = 1 / 16
MOST_SECONDS = 0.05
#: The first requests of a process, which read modules, are in no average.
FIRST_REQUESTS = 32
#: An idle caller is remembered while its requests cost more than REMEMBERED_SECONDS, for MEMORY_SECONDS after the last.
REMEMBERED_SECONDS = 0.002
MEMORY_SECONDS = 60
MOST_REMEMBERED = 1_024


class NoPlace(Exception):
    """No place has become free within PLACE_SECONDS."""


class TooManyOfCaller(Exception):
    """A costly caller has its share of the requests that wait, or one has waited in its line for PLACE_SECONDS."""


class Caller:
    """When one caller's requests in places have begun, how many wait, and the CPU seconds of one on average."""

    __slots__ = ("average", "begun", "name", "seen", "waiting")

    def __init__(self, name: Hashable, seen: float) -> None:
        self.name = name
        self.begun: list[float] = []
        self.waiting = 0
        self.average = 0.0
        self.seen = seen


class _Turn:
    """A request that waits. The lock is held until its place is handed over, and `begun` tells when that was."""

    __slots__ = ("begun", "caller", "came", "lock")

    def __init__(self, caller: Caller, came: float) -> None:
        self.caller = caller
        self.came = self.begun = came
        self.lock = threading.Lock()
        self.lock.acquire()


class Places:
    """The places in Django, each with its connection to the database.

    A connection that has failed, or is left in a transaction, is closed before its place is free, however the request
    has ended.
    """

    def __init__(
        self,
        count: int = PLACES,
        *,
        computing: float = COMPUTING_SECONDS,
        now: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        self._computing = computing
        self._now = now
        self._cpu = cpu
        self._lock = threading.Lock()
        self._free = count
        self._first = FIRST_REQUESTS
        #: The caller that has come last, and when another one than before has.
        self._latest: Hashable = None
        self._changed = -math.inf
        #: With a semaphore, those that come would pass those that wait.
        self._waiting: list[_Turn] = []
        #: Those with requests, and costly ones that are remembered. The last were seen last.
        self._callers: OrderedDict[Hashable, Caller] = OrderedDict()
        self._connections: list[Any] = []

    @contextlib.contextmanager
    def one(self, environ: dict[str, Any]) -> Iterator[None]:
        """Wait for a place for a request, and hold it until the block ends. Raises NoPlace, TooManyOfCaller."""
        key = caller_of(environ)
        caller, begun = self._take(key)
        started = self._cpu()
        try:
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
                connection.close_if_unusable_or_obsolete()
                self._connections.append(connection)
        finally:
            self._hand_over(key, caller, begun, self._cpu() - started, environ.get(PARTY))

    def _take(self, key: Hashable) -> tuple[Caller, float]:
        """Return the caller, and when its request has got its place."""
        now = self._now()
        with self._lock:
            caller = self._find(key, now)
            if caller.name != self._latest:
                # The first caller of a process is alone.
                self._changed = now if self._latest is not None else -math.inf
                self._latest = caller.name
            if self._free and self._has_room(caller, now):
                self._free -= 1
                caller.begun.append(now)
                return caller, now
            room = LINE_SHARE * (MOST_WAITING - len(self._waiting))
            if caller.average > COSTLY_SECONDS and caller.waiting >= room and not self._has_room(caller, now):
                raise TooManyOfCaller
            turn = _Turn(caller, now)
            self._waiting.append(turn)
            caller.waiting += 1
        deadline = time.monotonic() + PLACE_SECONDS
        while not turn.lock.acquire(timeout=max(0.0, min(LONG_SECONDS, deadline - time.monotonic()))):
            with self._lock:
                # Nobody else notices that a request of the same caller has become a long one.
                self._call_next()
                # Without its turn among those that wait, the place is handed over.
                if time.monotonic() >= deadline and turn in self._waiting:
                    self._waiting.remove(turn)
                    caller.waiting -= 1
                    raise NoPlace if self._has_room(caller, self._now()) else TooManyOfCaller
        return caller, turn.begun

    def _hand_over(self, key: Hashable, caller: Caller, begun: float, seconds: float, party: Hashable) -> None:
        with self._lock:
            self._free += 1
            caller.begun.remove(begun)
            caller.seen = self._now()
            if self._first:
                self._first -= 1
            else:
                caller.average += (min(seconds, MOST_SECONDS) - caller.average) * NEWEST
            if caller.average > REMEMBERED_SECONDS and party is not None:
                # Whoever makes itself more credentials has one line with all of them.
                if self._latest == caller.name:
                    # It is no other caller by its new name.
                    self._latest = party
                caller.name = party
                self._remember(key, self._remember(party, self._callers.get(party, caller)))
            if max(caller.average, seconds) <= REMEMBERED_SECONDS and not caller.begun and not caller.waiting:
                self._forget(key, caller)
                self._forget(party, caller)
            self._call_next()

    def _call_next(self) -> None:
        """Hand the free places to requests that wait, as far as their callers have room."""
        while self._free and self._waiting:
            now = self._now()
            turn = self._next(now)
            if turn is None:
                return
            self._waiting.remove(turn)
            self._free -= 1
            turn.caller.waiting -= 1
            turn.caller.begun.append(now)
            turn.begun = now
            turn.lock.release()

    def _next(self, now: float) -> _Turn | None:
        """Return the request that is next, of those whose callers have room."""
        found, earliest, caller = None, math.inf, None
        for turn in self._waiting:
            # Of a caller's requests the first one counts, and mostly all are of one caller.
            if turn.caller is caller:
                continue
            caller = turn.caller
            if (came := turn.came + SECONDS_A_PLACE * len(caller.begun)) < earliest and self._has_room(caller, now):
                found, earliest = turn, came
        return found

    def _has_room(self, caller: Caller, now: float) -> bool:
        """Tell whether one more request of a caller may hold a place."""
        held = len(caller.begun)
        if not held or (held + 1) * caller.average <= self._computing or now - self._changed > ALONE_SECONDS:
            return True
        short = sum(now - each < LONG_SECONDS for each in caller.begun)
        return not short or (short + 1) * caller.average <= self._computing

    def _find(self, key: Hashable, now: float) -> Caller:
        caller = self._callers.get(key)
        if caller is None or (now - caller.seen > MEMORY_SECONDS and not caller.begun and not caller.waiting):
            caller = Caller(key, now)
        return self._remember(key, caller)

    def _remember(self, key: Hashable, caller: Caller) -> Caller:
        self._callers[key] = caller
        self._callers.move_to_end(key)
        if len(self._callers) > MOST_REMEMBERED:
            self._callers.popitem(last=False)
        return caller

    def _forget(self, key: Hashable, caller: Caller) -> None:
        if self._callers.get(key) is caller:
            del self._callers[key]
