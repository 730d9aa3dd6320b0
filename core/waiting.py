"""Give requests that wait for another server one place in each web process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from core.exceptions import DomainError

_place = threading.Lock()


class PlaceTaken(DomainError):
    """Another request waits already."""

    status = 429
    message = "another test is running, try again"
    headers = {"Retry-After": "2"}


@contextmanager
def the_place_to_wait() -> Iterator[None]:
    """Hold the place until the block ends. Raises PlaceTaken."""
    if not _place.acquire(blocking=False):
        raise PlaceTaken
    try:
        yield
    finally:
        _place.release()
