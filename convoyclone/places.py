"""Hand the places in Django out among callers, so that none takes the interpreter from the others.

Threads that compute share one interpreter: a second costly request of one caller beside the first gains that caller
nothing, and takes time from all others. So one costly request of a caller has a place at a time, and its cheap ones
are two or come to COMPUTING_SECONDS of CPU at most, unless nobody else is there. What a request will cost is told by
the caller's requests of its kind before (core/callers.py). And of the requests that wait, those of callers with fewer
places are earlier.
"""

import contextlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from core.callers import PARTY, Kind, credential_of, kind_of, stranger_of

#: Of a process, each with one connection to the database: more would only wait for the interpreter's lock.
PLACES = 7
#: Files and probes have places of their own, so that a probe tells the truth while all others are taken.
OWN_PLACES = 2
#: A request that has waited for a place for so long is refused.
PLACE_SECONDS = 5
#: A request that costs more CPU time than this is costly: it has one place beside the cheap ones of its caller, and the
#: caller's line of such requests has an end.
COSTLY_SECONDS = 0.0075
#: The CPU time that one caller's cheap requests in places cost together, or there are FEWEST_CHEAP of them: while one
#: waits for the database, another computes.
COMPUTING_SECONDS = 0.006
FEWEST_CHEAP = 2
#: The costly requests at once of the owners of one project, as many as it may make.
MOST_COSTLY = 3
#: What a request is taken to cost of which its caller has had none of the kind, or more where the first ones of its
#: other kinds were costly.
UNKNOWN_SECONDS = 0.005
#: A request that has held its place for this time, and has used less than BUSY of it, waits for something, and is not
#: counted with them. Else a search of seconds would hold up all of its caller's other requests.
LONG_SECONDS = 0.25
BUSY = 1 / 4
#: A caller is alone where no other one has come for this time. It may have all places.
ALONE_SECONDS = 60
#: A caller may have LINE_SHARE times as many costly requests waiting as are left of MOST_WAITING: 36 where no others
#: wait, and 21 each where two have a line. However many have one, some threads of the process are left for others.
MOST_WAITING = 48
LINE_SHARE = 3
#: Whoever waits is this much later for each place that its caller holds.
SECONDS_A_PLACE = 0.1
#: The part of the newest request in an average, and the most CPU time that one counts with, so that a single one says
#: little.
NEWEST = 1 / 16
MOST_SECONDS = 0.05
#: The first requests of a process, which read modules, are in no average.
FIRST_REQUESTS = 32
#: What the requests of a caller cost is forgotten so long after the last.
MEMORY_SECONDS = 60
MOST_REMEMBERED = 4_096
MOST_KINDS = 32


class NoPlace(Exception):
    """No place has become free within PLACE_SECONDS."""


class TooManyOfCaller(Exception):
    """A costly caller has its share of the requests that wait, or one has waited in its line for PLACE_SECONDS."""


class Caller:
    """How many requests of one caller wait, and the CPU seconds of those of each kind on average.

    `group` is a project where the caller is one of its owners: whoever has a project can make any number of them.
    """

    __slots__ = ("averages", "group", "name", "seen", "unknown", "waiting")

    def __init__(self, name: Hashable, seen: float) -> None:
        self.name = name
        is_owner = isinstance(name, tuple) and name[0] == "owner"
        self.group = str(name[1]).partition(" ")[0] if is_owner else name  # type: ignore[index]
        self.waiting = 0
        self.seen = seen
        self.forget()

    def forget(self) -> None:
        """Take all kinds of requests for unknown."""
        self.averages: dict[Kind, float] = {}
        self.unknown = UNKNOWN_SECONDS

    def average(self, kind: Kind) -> float:
        """Return what a request of a kind is taken to cost."""
        return self.averages.get(kind, self.unknown)

    def learn(self, kind: Kind, seconds: float) -> None:
        """Count a request of a kind that has ended."""
        before = self.averages.pop(kind, None)
        seconds = min(seconds, MOST_SECONDS)
        if before is None:
            before = self.unknown
            # Else a caller who makes up a kind for each costly request would never have had one of it.
            self.unknown = max(UNKNOWN_SECONDS, before + (seconds - before) * NEWEST)
        self.averages[kind] = before + (seconds - before) * NEWEST
        if len(self.averages) > MOST_KINDS:
            # The kind that has not come for longest.
            del self.averages[next(iter(self.averages))]


class _Held:
    """A request that holds a place, and the thread in which it is answered."""

    __slots__ = ("begun", "caller", "kind", "started", "thread")

    def __init__(self, caller: Caller, kind: Kind, begun: float) -> None:
        self.caller, self.kind, self.begun = caller, kind, begun
        self.thread, self.started = 0, 0.0

    @property
    def cost(self) -> float:
        return self.caller.average(self.kind)


