"""Fill every table that lists read with many rows, for `script/bench scale`. Import it after Django is set up."""

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.apps import apps
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from activity.models import Activity
from bench.portal_pages import DAYS, OWNER, ULID_TIME, Customer, make_customer
from core.actors import ActorKind
from core.ulid import new_ulid
from endpoints.models import Notification
from events.models import EventDelivery
from meta_events.models import MetaEvent
from outbound.states import Status
from portal_links.models import DeliveryLink, PortalLink, PortalSession
from portal_links.operations import create_portal_link
from subscriptions.models import Subscription

#: There is one endpoint, and one subscription, for this many deliveries.
DELIVERIES_EACH = 10
#: Made as the server makes them, and newer than the mass, whose secrets are copies that nothing can decrypt. They are
#: more than a page.
REAL_LINKS = 25
#: Endpoints that share the backlog of due deliveries.
BACKLOG_ENDPOINTS = 200


def fill(rows: int) -> Customer:
    """Make a customer among many, with this many rows in each table (a tenth of endpoints and subscriptions)."""
    with _without_triggers():
        empty()
        customer = make_customer(rows)
        project, now = customer.project, timezone.now()
        delivery = EventDelivery.objects.filter(endpoint__owner_id=OWNER).order_by("-pk")[0]
        endpoint = customer.endpoints().order_by("-pk")[0]
        for _ in range(REAL_LINKS):
            link = create_portal_link(project.uid, name="Customer's webhooks", owner_id=OWNER).link
        subscription = Subscription.objects.filter(endpoint=endpoint)[0]
        digest = "sha256(('mass' || n)::bytea)"
        owner = "'customer-' || n % 10000"
        multiply(PortalLink.objects.get(pk=link.uid), rows, owner_id=owner, token_digest=digest)
        session = PortalSession(project=project, owner_id=OWNER, surface=PortalSession.Surface.CONVOY)
        session.token_digest, session.expires_at = b"real", now
        session.save()
        multiply(session, rows, token_digest=digest)
        delivery_link = DeliveryLink(project=project, delivery_id=delivery.pk, token_digest=b"real", expires_at=now)
        delivery_link.save()
        # Each is of a delivery of its own.
        multiply(delivery_link, rows, token_digest=digest, delivery_id="s.uid")
        act = {"owner_id": OWNER, "endpoint_id": endpoint.pk, "object_uid": endpoint.pk, "object_name": endpoint.name}
        multiply(
            Activity.objects.create(project=project, actor_kind=ActorKind.API_KEY, verb="endpoint.paused", **act), rows
        )
        meta_event = MetaEvent(project=project, event_type="endpoint.updated", body="{}", status=Status.SUCCESS)
        meta_event.strategy, meta_event.interval_seconds, meta_event.retry_limit = "linear", 10, 3
        meta_event.due_at = None
        meta_event.save()
        multiply(meta_event, rows)
        told = Notification(endpoint=endpoint, channel=Notification.Channel.EMAIL, subject="An endpoint fails")
        told.text, told.sent_at, told.due_at = "It answers 404.", now, None
        told.save()
        multiply(told, rows)
        few = rows // DELIVERIES_EACH
        # By the same end, a subscription has the id of the endpoint of its number.
        multiply(endpoint, few, end=now, owner_id=owner)
        multiply(subscription, few, end=now, endpoint_id="s.uid")
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")
    return customer


def fill_backlog(customer: Customer, rows: int) -> None:
    """Make this many deliveries that are due, to BACKLOG_ENDPOINTS endpoints in turn."""
    others = customer.project.endpoints.filter(owner_id="others").order_by("pk")[:BACKLOG_ENDPOINTS]
    ids = ",".join(others.values_list("pk", flat=True))
    latest = EventDelivery.objects.order_by("-pk")[0]
    latest.pk = new_ulid()
    latest.status, latest.due_at, latest.num_trials = Status.SCHEDULED, timezone.now(), 0
    with _without_triggers():
        latest.save(force_insert=True)
        multiply(latest, rows, endpoint_id=f"('{{{ids}}}'::text[])[1 + n % {BACKLOG_ENDPOINTS}]", due_at="moment")
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE events_eventdelivery")


def multiply(row: Model, rows: int, *, end: datetime | None = None, **given: str) -> None:
    """Insert copies of a row of a table with ULIDs, spread over DAYS days until an hour before `end`, or now.

    `given` has SQL expressions for columns that differ, with the number `n`, the time `moment`, and the id `s.uid`.
    """
    expressions = {"uid": "s.uid", "created_at": "moment", "updated_at": "moment"} | given
    columns = [str(field.column) for field in row._meta.local_concrete_fields]
    chosen = ", ".join(expressions.get(name, f'r."{name}"') for name in columns)
    names, table = ", ".join(f'"{name}"' for name in columns), row._meta.db_table
    latest = (end or timezone.now()) - timedelta(hours=1)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {table} ({names}) SELECT {chosen} FROM {table} r, (
              SELECT n, moment, {ULID_TIME} || 'M' || lpad(n::text, 15, '0') AS uid FROM (
                SELECT n, moment, (extract(epoch FROM moment) * 1000)::bigint AS ms FROM (
                  SELECT n, '{latest.isoformat()}'::timestamptz - {DAYS} * interval '1 day' * (1 - n::float / {rows})
                    AS moment FROM generate_series(1, {rows}) AS n
                ) numbered
              ) timed
            ) s WHERE r.uid = '{row.pk}'
            """  # noqa: S608 - only this module's own text
        )


def empty() -> None:
    """Delete every row of the server's own tables."""
    tables = ", ".join(
        model._meta.db_table
        for model in apps.get_models()
        if not model.__module__.startswith("django.") and model._meta.managed
    )
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} CASCADE")


@contextlib.contextmanager
def _without_triggers() -> Iterator[None]:
    # The rows refer to rows that exist; foreign keys would look each of them up.
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            yield
        finally:
            cursor.execute("RESET session_replication_role")
