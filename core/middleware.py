"""Number every request, normalise its path, and name who acts in it."""

import re
import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.actors import SERVER, Actor, ActorKind, acting_as, set_actor
from core.api import errors
from core.callers import PARTY

GetResponse = Callable[[HttpRequest], HttpResponseBase]

#: The web server has read this much of a body at most before a view asks for it.
READ_AHEAD_BYTES = 8192
#: The digits of any length that a body may have.
MOST_DIGITS = 12

#: Below these, the paths of Svix and Nahook hold ids and names of the company's own: repeated slashes belong to them.
_WITH_OWN_IDS = ("/api/v1/app/", "/api/v1/auth/", "/api/v1/event-type/", "/api/ingest/event/")
_acceptable_id = re.compile(r"[\x21-\x7e]{1,128}")


def request_id(get_response: GetResponse) -> GetResponse:
    """Answer with X-Request-ID (the caller's own, or a new one), X-Convoy-Version and, by default, no-store.

    Contract: docs/contract/conventions.md#request-id. Repeated slashes in an API path count as one, because the base
    URL of older SDKs ends with a slash for some calls and not for others. A request that is refused before its long
    body is read gets `Connection: close`.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        identifier = sent if _acceptable_id.fullmatch(sent) else secrets.token_hex(16)
        path = request.path_info
        if "//" in path and path.startswith(("/api/", "/portal-api/")) and not path.startswith(_WITH_OWN_IDS):
            request.path_info = re.sub("/{2,}", "/", request.path_info)
        response = get_response(request)
        response["X-Request-ID"] = identifier
        response["X-Convoy-Version"] = settings.API_VERSION
        if _has_unread_body(request):
            response["Connection"] = "close"
        # Secrets, tokens and links are in the answers of every surface, refusals aside: none is stored on the way. What
        # may be, such as a static file, says so.
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


def _has_unread_body(request: HttpRequest) -> bool:
    """Return whether the web server will close the connection because more of the body follows than it has read."""
    length = request.META.get("CONTENT_LENGTH") or ""
    # Python refuses to read a number of thousands of digits.
    is_long = length.isdecimal() and (len(length) > MOST_DIGITS or int(length) > READ_AHEAD_BYTES)
    return is_long and not getattr(request, "_read_started", True)


class ActorMiddleware:
    """Begin each request with the server as its actor, so that nobody inherits the actor of the request before.

    A view that knows a credential names another actor. In the admin it is the operator, who is named here: the admin's
    base classes lie below all that operators do.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with acting_as(SERVER):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """Name the operator in the admin."""
        match = request.resolver_match
        if match is not None and "admin" in match.app_names and request.user.is_authenticated:
            set_actor(Actor(ActorKind.OPERATOR, str(request.user.pk), request.user.get_username()))
            request.META[PARTY] = ("operator", str(request.user.pk))


class DatabaseOutages:
    """Answer 503 where a page, or another view without an exception handler, meets a database that is away.

    Django itself would log each of these requests with its traceback.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Return the 503 of the request's surface; None for any other exception."""
        return errors.outage(request, exception)
