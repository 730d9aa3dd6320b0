"""Turn errors into answers in Convoy's envelope, in this one place."""

import logging
import sys
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults
from rest_framework.exceptions import MethodNotAllowed

from core.api import envelope
from core.exceptions import DomainError

logger = logging.getLogger("convoyclone.api")

Render = Callable[[str, int], HttpResponse]
#: Renders a refusal that no view has made, by the beginning of the path; the longest beginning counts.
#: urls.py adds those of the other contracts.
RENDERERS: dict[str, Render] = {"/api/": envelope.error, "/portal-api/": envelope.error}
#: Renders the page that says that the database is away, by the beginning of the path.
OUTAGE_PAGES: dict[str, Callable[[HttpRequest], HttpResponse]] = {}

#: The kinds of errors by status, for contracts that answer a kind beside the text.
WORDS = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    411: "length_required",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    500: "internal_error",
    503: "unavailable",
}
#: The kind of every other status.
OTHER = "error"

NO_SUCH_PATH = "404 page not found"
TOO_LARGE = "request body is too large"
UNAVAILABLE = "the database is not available, try again"
PLAIN_PAGE = "<!doctype html><html lang=en><title>503</title><h1>Not available</h1><p>Try again in a minute.</p></html>"


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Render an exception of an API view, as REST framework's EXCEPTION_HANDLER. Returns None for a defect: a 500.

    A view of another contract than Convoy's has an `error` of its own instead of the envelope.
    """
    render: Render = getattr(context["view"], "error", envelope.error)
    match exc:
        case DomainError():
            if exc.errors and render is envelope.error:
                response = envelope.error(exc.message, exc.status, exc.errors)
            else:
                response = render(exc.message, exc.status)
            for name, value in exc.headers.items():
                response[name] = value
            return response
        case MethodNotAllowed():
            response = render("method not allowed", exc.status_code)
            response["Allow"] = ", ".join(context["view"].allowed_methods)
            return response
        case RequestDataTooBig():
            return render(TOO_LARGE, 413)
        case Http404():
            return render(NO_SUCH_PATH, 404)
        case OperationalError() | InterfaceError():
            return _unavailable(exc, lambda: render(UNAVAILABLE, 503))
    return None


def outage(request: HttpRequest, exception: BaseException | None) -> HttpResponse | None:
    """Return the 503 of the request's surface where the exception says that the database is away."""
    if not isinstance(exception, OperationalError | InterfaceError):
        return None
    if render := _renderer(request):
        return _unavailable(exception, lambda: render(UNAVAILABLE, 503))
    page = next((page for start, page in OUTAGE_PAGES.items() if request.path_info.startswith(start)), None)
    return _unavailable(exception, lambda: HttpResponse(PLAIN_PAGE, status=503) if page is None else page(request))


def _unavailable(exception: BaseException, render: Callable[[], HttpResponse]) -> HttpResponse:
    logger.error("database unavailable: %s", " ".join(str(exception).split()))
    response = render()
    response["Retry-After"] = "1"
    return response


def refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Answer a refusal that no view has made: in the shape of the path's API, or as a text."""
    render = _renderer(request)
    response = render(error.message, error.status) if render else HttpResponse(error.message, status=error.status)
    for name, value in error.headers.items():
        response[name] = value
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django refuses before any view, for example for a wrong Host header."""
    if render := _renderer(request):
        return render("bad request", 400)
    if isinstance(exception, TooManyFieldsSent):
        said = f"The form has more than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} fields. Save it in smaller parts."
        return HttpResponse(said, status=400, content_type="text/plain; charset=utf-8")
    return defaults.bad_request(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request to a path that has no route."""
    if render := _renderer(request):
        return render(NO_SUCH_PATH, 404)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a request that met a defect, which Django has logged, without any detail of it.

    A database that is away is not a defect: it gets a 503. It comes here where a middleware meets it, such as the one
    that reads an operator's session.
    """
    if (response := outage(request, sys.exception())) is not None:
        return response
    if render := _renderer(request):
        return render("internal server error", 500)
    return defaults.server_error(request)


def _renderer(request: HttpRequest) -> Render | None:
    """Return the function that renders a refusal on the request's path; None for a page."""
    fitting = [start for start in RENDERERS if request.path_info.startswith(start)]
    return RENDERERS[max(fitting, key=len)] if fitting else None
