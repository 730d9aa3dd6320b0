"""Limit the API requests of each key to API_RATE_LIMIT a second, counted a minute at a time.

Contract: docs/contract/conventions.md#rate-limit. The original has one count for all callers. The counts of keys are in
the database, so that every process sees them; those of portal sessions and links are kept in each process. The limit is
off by default, and then costs nothing.
"""

import math
import threading
import time

from django.conf import settings

from core.rows import read_rows
from projects.exceptions import RateLimited

WINDOW_SECONDS = 60

_COUNT = """
INSERT INTO projects_apiratewindow AS w (key_id, started_at, requests) VALUES (%s, now(), 1)
ON CONFLICT (key_id) DO UPDATE SET
  requests = CASE WHEN w.started_at <= now() - make_interval(secs => %s) THEN 1 ELSE w.requests + 1 END,
  started_at = CASE WHEN w.started_at <= now() - make_interval(secs => %s) THEN now() ELSE w.started_at END
RETURNING requests, ceil(extract(epoch FROM started_at + make_interval(secs => %s) - now()))::int
"""


def count_request(key_id: str) -> None:
    """Count one request of a key. Raises RateLimited when it exceeds the limit."""
    limit = settings.API_RATE_LIMIT * WINDOW_SECONDS
    if not limit:
        return
    [(requests, reset_seconds)] = read_rows(_COUNT, [key_id, WINDOW_SECONDS, WINDOW_SECONDS, WINDOW_SECONDS])
    if requests > limit:
        raise RateLimited(limit=limit, reset_seconds=max(1, reset_seconds))


class Windows:
    """The requests of portal sessions and links in this process, in windows of WINDOW_SECONDS."""

    #: More callers in one window begin it again for all.
    MOST = 100_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._ends = 0.0

    def count(self, caller: str) -> None:
        """Count one request of a caller. Raises RateLimited when it exceeds the limit."""
        limit = settings.API_RATE_LIMIT * WINDOW_SECONDS
        if not limit:
            return
        now = time.monotonic()
        with self._lock:
            if now >= self._ends or len(self._counts) >= self.MOST:
                self._counts, self._ends = {}, now + WINDOW_SECONDS
            requests = self._counts[caller] = self._counts.get(caller, 0) + 1
            left = self._ends - now
        if requests > limit:
            raise RateLimited(limit=limit, reset_seconds=max(1, math.ceil(left)))


windows = Windows()