class _Turn:
    """A request that waits. The lock is held until its place is handed over, and `held` tells of that."""

    __slots__ = ("caller", "came", "held", "kind", "lock")

    def __init__(self, caller: Caller, kind: Kind, came: float) -> None:
        self.caller, self.kind, self.came = caller, kind, came
        self.held: _Held | None = None
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
        costly: float = COSTLY_SECONDS,
        now: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        self._costly = costly
        self._now = now
        self._cpu = cpu
        self._lock = threading.Lock()
        self._free = count
        self._first = FIRST_REQUESTS
        #: The caller that has come last, and when another one than before has.
        self._latest: Hashable = None
        self._changed = -math.inf
        #: Those that hold a place.
        self._held: list[_Held] = []
        #: With a semaphore, those that come would pass those that wait.
        self._waiting: list[_Turn] = []
        #: By their names, and by the credentials that were found to be theirs. The last were seen last.
        self._callers: OrderedDict[Hashable, Caller] = OrderedDict()
        self._connections: list[Any] = []

    @contextlib.contextmanager
    def one(self, environ: dict[str, Any]) -> Iterator[None]:
        """Wait for a place for a request, and hold it until the block ends. Raises NoPlace, TooManyOfCaller."""
        credential = credential_of(environ)
        held = self._take(environ, credential)
        held.started = self._cpu()
        held.thread = threading.get_ident()
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
            self._hand_over(held, self._cpu() - held.started, credential, environ.get(PARTY))

    def _take(self, environ: dict[str, Any], credential: Hashable) -> _Held:
        now, kind = self._now(), kind_of(environ)
        with self._lock:
            caller = self._find(environ, credential, now)
            if caller.name != self._latest:
                # The first caller of a process is alone.
                self._changed = now if self._latest is not None else -math.inf
                self._latest = caller.name
            if self._free and self._has_room(caller, kind, now):
                return self._hold(caller, kind, now)
            room = LINE_SHARE * (MOST_WAITING - len(self._waiting))
            is_costly = caller.average(kind) > self._costly
            if is_costly and caller.waiting >= room and not self._has_room(caller, kind, now):
                raise TooManyOfCaller
            turn = _Turn(caller, kind, now)
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
                    raise NoPlace if self._has_room(caller, kind, self._now()) else TooManyOfCaller
        assert turn.held is not None  # noqa: S101 - it has been handed over
        return turn.held

    def _hold(self, caller: Caller, kind: Kind, now: float) -> _Held:
        self._free -= 1
        held = _Held(caller, kind, now)
        self._held.append(held)
        return held

    def _hand_over(self, held: _Held, seconds: float, credential: Hashable, party: Hashable) -> None:
        with self._lock:
            self._free += 1
            self._held.remove(held)
            caller = held.caller
            caller.seen = now = self._now()
            if party is not None and caller.name != party:
                # Whoever makes itself more credentials has one line with all of them.
                if self._latest == caller.name:
                    # It is no other caller by its new name.
                    self._latest = party
                found = self._remember(party, self._callers.get(party) or Caller(party, now))
                if credential is not None:
                    self._remember(credential, found)
                self._learn(found, held.kind, seconds)
            self._learn(caller, held.kind, seconds)
            self._first -= self._first > 0
            self._call_next()

    def _learn(self, caller: Caller, kind: Kind, seconds: float) -> None:
        if not self._first:
            caller.learn(kind, seconds)

    def _call_next(self) -> None:
        """Hand the free places to requests that wait, as far as their callers have room."""
        while self._free and self._waiting:
            now = self._now()
            turn = self._next(now)
            if turn is None:
                return
            self._waiting.remove(turn)
            turn.caller.waiting -= 1
            turn.held = self._hold(turn.caller, turn.kind, now)
            turn.lock.release()

    def _next(self, now: float) -> _Turn | None:
        """Return the request that is next, of those whose callers have room."""
        found, earliest, seen = None, math.inf, None
        for turn in self._waiting:
            # Of a caller's requests of a kind the first one counts, and mostly all are of one caller.
            if seen == (seen := (turn.caller, turn.kind)):
                continue
            came = turn.came + SECONDS_A_PLACE * sum(each.caller is turn.caller for each in self._held)
            if came < earliest and self._has_room(turn.caller, turn.kind, now):
                found, earliest = turn, came
        return found

    def _has_room(self, caller: Caller, kind: Kind, now: float) -> bool:
        """Tell whether one more request of a caller may hold a place."""
        if not self._held or now - self._changed > ALONE_SECONDS:
            return True
        counted = [each for each in self._held if not self._waits(each, now)]
        cost = caller.average(kind)
        if cost <= self._costly:
            own = [each.cost for each in counted if each.caller is caller and each.cost <= self._costly]
            return len(own) < FEWEST_CHEAP or cost + sum(own) <= COMPUTING_SECONDS
        costly = [each.caller for each in counted if each.cost > self._costly]
        return caller not in costly and sum(each.group == caller.group for each in costly) < MOST_COSTLY

    def _waits(self, held: _Held, now: float) -> bool:
        """Tell whether a request that holds a place waits for something, and computes little."""
        seconds = now - held.begun
        if seconds < LONG_SECONDS or not held.thread:
            return False
        # macOS does not tell the CPU time of another thread.
        clock_of = getattr(time, "pthread_getcpuclockid", None)
        return clock_of is None or time.clock_gettime(clock_of(held.thread)) - held.started < BUSY * seconds

    def _find(self, environ: dict[str, Any], credential: Hashable, now: float) -> Caller:
        caller = self._callers.get(credential)
        if caller is None:
            credential = stranger_of(environ)
            caller = self._callers.get(credential) or Caller(credential, now)
        if now - caller.seen > MEMORY_SECONDS and not caller.waiting:
            caller.forget()
        caller.seen = now
        return self._remember(credential, caller)

    def _remember(self, key: Hashable, caller: Caller) -> Caller:
        self._callers[key] = caller
        self._callers.move_to_end(key)
        if len(self._callers) > MOST_REMEMBERED:
            self._callers.popitem(last=False)
        return caller
