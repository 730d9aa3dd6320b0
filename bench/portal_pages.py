"""Make a customer with many deliveries, and name what their pages read, for `script/bench portal`.

Import it after Django is set up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.db import connection
from django.utils import timezone

from bench.queueing import EVENT_TYPE, make_project, make_subscriptions
from core.ulid import first_ulid_at
from deliveries.health import EndpointHealth, endpoint_health, endpoint_page, status_counts
from endpoints.models import Endpoint, EndpointQuerySet
from events.models import EventDelivery
from outbound.states import Status
from portal_links.operations import create_portal_link
from projects.models import Project
from subscriptions.models import Subscription

OWNER = "customer"
ENDPOINTS = 50
#: The endpoints of other customers, to which the other half of the deliveries go.
OTHERS = 200
DAYS = 7
#: An event type that one event in 50,000 has.
RARE_TYPE = "benchmark.rare"
#: The share of deliveries in each status, in percent; the others have succeeded.
PERCENT = {Status.FAILURE: 3, Status.DISCARDED: 2, Status.RETRY: 1}

# The id of a row at the time `ms`, without the number that follows: ten characters of milliseconds.
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ULID_TIME = " || ".join(f"substr('{_DIGITS}', (ms >> {5 * place} & 31)::int + 1, 1)" for place in range(9, -1, -1))
_ROWS = f"""
CREATE UNLOGGED TABLE bench_rows AS
SELECT n, moment, {ULID_TIME} || lpad(n::text, 16, '0') AS uid, e.endpoint_id, e.subscription_id, e.is_on,
  CASE WHEN NOT e.is_on THEN '{Status.DISCARDED}'
    WHEN n / %(block)s %% 100 < %(failed)s THEN '{Status.FAILURE}'
    WHEN n / %(block)s %% 100 < %(discarded)s THEN '{Status.DISCARDED}'
    WHEN n / %(block)s %% 100 < %(waiting)s THEN '{Status.RETRY}' ELSE '{Status.SUCCESS}' END AS status
FROM (
  SELECT n, moment, (extract(epoch FROM moment) * 1000)::bigint AS ms FROM (
    SELECT n, now() - %(days)s * interval '1 day' * (1 - n::float / %(rows)s) AS moment
    FROM generate_series(1, %(rows)s) AS n
  ) s
) t JOIN unnest(%(endpoints)s::text[], %(subscriptions)s::text[], %(is_on)s::bool[])
  WITH ORDINALITY AS e (endpoint_id, subscription_id, is_on, place)
  ON place = 1 + CASE WHEN n %% 2 = 0 THEN n / 2 %% %(own)s ELSE %(own)s + n / 2 %% %(others)s END
"""  # noqa: S608 - only this module's own text
_EVENTS = f"""
INSERT INTO events_event (uid, project_id, channel, event_type, endpoints, headers, data, status, owner_id,
  idempotency_key, is_duplicate_event, failure_reason, created_at, updated_at)
SELECT uid, %(project)s, 'direct', '{EVENT_TYPE}', ARRAY[endpoint_id], '{{}}', '{{"id":' || n || '}}', 'Success', '',
  '', false, '', moment, moment FROM bench_rows
"""  # noqa: S608 - only this module's own text
_DELIVERIES = f"""
INSERT INTO events_eventdelivery (uid, project_id, event_id, endpoint_id, subscription_id, event_type, delivery_mode,
  status, description, strategy, interval_seconds, retry_limit, num_trials, num_trials_before, next_send_time,
  latency_seconds, due_at, is_parked, created_at, updated_at)
SELECT uid, %(project)s, uid, endpoint_id, subscription_id, '{EVENT_TYPE}', 'at_least_once', status, '', 'linear', 100,
  10, 1, 0, moment, 0.1, CASE status WHEN '{Status.RETRY}' THEN now() + interval '1 day' END, false, moment, moment
FROM bench_rows
"""  # noqa: S608 - only this module's own text
_ATTEMPTS = f"""
INSERT INTO events_deliveryattempt (uid, delivery_id, project_id, endpoint_id, url, ip_address, request_http_header,
  response_http_header, http_status, response_data, error, status, requested_at, responded_at, created_at)
SELECT uid, uid, %(project)s, endpoint_id, 'https://hooks.example.com/in', '203.0.113.7',
  '{{"Content-Type": "application/json"}}', '{{"Content-Length": "2"}}',
  CASE status WHEN '{Status.SUCCESS}' THEN '200 OK' ELSE '404 Not Found' END, 'ok', '', status = '{Status.SUCCESS}',
  moment, moment, moment
FROM bench_rows WHERE status <> '{Status.DISCARDED}'
"""  # noqa: S608 - only this module's own text
_RARE = [
    f"UPDATE {table} SET event_type = '{RARE_TYPE}' WHERE uid IN (SELECT uid FROM bench_rows WHERE n %% 50000 = 0)"  # noqa: S608 - only this module's own text
    for table in ("events_event", "events_eventdelivery")
]
_HOURS = f"""
INSERT INTO endpoints_endpointhour (endpoint_id, hour, answer, delivered, failed)
SELECT endpoint_id, date_trunc('hour', moment, 'UTC'), CASE status WHEN '{Status.SUCCESS}' THEN '200' ELSE '404' END,
  count(*) FILTER (WHERE status = '{Status.SUCCESS}'), count(*) FILTER (WHERE status = '{Status.FAILURE}')
