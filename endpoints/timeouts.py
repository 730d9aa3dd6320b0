"""Say how long an endpoint has to answer."""

from django.conf import settings

#: Where the endpoint has no timeout of its own.
DEFAULT_TIMEOUT_SECONDS = 10


def timeout_of(http_timeout: int) -> int:
    """Return the seconds for one attempt, given an endpoint's http_timeout; 0 stands for the default."""
    return min(http_timeout or DEFAULT_TIMEOUT_SECONDS, settings.DELIVERY_MAX_TIMEOUT_SECONDS)
