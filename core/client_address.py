"""Find out which address a request comes from."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """Return the caller's IP address, or None where it is not known.

    Behind a trusted proxy (TRUST_PROXY_HEADERS) that is the last address in X-Forwarded-For, which the proxy has added.
    The addresses before it are the caller's own claims.
    """
    text = request.META.get("REMOTE_ADDR", "")
    if settings.TRUST_PROXY_HEADERS:
        text = request.META.get("HTTP_X_FORWARDED_FOR", text).rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
