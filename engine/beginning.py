"""Begin the requests of claims in pieces, so that what becomes due meanwhile does not wait for all of them."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from engine.queue import Claim

#: Requests that begin together. The others wait until the event loop has done what else is ready. What has begun and is
#: not answered stands before the next look, and before an event that this look finds.
BEGUN_AT_ONCE = 4
#: Seconds between two looks for which claims wait. Each costs as much as five deliveries.
INTERRUPTED_SECONDS = 0.02


class Beginning:
    """Claims whose requests have not begun, in the order in which they will."""

    def __init__(self) -> None:
        self._claims: deque[Claim] = deque()
        #: Whether the database has told since the last look that something is due.
        self.is_notified = False
        #: When the last look began for which claims have waited.
        self._interrupted_at = 0.0

    def __bool__(self) -> bool:
        """Tell whether any wait."""
        return bool(self._claims)

    def add(self, claims: Sequence[Claim]) -> None:
        """Add claims. Those of projects of which none wait begin before all others."""
        waiting = {claim.target.project_id for claim in self._claims}
        first = [claim for claim in claims if waiting and claim.target.project_id not in waiting]
        self._claims.extend(claim for claim in claims if not waiting or claim.target.project_id in waiting)
        self._claims.extendleft(reversed(first))

    def note_look(self) -> None:
        """Note that a look into the queue begins."""
        self.is_notified = False
        if self._claims:
            self._interrupted_at = time.monotonic()

    async def begin(self, start: Callable[[Claim], None]) -> None:
        """Start the requests of some claims at least, and of all unless something is due for which to look first."""
        while self._claims:
            for _ in range(min(BEGUN_AT_ONCE, len(self._claims))):
                start(self._claims.popleft())
            if self._claims:
                await asyncio.sleep(0)
                if self.is_notified and time.monotonic() - self._interrupted_at >= INTERRUPTED_SECONDS:
                    return
