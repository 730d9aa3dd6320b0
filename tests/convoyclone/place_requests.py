"""Requests that come, hold a place and end when a test says so."""

import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from unittest.mock import Mock

from convoyclone.places import Caller, Places
from core.callers import PARTY, credential_of, kind_of
from tests.waiting import PATIENCE_SECONDS, eventually


class Connections(threading.local):
    """Each thread's connections, as Django has them; those of the test itself are left alone."""

    def __init__(self) -> None:
        self._of_thread: dict[str, Any] = {}

    def create_connection(self, alias: str) -> Mock:
        return Mock()

    def __setitem__(self, alias: str, connection: Any) -> None:
        self._of_thread[alias] = connection

    def __delitem__(self, alias: str) -> None:
        del self._of_thread[alias]


class Requests:
    """Requests that keep their place until they are ended, with a clock and a CPU time that tests choose."""

    def __init__(self, pool: ThreadPoolExecutor, count: int) -> None:
        self.now = 0.0
        self._cpu = threading.local()
        self.places = Places(count, now=lambda: self.now, cpu=lambda: getattr(self._cpu, "used", 0.0))
        self.places._first = 0
        self._count = count
        self._pool = pool
        self._holding: list[tuple[str, threading.Event]] = []
        self._all: list[Future[None]] = []

    @property
    def held(self) -> Counter[str]:
        """How many places each caller holds."""
        return Counter(name for name, _ in self._holding)

    @property
    def order(self) -> list[str]:
        """The callers that hold places, in the order in which they got them."""
        return [name for name, _ in self._holding]

    def introduce(self, name: str, party: Any = None) -> None:
        """Let a caller be one whose requests of no path cost nothing so far."""
        credential = credential_of(asking(name))
        party = party or ("project", name)
        if credential not in self.places._callers:
            caller = self.places._callers.get(party)
            if caller is None:
                caller = self.places._remember(party, Caller(party, self.now))
                caller.averages[kind_of({})] = 0
            self.places._remember(credential, caller)

    def come(self, name: str, number: int = 1, path: str = "", *, is_known: bool = True) -> None:
        """Begin requests, and wait until each of them holds a place or waits for one."""
        if is_known:
            self.introduce(name)
        for _ in range(number):
            known = len(self._holding) + len(self.places._waiting)
            self._all.append(self._pool.submit(self._hold, name, path))
            eventually(lambda known=known: self._known > known, "the request has come")  # type: ignore[misc]

    def end(self, name: str) -> None:
        """End the oldest request of a caller that holds a place, and wait until those that are next have places."""
        one = next(each for each in self._holding if each[0] == name)
        known = self._known
        self._holding.remove(one)
        one[1].set()
        eventually(lambda: self._known == known - 1 and self._is_settled, "the next have their places")

    def end_all(self) -> None:
        """End all requests, and raise what any has raised."""
        while self._holding:
            self.end(self._holding[0][0])
        for each in self._all:
            each.result(PATIENCE_SECONDS)

    def meet_others(self) -> None:
        """Let others come and go, beside whom a costly caller has its share only."""
        self.spend("y", 0)
        self.spend("z", 0)

    def spend(
        self, name: str, seconds: float, number: int = 1, party: Any = None, path: str = "", *, is_known: bool = True
    ) -> None:
        """Let requests of a caller come and go, each of which takes seconds of CPU."""
        if is_known:
            self.introduce(name, party)
        for _ in range(number):
            with self.places.one(environ := asking(name, path)):
                self._cpu.used = getattr(self._cpu, "used", 0.0) + seconds
                if party:
                    environ[PARTY] = party

    @property
    def _known(self) -> int:
        return len(self._holding) + len(self.places._waiting)

    @property
    def _is_settled(self) -> bool:
        """Whether each place that is taken is held by a request that knows it."""
        return self.places._free + len(self._holding) == self._count

    def _hold(self, name: str, path: str) -> None:
        with self.places.one(asking(name, path)):
            ended = threading.Event()
            self._holding.append((name, ended))
            assert ended.wait(PATIENCE_SECONDS)


def asking(name: str, path: str = "") -> dict[str, Any]:
    return {"HTTP_AUTHORIZATION": f"Bearer {name}", "PATH_INFO": path}
