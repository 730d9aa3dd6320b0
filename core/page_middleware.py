"""Let requests to an API pass by the middlewares that only pages need: their cost is a tenth of a short request's.

Each is a subclass of its original, so that Django's checks find it, and has the original's place in MIDDLEWARE. Those
that secure every answer, and those that cost an API nothing, are in MIDDLEWARE themselves.
"""

from typing import Any

from axes.middleware import AxesMiddleware
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_htmx.middleware import HtmxMiddleware


def for_pages(middleware: type[Any]) -> type[Any]:
    """Return a middleware like `middleware` that leaves requests to API_PATHS, and their answers, as they are."""

    paths = settings.API_PATHS

    class ForPages(middleware):  # type: ignore[misc]  # a class that is known at run time only
        def __call__(self, request: HttpRequest) -> HttpResponseBase:
            if request.path_info.startswith(paths):
                return self.get_response(request)  # type: ignore[no-any-return]
            return super().__call__(request)  # type: ignore[no-any-return]

    return ForPages


Sessions = for_pages(SessionMiddleware)
Authentication = for_pages(AuthenticationMiddleware)
Messages = for_pages(MessageMiddleware)
Htmx = for_pages(HtmxMiddleware)
Lockouts = for_pages(AxesMiddleware)
