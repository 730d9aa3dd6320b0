"""The refusals of meta event operations. Contract: meta-events-and-onboard section 1."""

from core.exceptions import NotFound


class MetaEventNotFound(NotFound):
    """No such meta event."""

    message = "meta event not found"
