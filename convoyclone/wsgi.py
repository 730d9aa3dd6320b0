"""The WSGI application, for Granian or any other server."""

from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse

from convoyclone.database import own_the_environment

own_the_environment()
_django = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Django's application, whose answers are lists where they are complete.

    Granian sends a list at once and everything else piece by piece through its event loop: with lists
    it answers a sixth more gets of a portal link a second.
    """
    response: Any = _django(environ, start_response)
    if not isinstance(response, HttpResponse):
        return response  # type: ignore[no-any-return]  # a file, which is sent piece by piece
    body = response.content
    response.close()
    return [body]
