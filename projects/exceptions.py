"""Define the refusals of projects, API keys and credentials.

Contract: docs/contract/projects.md#operations and docs/contract/conventions.md#authentication.
"""

from core.exceptions import DomainError, Forbidden, InvalidInput, NotFound, Unauthenticated

# Credentials


class NoCredential(Unauthenticated):
    """No API key."""

    message = "Authentication required"


class BadCredential(Unauthenticated):
    """An unknown, expired or revoked key."""

    message = "authorization failed"


class PortalCredential(Unauthenticated):
    """A portal token."""

    message = "unauthorized"


class ReadOnlyKey(Forbidden):
    """The key may only read."""

    message = "Unauthorized"


class InstanceKeyNeeded(Forbidden):
    """The key belongs to a project."""

    message = ReadOnlyKey.message


class OwnerKey(Forbidden):
    """The key may act for one owner only."""

    message = "this key speaks for one owner_id: it can mint portal sessions for it, and nothing else"


class RateLimited(DomainError):
    """The key has made too many requests."""

    status = 429
    message = "exceeded rate limit"

    def __init__(self, *, limit: int, reset_seconds: int) -> None:
        """Take the requests of a window, and the seconds until the next one."""
        super().__init__()
        self.headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(reset_seconds),
            "Retry-After": str(reset_seconds),
        }


# Projects and keys


class ProjectNotFound(NotFound):
    """No such project."""

    message = "project not found"


class NameTaken(InvalidInput):
    """The name is taken."""

    message = "a project with this name already exists"


class KeyNeedsProject(InvalidInput):
    """The role and the project do not fit."""

    message = "a key belongs to one project, an instance_admin key to none"


# The configuration of a project


class RequestIDHeaderFixed(InvalidInput):
    """An incoming project."""

    message = "request_id_header can only be customized on outgoing projects"


class RequestIDHeaderInvalid(InvalidInput):
    """A request_id_header that HTTP cannot carry."""

    message = "request_id_header must be a valid HTTP header token: invalid character at position {position}"


class RequestIDHeaderTaken(InvalidInput):
    """A request_id_header that webhooks use."""

    message = "request_id_header must not be {header}: each webhook has that header already"


class WindowTooShort(InvalidInput):
    """The circuit breaker's window is too short."""

    message = "circuit_breaker.observability_window must be longer than its sample_rate"


class RetentionOutOfRange(InvalidInput):
    """The retention is too short or too long."""

    message = "retention_policy.policy must be between 1h and 87600h"


class KeyRenamed(InvalidInput):
    """A configuration key of an old version."""

    message = "sync_dynamic_event_ack has been renamed to verify_dynamic_events"


class MetaEventUrlLoopback(InvalidInput):
    """A meta event URL on this machine."""

    message = "endpoint url must not point to localhost or loopback addresses"


class MetaEventUrlPrivate(InvalidInput):
    """A meta event URL in a private network."""

    message = "endpoint url must not point to private or reserved IP addresses"
