"""Number every request, and normalise its path."""

import re
import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]

_acceptable_id = re.compile(r"[\x21-\x7e]{1,128}")


def request_id(get_response: GetResponse) -> GetResponse:
    """Answer with X-Request-ID (the caller's own, or a new one) and X-Convoy-Version.

    Contract: docs/contract/conventions.md#request-id. Repeated slashes in an API path count as one, because the base
    URL of older SDKs ends with a slash for some calls and not for others.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        identifier = sent if _acceptable_id.fullmatch(sent) else secrets.token_hex(16)
        if request.path_info.startswith(("/api/", "/portal-api/")) and "//" in request.path_info:
            request.path_info = re.sub("/{2,}", "/", request.path_info)
        response = get_response(request)
        response["X-Request-ID"] = identifier
        response["X-Convoy-Version"] = settings.API_VERSION
        return response

    return middleware
