"""Read X-Convoy-Version, the version of the API that a client was written for.

Contract: docs/contract/conventions.md#client-versions.

A version that cannot be read counts as older than all others, as in the original.
"""

import re
from datetime import date

from django.conf import settings
from rest_framework.request import Request

_date = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def client_version(request: Request) -> date:
    """Return the API version that the client asks for, or the server's where it asks for none."""
    text = request.META.get("HTTP_X_CONVOY_VERSION") or settings.API_VERSION
    try:
        return date.fromisoformat(text) if _date.fullmatch(text) else date.min
    except ValueError:
        return date.min
