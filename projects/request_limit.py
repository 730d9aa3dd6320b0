"""The instance's limit on API requests: API_RATE_LIMIT a second, counted a minute at a time.

Contract: api-conventions section 9. The count is kept for each key (the original has one bucket
for all callers) and in the database, so that every process sees it. Off by default, and then it
costs nothing.
"""

from django.conf import settings
from django.db import connection

from core.exceptions import DomainError

WINDOW_SECONDS = 60

_COUNT = """
INSERT INTO projects_apiratewindow AS w (key_id, started_at, requests) VALUES (%s, now(), 1)
ON CONFLICT (key_id) DO UPDATE SET
  requests = CASE WHEN w.started_at <= now() - make_interval(secs => %s) THEN 1 ELSE w.requests + 1 END,
  started_at = CASE WHEN w.started_at <= now() - make_interval(secs => %s) THEN now() ELSE w.started_at END
RETURNING requests, ceil(extract(epoch FROM started_at + make_interval(secs => %s) - now()))::int
"""


class RateLimited(DomainError):
    """The key has made more requests in this window than the instance allows."""

    status = 429

    def __init__(self, *, limit: int, reset_seconds: int) -> None:
        super().__init__("exceeded rate limit")
        self.headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(reset_seconds),
            "Retry-After": str(reset_seconds),
        }


def count_request(key_id: str) -> None:
    """Count one request of a key. Raises RateLimited when it is one too many."""
    limit = settings.API_RATE_LIMIT * WINDOW_SECONDS
    if not limit:
        return
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [key_id, WINDOW_SECONDS, WINDOW_SECONDS, WINDOW_SECONDS])
        requests, reset_seconds = cursor.fetchone()
    if requests > limit:
        raise RateLimited(limit=limit, reset_seconds=max(1, reset_seconds))
