"""Limit how often a customer has URLs checked, so that nobody scans other networks through a portal session.

The counts are in the database, so that every process sees them, as those of the API are (projects/request_limit.py).
"""

from django.db import connection

from portal_links.access import Access
from portal_links.exceptions import TooManyChecks

WINDOW_SECONDS = 60
MOST_CHECKS = 10

# A statement of its own, as two customers would otherwise wait for each other's rows.
_FORGET = """
DELETE FROM portal_links_checkwindow WHERE opened_by IN (
  SELECT opened_by FROM portal_links_checkwindow WHERE started_at <= now() - make_interval(secs => %(window)s)
  FOR UPDATE SKIP LOCKED
)
"""
_COUNT = """
INSERT INTO portal_links_checkwindow AS w (opened_by, started_at, checks) VALUES (%(opened_by)s, now(), 1)
ON CONFLICT (opened_by) DO UPDATE SET
  checks = CASE WHEN w.started_at <= now() - make_interval(secs => %(window)s) THEN 1 ELSE w.checks + 1 END,
  started_at = CASE WHEN w.started_at <= now() - make_interval(secs => %(window)s) THEN now() ELSE w.started_at END
RETURNING checks, ceil(extract(epoch FROM started_at + make_interval(secs => %(window)s) - now()))::int
"""


def count_check(access: Access) -> None:
    """Count one check of a session, or of a link that is opened without one. Raises TooManyChecks over the limit."""
    opened_by = access.session or access.link
    if opened_by is None:
        return
    values = {"opened_by": opened_by.pk, "window": WINDOW_SECONDS}
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, values)
        cursor.execute(_COUNT, values)
        checks, seconds = cursor.fetchone()
    if checks > MOST_CHECKS:
        raise TooManyChecks(seconds=max(1, seconds))
