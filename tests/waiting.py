"""Waiting for what another thread or process does: for a condition, and never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

#: Far more than anything that a test waits for takes on a machine whose cores are busy; pytest's own limit is longer.
PATIENCE_SECONDS = 60

Found = TypeVar("Found")


def eventually(condition: Callable[[], Found], what: str, *, seconds: float = PATIENCE_SECONDS) -> Found:
    """The first true result of `condition`. Fails after `seconds`, saying `what` it has waited for."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} seconds in vain until {what}"
        time.sleep(0.02)
    return found
