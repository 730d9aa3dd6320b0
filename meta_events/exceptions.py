"""Define the refusals of meta event operations. Contract: docs/contract/meta-events.md#operations."""

from core.exceptions import NotFound


class MetaEventNotFound(NotFound):
    """No such meta event."""

    message = "meta event not found"
