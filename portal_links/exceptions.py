"""Define the refusals of portal links and portal sessions.

Contract: docs/contract/portal-links.md#operations and docs/contract/portal-sessions.md.
"""

from core.exceptions import Conflict, DomainError, Forbidden, InvalidInput, NotFound
from projects.exceptions import ReadOnlyKey

# Portal links


class PortalLinkNotFound(NotFound):
    """No such portal link."""

    message = "portal link not found"


class PortalLinkUnknown(InvalidInput):
    """No such portal link."""

    message = PortalLinkNotFound.message


class PortalLinkNotThere(NotFound):
    """Portal link."""

    message = "Resource not found"


class EndpointMissing(InvalidInput):
    """An unknown endpoint."""

    message = "failed to find endpoint {uid}"


class EndpointOfAnother(InvalidInput):
    """Another customer's endpoint."""

    message = "endpoint {uid} already has owner_id {owner_id}"


class StaticLink(InvalidInput):
    """A static_token link."""

    message = "portal link has auth_type static_token: only a refresh_token link has refresh tokens"


# Portal sessions


class PortalSessionNotFound(NotFound):
    """No such portal session."""

    message = "portal session not found"


class PortalSessionNotThere(NotFound):
    """Portal session."""

    message = PortalLinkNotThere.message


class CodeUsed(Conflict):
    """The link opens once only, and has been opened before."""

    message = "this link has been used already"


class CodeExpired(Conflict):
    """The link was not opened in time."""

    message = "this link has expired"


class IdempotencyKeyReused(InvalidInput):
    """Its idempotency key was sent with another request."""

    message = "this idempotency key was used with another request"


class IdempotentSessionEnded(Conflict):
    """Its session has ended."""

    message = "the session of this idempotency key has ended: use another key"


class OwnerNotPossible(InvalidInput):
    """An application id that no endpoint can have."""

    message = "the application id must be a text of 1 to 255 characters"


# Links to single deliveries


class DeliveryLinkNotFound(NotFound):
    """No such link, or it is revoked."""

    message = "delivery link not found"


# Access to the portal


class CapabilityMissing(Forbidden):
    """The credential lacks the capability that the operation needs."""

    message = ReadOnlyKey.message


class ProjectNotNamed(InvalidInput):
    """An instance key on a path that names no project."""

    message = "project id not present in request"


class TooManyChecks(DomainError):
    """The customer has had too many URLs checked."""

    status = 429
    message = "too many checks, try again in {seconds} seconds"

    def __init__(self, *, seconds: int) -> None:
        """Take the seconds until the next window."""
        super().__init__(seconds=seconds)
        self.seconds = seconds
        self.headers = {"Retry-After": str(seconds)}
