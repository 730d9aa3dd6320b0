"""Count a worker's looks into the queue, and the time for which other workers keep it from looking."""

import time

from engine import metrics


class Looks:
    """The looks of one worker."""

    def __init__(self) -> None:
        #: Since when it has found others claiming; None once it has looked.
        self._waits_since: float | None = None

    def note(self, *, is_busy: bool) -> None:
        """Count a look, which read nothing where others were claiming: `is_busy`."""
        metrics.LOOKS.labels(metrics.BUSY if is_busy else metrics.READ).inc()
        now = time.monotonic()
        if is_busy:
            self._waits_since = self._waits_since or now
        elif self._waits_since is not None:
            metrics.WAITED.inc(now - self._waits_since)
            self._waits_since = None
