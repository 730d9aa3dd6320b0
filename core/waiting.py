"""Give requests that would hold up others one place in each web process: to wait for a server, or to compute."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from core.exceptions import DomainError

#: A request waits for so long for the place to compute.
SECONDS_TO_COMPUTE = 0.5

_waiting, _computing = threading.Lock(), threading.Lock()


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
