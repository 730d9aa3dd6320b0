"""Where a request comes from."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The caller's IP address; None where it is not known.

    Behind a proxy that is trusted (TRUST_PROXY_HEADERS) it is the last one in X-Forwarded-For, which
    that proxy has added: those before it are what the caller claims.
    """
    text = request.META.get("REMOTE_ADDR", "")
    if settings.TRUST_PROXY_HEADERS:
        text = request.META.get("HTTP_X_FORWARDED_FOR", text).rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
