"""Begin the requests of claims in pieces, so that deliveries which become due meanwhile do not wait for all of them."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from engine.queue import Claim

#: Requests that begin together. The others wait until the event loop has done what else is ready. Requests that have
#: begun and have no answer delay the next look, and an event that it finds.
BEGUN_AT_ONCE = 4
#: The least seconds between two looks for which claims wait. Each look costs as much as five deliveries.
INTERRUPTED_SECONDS = 0.02
#: The same for a worker that polls, whom nobody tells that something is due.
POLLED_SECONDS = 0.05
#: The most seconds that claims wait for a look. Their leases run, and a database that hangs must not hold them up.
LATE_SECONDS = 0.25


class Beginning:
    """Claims whose requests have not begun, in the order in which they will."""

    def __init__(self, *, is_polling: bool = False) -> None:
        #: Whether the database tells nothing, so that each look may find something.
        self.is_polling = is_polling
        self._claims: deque[Claim] = deque()
        #: Whether the database has notified this worker since the last look: something is due.
        self.is_notified = False
        #: When the last look began, and when the last one for which claims have waited.
        self._looked_at = self._interrupted_at = 0.0
        #: The timer that ends their waiting.
        self._late: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        """Return whether any claims wait."""
        return bool(self._claims)

    def add(self, claims: Sequence[Claim]) -> None:
        """Add claims. Those of projects without waiting claims begin before all others."""
        waiting = {claim.target.project_id for claim in self._claims}
        first = [claim for claim in claims if waiting and claim.target.project_id not in waiting]
        self._claims.extend(claim for claim in claims if not waiting or claim.target.project_id in waiting)
        self._claims.extendleft(reversed(first))

    def note_look(self, start: Callable[[Claim], None]) -> None:
        """Note that a look into the queue begins. The claims that wait are started if it takes over LATE_SECONDS."""
        self.is_notified = False
        self._looked_at = time.monotonic()
        if self._claims:
            self._interrupted_at = self._looked_at
            self._late = asyncio.get_running_loop().call_later(LATE_SECONDS, self._start_all, start)

    async def begin(self, start: Callable[[Claim], None]) -> None:
        """Start the requests of some claims; of all, unless deliveries may be due that must be looked for first.

        While it polls, something may be due POLLED_SECONDS after the last look.
        """
        if self._late is not None:
            self._late.cancel()
        while self._claims:
            for _ in range(min(BEGUN_AT_ONCE, len(self._claims))):
                start(self._claims.popleft())
            if self._claims:
                await asyncio.sleep(0)
                now = time.monotonic()
                if self.is_notified and now - self._interrupted_at >= INTERRUPTED_SECONDS:
                    return
                if self.is_polling and now - self._looked_at >= POLLED_SECONDS:
                    return

    def _start_all(self, start: Callable[[Claim], None]) -> None:
        while self._claims:
            start(self._claims.popleft())
