"""Limit the API requests of each key to API_RATE_LIMIT a second, counted a minute at a time.

Contract: docs/contract/conventions.md#rate-limit. The original has one count for all callers. The counts are in the
database, so that every process sees them. The limit is off by default, and then costs nothing.
"""

from django.conf import settings
from django.db import connection

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
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [key_id, WINDOW_SECONDS, WINDOW_SECONDS, WINDOW_SECONDS])
        requests, reset_seconds = cursor.fetchone()
    if requests > limit:
        raise RateLimited(limit=limit, reset_seconds=max(1, reset_seconds))
