"""Provide the WSGI application, for Granian or any other server."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse

from convoyclone.database import own_the_environment
from core.postgres.base import bound_statements

own_the_environment()
_django = get_wsgi_application()
bound_statements(settings.DATABASE_STATEMENT_SECONDS)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer a request by Django, with a list as the body unless it is streamed.

    Granian sends a list at once, and anything else piece by piece through its event loop. With lists it answers a sixth
    more gets of a portal link a second.
    """
    response: Any = _django(environ, start_response)
    if not isinstance(response, HttpResponse):
        return response  # type: ignore[no-any-return]  # a file, which is streamed
    body = response.content
    response.close()
    return [body]
