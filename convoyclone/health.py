"""Whether this instance lives and can serve, and its figures: for load balancers, Prometheus, and script/server."""

import hmac
from functools import cache
from ipaddress import ip_address

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from convoyclone.api import envelope
from convoyclone.client_address import client_address
from events.delivery.figures import QueueCollector

NO_DATABASE = "the database is not available"
NOT_MIGRATED = "the database lacks migrations of this version: run manage.py migrate"
# What a proxy adds. A request with one of these does not come from this machine, whatever its address.
FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_VIA")

#: What the web server knows for Prometheus. The figures of one process among several would only mislead.
registry = CollectorRegistry()
registry.register(QueueCollector())


def health(request: HttpRequest) -> HttpResponse:
    """200 with the product's name and version, or 503 where the database does not answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return envelope.error(NO_DATABASE, 503)
    return envelope.success(f"ConvoyClone {settings.VERSION}")


def ready(request: HttpRequest) -> HttpResponse:
    """200, or 503 where the database does not answer or is not that of this version."""
    problem = why_not_ready()
    return envelope.error(problem, 503) if problem else envelope.success(f"ConvoyClone {settings.VERSION}")


def why_not_ready() -> str:
    """What keeps this version from working with the database, in one line; empty: nothing."""
    try:
        missing = missing_migrations()
    except Error:
        return NO_DATABASE
    return NOT_MIGRATED if missing else ""


def missing_migrations() -> list[str]:
    """The migrations of this version that are not applied, such as `events.0001_initial`. Raises django.db.Error."""
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted(f"{app}.{name}" for app, name in _migrations() if (app, name) not in applied)


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)


def metrics(request: HttpRequest) -> HttpResponse:
    """The queue's figures for Prometheus, to whoever has METRICS_TOKEN; without that setting to this machine alone."""
    if not _may_see_metrics(request):
        # To a stranger there is nothing here.
        raise Http404
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def has_metrics_token(authorization: str) -> bool:
    """Whether an Authorization header bears METRICS_TOKEN."""
    return hmac.compare_digest(authorization.encode(errors="replace"), f"Bearer {settings.METRICS_TOKEN}".encode())


def _may_see_metrics(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        return has_metrics_token(request.META.get("HTTP_AUTHORIZATION", ""))
    address = client_address(request)
    is_local = address is not None and ip_address(address).is_loopback
    return is_local and not any(name in request.META for name in FORWARDED)
