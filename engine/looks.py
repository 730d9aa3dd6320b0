"""Decide whether a worker looks at the whole queue or at a part of it, and count its looks.

A worker that finds others claiming looks again a few milliseconds later, which costs nobody anything while little is
due, or two workers take turns. One that finds much, and waits for longer than two of its own looks take, looks at one
part at a time (parts.py), beside others that do. It goes from part to part, so that all are looked at, whatever the
others do.
"""

import time
from collections.abc import Iterable

from engine import metrics
from engine.parts import PARTS, View, part_of
from engine.queue import Claimed

#: Deliveries that are much, and so are all that a worker has places for. A look that finds fewer is so short that
#: others may as well wait for it.
MUCH = 16
#: A wait is long from this many looks of its own on, or from this many refusals on. Two workers do not wait as long,
#: and an event is found sooner in the whole queue than in its parts one after the other.
LONG_WAIT = 2
OFTEN = 50
#: The seconds for which a worker looks at parts after a long wait. Then it finds out whether there are others still.
SHARE_SECONDS = 5.0
ALL_PARTS = frozenset(range(PARTS))


class Looks:
    """The looks of one worker."""

    def __init__(self) -> None:
        self._view = View()
        #: The part with which the next look begins that is not at the whole queue.
        self._next = 0
        #: Whether the last look found much, and how often in a row others have been claiming since.
        self._found_much = False
        self._refused = 0
        #: Until when this worker looks at parts.
        self._shares_until = 0.0
        #: When the last look began, and the seconds that the last one took that was not refused.
        self._began_at = self._took = 0.0
        #: The parts that were looked at since all of them were.
        self._seen: set[int] = set()
        #: The parts in which the last look found all that it could take, since this worker was woken.
        self._empty: set[int] = set()
        #: Since when it has found others claiming; None once it has looked.
        self._waits_since: float | None = None

    @property
    def is_by_turns(self) -> bool:
        """Tell whether the next look reads the queue in turns of projects."""
        return self._view.places[self._view.first].turn is not None

    def begin(self, *, is_woken: bool) -> View:
        """Return the view of the next look. A worker that was woken may find something in each part."""
        if is_woken:
            self._empty.clear()
        self._began_at = time.monotonic()
        self._view.wants_all = self._began_at >= self._shares_until
        # Those that were not looked at for longest come first.
        turns = ((self._next + number) % PARTS for number in range(PARTS))
        self._view.parts = sorted(turns, key=lambda part: part in self._seen)
        return self._view

    def note(self, claimed: Claimed, *, slots: int, has_more: bool) -> None:
        """Note the result of a look that could take `slots` deliveries, and whether the same part may have more."""
        now = time.monotonic()
        self._count(claimed, now)
        if claimed.is_busy:
            self._refused += 1
            is_long = self._found_much and now - (self._waits_since or now) >= LONG_WAIT * self._took
            if is_long or self._refused >= OFTEN:
                self._shares_until = now + SHARE_SECONDS
            return
        self._refused, self._took = 0, now - self._began_at
        place = self._view.places[claimed.part]
        place.parked_after, place.turn, place.is_wide = claimed.parked_after, claimed.turn, claimed.has_moved
        self._found_much = claimed.is_full or claimed.found >= min(MUCH, slots)
        looked_at = ALL_PARTS if claimed.part is None or claimed.is_empty else {claimed.part}
        if claimed.part is not None:
            self._next = (claimed.part + 1) % PARTS
        self._seen |= looked_at
        self._empty = self._empty - looked_at if has_more else self._empty | looked_at

    def has_seen_all(self) -> bool:
        """Tell whether all parts were looked at since this was last the case."""
        if not self._seen >= ALL_PARTS:
            return False
        self._seen.clear()
        return True

    def is_done(self) -> bool:
        """Tell whether no part has more to take, so that the worker may wait until it is woken."""
        if not self._empty >= ALL_PARTS:
            return False
        self._empty.clear()
        return True

    def has_backlog(self, part: int | None) -> bool:
        """Tell whether looks, the last one at `part`, have not gone through all endpoints with parked deliveries."""
        parts = (None,) if part is None else range(PARTS)
        return any(self._view.places[each].parked_after for each in parts)

    @staticmethod
    def left(freed: Iterable[str], claimed: Claimed) -> set[str]:
        """Return the endpoints among `freed` that a look has left out."""
        if claimed.is_busy:
            return set(freed)
        return set() if claimed.part is None else {uid for uid in freed if part_of(uid) != claimed.part}

    def _count(self, claimed: Claimed, now: float) -> None:
        result = metrics.WHOLE if claimed.part is None else metrics.PART
        metrics.LOOKS.labels(metrics.BUSY if claimed.is_busy else result).inc()
        if claimed.is_busy:
            self._waits_since = self._waits_since or now
        elif self._waits_since is not None:
            metrics.WAITED.inc(now - self._waits_since)
            self._waits_since = None
