"""Whether this instance can serve: for load balancers and for script/server."""

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse

from convoyclone.api import envelope


def health(request: HttpRequest) -> HttpResponse:
    """200 with the product's name and version, or 503 where the database does not answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return envelope.error("the database is not available", 503)
    return envelope.success(f"ConvoyClone {settings.VERSION}")
