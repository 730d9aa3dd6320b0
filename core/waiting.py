"""Let only one request at a time in each web process wait for another server, and only one compute for long."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from core.exceptions import DomainError

#: The longest that a request waits for the place to compute.
SECONDS_TO_COMPUTE = 0.5

#: Work in Python sleeps for BREAK_SECONDS each time that it has taken WORK_SECONDS. It looks at the clock once in
#: STEPS_BETWEEN_LOOKS steps, which take some 0.1 ms together.
WORK_SECONDS = 0.001
BREAK_SECONDS = 0.001
STEPS_BETWEEN_LOOKS = 64
#: A call into C cannot take breaks. The break after it is as long as the call, and this at most.
LONGEST_BREAK_SECONDS = 0.01

_waiting, _computing, _calling = threading.Lock(), threading.Lock(), threading.Lock()


class PlaceTaken(DomainError):
    """Another request waits already."""

    status = 429
    message = "another test is running, try again"
    headers = {"Retry-After": "2"}


class StillComputing(DomainError):
    """Another request computes for longer than SECONDS_TO_COMPUTE."""

    status = 429
    message = "another large document is being read, try again"
    headers = {"Retry-After": "1"}


@contextmanager
def the_place_to_wait() -> Iterator[None]:
    """Hold the place until the block ends. Raises PlaceTaken."""
    if not _waiting.acquire(blocking=False):
        raise PlaceTaken
    try:
        yield
    finally:
        _waiting.release()


@contextmanager
def the_place_to_compute() -> Iterator[None]:
    """Hold the place until the block ends. Raises StillComputing.

    For what takes more than some 20 ms of Python: each thread that computes makes all others wait for the interpreter.
    """
    if not _computing.acquire(timeout=SECONDS_TO_COMPUTE):
        raise StillComputing
    try:
        yield
    finally:
        _computing.release()


@contextmanager
def in_turn() -> Iterator[None]:
    """Call into C for some milliseconds, in one thread at a time, and leave the interpreter to others for as long.

    Such a call keeps the interpreter until it returns: a neighbour's request waits for it at each of its statements,
    and for one of each thread that calls.
    """
    with _calling:
        begun = time.perf_counter()
        try:
            yield
        finally:
            taken = time.perf_counter() - begun
            if taken >= WORK_SECONDS:
                time.sleep(min(taken, LONGEST_BREAK_SECONDS))


class Breaks:
    """Breaks in a long computation, in which other threads have the interpreter, and other processes the processor.

    That a thread hands the interpreter over is not enough: it asks for it again at once, so that each statement of a
    request beside it waits for it again. With breaks, most of them find it free.
    """

    def __init__(self) -> None:
        self._left = STEPS_BETWEEN_LOOKS
        self._since = time.perf_counter()

    def step(self, steps: int = 1) -> None:
        """Sleep if the work has taken WORK_SECONDS since the last break. Call it for each small piece of it."""
        self._left -= steps
        if self._left > 0:
            return
        self._left = STEPS_BETWEEN_LOOKS
        if time.perf_counter() - self._since >= WORK_SECONDS:
            time.sleep(BREAK_SECONDS)
            self._since = time.perf_counter()
