"""Answer health checks of load balancers and script/server, and serve the figures of the queue to Prometheus."""

from django.conf import settings
from django.db import Error, connection
from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from core.api import envelope
from core.client_address import is_of_this_machine
from core.readiness import NO_DATABASE, has_metrics_token, why_not_ready
from deliveries.figures import registry


def health(request: HttpRequest) -> HttpResponse:
    """Answer 200 with the product's name and version, or 503 where the database does not answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return envelope.error(NO_DATABASE, 503)
    return envelope.success(f"ConvoyClone {settings.VERSION}")


def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200, or 503 where the database does not answer or lacks migrations of this version."""
    problem = why_not_ready()
    return envelope.error(problem, 503) if problem else envelope.success(f"ConvoyClone {settings.VERSION}")


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the queue's figures to callers with METRICS_TOKEN or, where that is not set, on this machine."""
    if not _may_see_metrics(request):
        # Do not show a stranger that the path exists.
        raise Http404
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _may_see_metrics(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        return has_metrics_token(request.META.get("HTTP_AUTHORIZATION", ""))
    return is_of_this_machine(request)
