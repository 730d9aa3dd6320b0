"""Send an event to one endpoint, whatever its subscriptions are. Contract: docs/contract/nahook.md#ingest.

One statement finds the endpoint and its first subscription, and writes the event with its delivery.
"""

from django.db import connection

from core.ulid import new_ulid
from core.wake import wake_workers
from endpoints.exceptions import EndpointNotFound
from endpoints.models import Endpoint
from events.exceptions import KeyMissing
from events.models import Event, EventDelivery
from events.storage import (
    EVENT_COLUMNS,
    INSERT_DELIVERIES,
    UNLESS_DUPLICATE,
    Content,
    Posted,
    event_content,
    named_content,
)
from projects.keys import IS_PROVEN, Proof
from subscriptions.models import Subscription


def _send(proven: str = "TRUE") -> str:
    """Return the statement that sends an event where a condition, as SQL, holds."""
    # A delivery names a subscription, or none where the endpoint has none; no foreign key forbids that.
    return f"""
WITH target AS (
  SELECT e.uid AS endpoint_id, e.status, p.uid AS project_id, p.config->'strategy' AS strategy,
    coalesce(s.uid, '') AS subscription_id,
    coalesce(s.delivery_mode, '{Subscription.DeliveryMode.AT_LEAST_ONCE}') AS delivery_mode
  FROM projects_project p
  JOIN endpoints_endpoint e ON e.project_id = p.uid AND e.deleted_at IS NULL
  LEFT JOIN LATERAL (
    SELECT uid, delivery_mode FROM subscriptions_subscription
    WHERE endpoint_id = e.uid AND deleted_at IS NULL ORDER BY uid LIMIT 1
  ) s ON TRUE
  WHERE p.uid = %(project_id)s AND p.deleted_at IS NULL AND e.uid = %(endpoint_id)s
    AND %(owner_id)s IN ('', e.owner_id) AND {proven}
), event AS (
  INSERT INTO events_event ({EVENT_COLUMNS})
  SELECT %(uid)s, project_id, '{Event.Channel.DIRECT}', %(event_type)s, ARRAY[endpoint_id], '', {event_content()}
  FROM target {UNLESS_DUPLICATE} RETURNING uid, project_id, event_type
), deliveries AS (
  {INSERT_DELIVERIES} FROM (
    SELECT %(delivery_id)s AS uid, endpoint_id, subscription_id, delivery_mode,
      status = '{Endpoint.Status.ACTIVE}' AS is_active, strategy->>'type' AS strategy,
      (strategy->>'duration')::int AS interval_seconds, (strategy->>'retry_count')::int AS retry_limit,
      %(now)s AS created_at
    FROM target
  ) d, event
)
SELECT EXISTS (SELECT FROM event), status = '{Endpoint.Status.ACTIVE}' FROM target
"""  # noqa: S608 - only this package's own text


_SEND, _SEND_PROVEN = _send(), _send(IS_PROVEN)


def send_to_endpoint(
    project_id: str, event: Content, *, endpoint_id: str, owner_id: str = "", proof: Proof | None = None
) -> Posted:
    """Store an event for one endpoint with one delivery; the endpoint need not have a subscription.

    `owner_id` is the only one whose endpoints the caller may reach. The event has an idempotency key, which counts
    for this endpoint: a repeated call stores nothing, and has the event and the delivery of the first one.
    Raises EndpointNotFound, also where `proof` does not hold, and InvalidInput.
    """
    if not event.idempotency_key:
        raise KeyMissing
    scope = f"endpoint:{endpoint_id}"
    given = named_content(project_id, event, key_scope=scope)
    delivery_id = new_ulid()
    given |= {"delivery_id": delivery_id, "endpoint_id": endpoint_id, "owner_id": owner_id}
    with connection.cursor() as cursor:
        cursor.execute(_SEND_PROVEN if proof else _SEND, given | proof._asdict() if proof else given)
        found = cursor.fetchone()
    if found is None:
        raise EndpointNotFound
    is_new, is_active = found
    if not is_new:
        return _first(project_id, event.idempotency_key, scope, endpoint_id)
    if is_active:
        wake_workers()
    return Posted(given["uid"], is_duplicate=False, created_at=given["now"], delivery_ids=(delivery_id,))


def _first(project_id: str, key: str, scope: str, endpoint_id: str) -> Posted:
    """Return the event that has the key already, and its delivery."""
    events = Event.objects.filter(project_id=project_id, idempotency_key=key, key_scope=scope, is_duplicate_event=False)
    rows = EventDelivery.objects.filter(event__in=events.values("pk"), endpoint_id=endpoint_id)
    event_id, created_at, delivery_id = rows.values_list("event_id", "event__created_at", "pk").order_by("pk")[0]
    return Posted(event_id, is_duplicate=True, created_at=created_at, delivery_ids=(delivery_id,))
