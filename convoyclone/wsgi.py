"""Provide the WSGI application, for Granian or any other server."""

import sys
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse

from convoyclone.database import own_the_environment

own_the_environment()
_django = get_wsgi_application()
from convoyclone.schema import forms  # noqa: E402 - it reads the settings
from convoyclone.threads import Bodies, LateBody, Places, TooManyBodies  # noqa: E402

# Read before the first request, which would otherwise wait for it.
forms()


# A thread that waits for the interpreter, as each does after a statement, gets it from one that computes after this
# time: with Python's 5 ms, a request of ten statements beside three that compute waits for 150.
sys.setswitchinterval(0.001)
_bodies, _places = Bodies(), Places()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer a request by Django, with a list as the body unless it is streamed.

    Granian sends a list at once, and anything else piece by piece through its event loop. With lists it answers a sixth
    more gets of a portal link a second.
    """
    try:
        _bodies.read(environ)
    except TooManyBodies:
        return _refused(start_response, "503 Service Unavailable", ("Retry-After", "1"))
    except LateBody:
        return _refused(start_response, "408 Request Timeout")
    with _places.one():
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
