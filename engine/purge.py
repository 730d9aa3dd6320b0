"""Delete the rows of deleted projects, a piece at a time. Contract: docs/contract/projects.md#delete.

A project is out of reach from the moment on that it is marked as deleted; its rows follow WAIT later, when no worker
sends anything of it any more. The project's own row stays. Its API keys are deleted last, so that a project has some as
long as it has other rows.
"""

import logging
import time
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from projects.models import Project

logger = logging.getLogger("convoyclone.deliver")

#: The time that workers have to end what they are sending.
WAIT = timedelta(hours=1)
#: The most rows of a piece, and the most endpoints, each of which has many figures.
PIECE = 1000
ENDPOINTS = 20
#: The pause when there is nothing to delete.
IDLE_SECONDS = 600.0

_OF_PROJECT = (
    "DELETE FROM {table} WHERE uid IN (SELECT uid FROM {table} WHERE project_id = %(project)s LIMIT %(piece)s)"
)
_DELIVERIES = """
WITH old AS (
  SELECT uid FROM events_eventdelivery WHERE project_id = %(project)s ORDER BY uid DESC LIMIT %(piece)s
), attempts AS (
  DELETE FROM events_deliveryattempt a USING old WHERE a.delivery_id = old.uid
), discarded AS (
  DELETE FROM switches_discardeddelivery k USING old WHERE k.delivery_id = old.uid
)
DELETE FROM events_eventdelivery d USING old WHERE d.uid = old.uid
"""
_SUBSCRIPTIONS = """
WITH old AS (
  SELECT uid FROM subscriptions_subscription WHERE project_id = %(project)s LIMIT %(piece)s
), filters AS (
  DELETE FROM subscriptions_filter f USING old WHERE f.subscription_id = old.uid
)
DELETE FROM subscriptions_subscription s USING old WHERE s.uid = old.uid
"""
_ENDPOINTS = """
WITH old AS (
  SELECT uid FROM endpoints_endpoint WHERE project_id = %(project)s LIMIT %(endpoints)s
), hours AS (
  DELETE FROM endpoints_endpointhour h USING old WHERE h.endpoint_id = old.uid
), states AS (
  DELETE FROM endpoints_endpointstate s USING old WHERE s.endpoint_id = old.uid
), alerts AS (
  DELETE FROM endpoints_alertsettings a USING old WHERE a.endpoint_id = old.uid
), notifications AS (
  DELETE FROM endpoints_notification n USING old WHERE n.endpoint_id = old.uid
)
DELETE FROM endpoints_endpoint e USING old WHERE e.uid = old.uid
"""
_KEYS = """
WITH old AS (
  SELECT uid FROM projects_apikey WHERE project_id = %(project)s LIMIT %(piece)s
), windows AS (
  DELETE FROM projects_apiratewindow w USING old WHERE w.key_id = old.uid
)
DELETE FROM projects_apikey k USING old WHERE k.uid = old.uid
"""
#: In an order in which no row points to one that is gone.
_STATEMENTS = (
    _DELIVERIES,
    *(
        _OF_PROJECT.format(table=table)
        for table in (
            *(
                "switches_pause",
                "switches_discard",
                "events_event",
                "events_batchretry",
                "jobs_job",
                "meta_events_metaevent",
                "onboarding_onboardbatch",
            ),
            *("portal_links_deliverylink", "portal_links_portalsession", "portal_links_portallink"),
        )
    ),
    _SUBSCRIPTIONS,
    _ENDPOINTS,
    *(
        _OF_PROJECT.format(table=table)
        for table in ("applications_application", "projects_eventtype", "activity_activity")
    ),
    _KEYS,
)


def purge_deleted() -> float:
    """Delete a piece of a project that was deleted WAIT ago. Return the pause in seconds: as long as the piece took.

    A project that another worker is at is skipped.
    """
    started = time.monotonic()
    with transaction.atomic():
        deleted = Project.objects.filter(deleted_at__lt=timezone.now() - WAIT, api_keys__isnull=False)
        rows = deleted.order_by("pk").only("pk").select_for_update(skip_locked=True, of=("self",), no_key=True)
        project = rows.first()
        if project is None:
            return IDLE_SECONDS
        _delete_piece(project.pk)
    return time.monotonic() - started


def _delete_piece(project_id: str) -> None:
    given: dict[str, str | int] = {"project": project_id, "piece": PIECE, "endpoints": ENDPOINTS}
    with connection.cursor() as cursor:
        for statement in _STATEMENTS:
            cursor.execute(statement, given)
            if cursor.rowcount and statement is not _KEYS:
                return
    logger.info("project %s is empty", project_id)
