"""Provide the WSGI application, for Granian or any other server."""

import gc
import math
import sys
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, reset_queries
from django.http import HttpResponse
from django.urls import get_resolver

from convoyclone.database import own_the_environment
from convoyclone.places import OWN_PLACES, NoPlace, Places, TooManyOfCaller
from convoyclone.threads import Bodies, LateBody, LongHeader, TooManyBodies, TooManyOfAddress, check_headers
from core.callers import IS_REFUSED
from core.postgres.base import bound_statements
from core.telemetry import start_telemetry

#: A thread that computes in Python hands the interpreter over after this time, not after Python's 5 ms: a request waits
#: for it after each of its statements, once for each thread that computes.
SWITCH_SECONDS = 0.001

own_the_environment()
sys.setswitchinterval(SWITCH_SECONDS)
# Until all is imported nothing is garbage: looking for it takes a tenth of the start.
gc.disable()
_django = get_wsgi_application()
start_telemetry("web")
bound_statements(settings.DATABASE_STATEMENT_SECONDS)
# A place looks after its connection itself (places.py). Django's own handlers, which look for failed connections too
# and forget statements that only DEBUG notes, take a twentieth of a short request.
for receiver in (close_old_connections, reset_queries):
    request_started.disconnect(receiver)
request_finished.disconnect(close_old_connections)
# The only cache is memory of this process, which has nothing to close.
request_finished.disconnect(close_caches)
from core.share import UNCOUNTED  # noqa: E402 - it reads the settings

# The objects from the start, views included, stay for as long as the process runs: looking through them for garbage
# would stop all threads for 30 to 50 ms each time.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
gc.enable()

_bodies, _places, _own_places = Bodies(), Places(), Places(OWN_PLACES, costly=math.inf)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer a request by Django, with a list as the body unless it is streamed.

    Granian sends a list at once, and anything else piece by piece through its event loop. With lists it answers a sixth
    more gets of a portal link a second.
    """
    try:
        check_headers(environ)
        _bodies.read(environ)
    except LongHeader:
        return _refused(start_response, "431 Request Header Fields Too Large")
    except TooManyBodies:
        return _refused(start_response, "503 Service Unavailable", ("Retry-After", "1"))
    except TooManyOfAddress:
        return _refused(start_response, "429 Too Many Requests", ("Retry-After", "1"))
    except LateBody:
        return _refused(start_response, "408 Request Timeout")
    places = _own_places if environ.get("PATH_INFO", "").startswith(UNCOUNTED) else _places
    try:
        with places.one(environ):
            return _answered(environ, start_response)
    except NoPlace:
        return _refused(start_response, "503 Service Unavailable", ("Retry-After", "1"))
    except TooManyOfCaller:
        # The refusal in the shape of the path's contract needs no database, and so no place.
        return _answered(environ | {IS_REFUSED: True}, start_response)


def _answered(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    response: Any = _django(environ, start_response)
    if not isinstance(response, HttpResponse):
        return response  # type: ignore[no-any-return]  # a file, which is streamed
    body = response.content
    response.close()
    return [body]


def _refused(start_response: Any, status: str, *headers: tuple[str, str]) -> Iterable[bytes]:
    """Refuse a request whose body is not read, and close its connection."""
    start_response(status, [("Connection", "close"), ("Content-Type", "text/plain"), *headers])
    return [b""]