FROM bench_rows WHERE status IN ('{Status.SUCCESS}', '{Status.FAILURE}') GROUP BY 1, 2, 3
"""  # noqa: S608 - only this module's own text
_STATES = """
INSERT INTO endpoints_endpointstate (endpoint_id, events, failure_rate, consecutive_trips, last_failure,
  last_failure_text, last_failure_at, last_delivered_at)
SELECT endpoint_id, count(*), 0, 0, '404', '404 Not Found', max(moment), max(moment) FROM bench_rows GROUP BY 1
"""


@dataclass(frozen=True)
class Customer:
    """A customer, the project's API key, and the headers with which the script of the portal asks for pages."""

    project: Project
    key: str
    headers: Mapping[str, str]

    def endpoints(self) -> EndpointQuerySet:
        """Return the customer's endpoints."""
        return Endpoint.objects.for_project(self.project.uid).filter(owner_id=OWNER)


def make_customer(deliveries: int) -> Customer:
    """Make a customer with ENDPOINTS endpoints, among others, and this many deliveries of the last DAYS days.

    Half of them are the customer's. Every tenth endpoint has been paused for all that time.
    """
    project, key = make_project("Benchmark")
    subscriptions: list[Subscription] = []
    for owner_id, number in ((OWNER, ENDPOINTS), ("others", OTHERS)):
        urls = [f"https://hooks.example.com/{owner_id}/{each}" for each in range(number)]
        subscriptions += make_subscriptions(project, urls, owner_id=owner_id)
    is_on = [number % 10 != 0 for number in range(len(subscriptions))]
    paused = [each.endpoint_id for each, on in zip(subscriptions, is_on, strict=True) if not on]
    since = timezone.now() - timedelta(days=DAYS, hours=1)
    Endpoint.objects.filter(pk__in=paused).update(status=Endpoint.Status.PAUSED, status_since=since)
    failed, discarded, waiting = PERCENT.values()
    with connection.cursor() as cursor:
        cursor.execute(
            _ROWS,
            {
                "rows": deliveries,
                # Deliveries in a row that end alike: few enough that each status occurs.
                "block": min(500, deliveries // 200),
                "days": DAYS,
                "failed": failed,
                "discarded": failed + discarded,
                "waiting": failed + discarded + waiting,
                "endpoints": [each.endpoint_id for each in subscriptions],
                "subscriptions": [each.uid for each in subscriptions],
                "is_on": is_on,
                "own": ENDPOINTS,
                "others": OTHERS,
            },
        )
        for statement in (_EVENTS, _DELIVERIES, *_RARE, _ATTEMPTS, _HOURS, _STATES):
            cursor.execute(statement, {"project": project.uid})
        cursor.execute("DROP TABLE bench_rows")
        # As autovacuum does in its first minutes.
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    link = create_portal_link(project.uid, name="Customer", owner_id=OWNER, can_manage_endpoint=True).link
    return Customer(project, key, {"Authorization": f"Bearer {link.token}", "HX-Request": "true"})


def statements(customer: Customer) -> dict[str, Callable[[], object]]:
    """Return what the pages read, by name; the floor comes first."""
    ids = list(customer.endpoints().values_list("pk", flat=True))
    known = first_ulid_at(timezone.now() - timedelta(minutes=1))
    rows = EventDelivery.objects.filter(project_id=customer.project.uid, endpoint__in=ids)
    failed = rows.filter(status=Status.FAILURE)
    of_one = EventDelivery.objects.filter(endpoint=ids[0], status=Status.FAILURE)
    return {
        "SELECT 1": _select_1,
        f"page of {ENDPOINTS} endpoints": lambda: endpoint_page(customer.endpoints()),
        f"page of the failing of {ENDPOINTS} endpoints": partial(
            endpoint_page, customer.endpoints(), status=EndpointHealth.FAILING
        ),
        f"numbers of the statuses of {ENDPOINTS} endpoints": lambda: status_counts(customer.endpoints()),
        "health of one endpoint": lambda: endpoint_health(ids[:1]),
        "latest 50 deliveries": lambda: list(rows.order_by("-pk")[:50]),
        "latest 50 failed deliveries": lambda: list(failed.order_by("-pk")[:50]),
        "latest 50 failed deliveries of an endpoint": lambda: list(of_one.order_by("-pk")[:50]),
        "poll for new deliveries": lambda: rows.filter(pk__gt=known).count(),
    }


def pages(customer: Customer) -> dict[str, str]:
    """Return the addresses of pages by name; addresses that the portal does not have answer 404."""
    home, api = f"/portal/{customer.project.uid}/", "/portal-api"
    latest = EventDelivery.objects.filter(endpoint__in=customer.endpoints().values("pk"))
    delivery = latest.filter(status=Status.SUCCESS).order_by("-pk").values_list("pk", "endpoint_id").first()
    if delivery is None:
        raise RuntimeError("there are no deliveries")
    uid, endpoint = delivery
    return {
        "endpoints": home,
        "one endpoint": f"{home}endpoints/{endpoint}",
        "its deliveries": f"{home}endpoints/{endpoint}/deliveries",
        "deliveries": f"{home}deliveries",
        "failed deliveries": f"{home}deliveries?status=Failure",
        "deliveries of a rare event type": f"{home}deliveries?period=7d&type={RARE_TYPE}",
        "one delivery": f"{home}deliveries/{uid}",
        "poll for new deliveries": f"{home}deliveries/new?since={uid}",
        "portal API: deliveries": f"{api}/eventdeliveries",
        "portal API: failed deliveries": f"{api}/eventdeliveries?status=Failure",
    }


def _select_1() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
