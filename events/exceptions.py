"""Define the refusals of event operations. Contract: docs/contract/events.md."""

from core.api.time_limit import TookTooLong
from core.exceptions import DomainError, InvalidInput, NotFound


class EventNotFound(NotFound):
    """No such event."""

    message = "event not found"


class EventUnknown(InvalidInput):
    """No such event."""

    message = EventNotFound.message


class ProjectNotRetrieved(NotFound):
    """The project was deleted meanwhile."""

    message = "failed to retrieve project"


class EndpointMissing(InvalidInput):
    """No endpoint is named."""

    message = "please provide an endpoint ID"


class AppUnknown(InvalidInput):
    """No endpoint has the app_id."""

    message = "app ID has no configured endpoints"


class KeyMissing(InvalidInput):
    """No idempotency key, where the project requires one."""

    message = "idempotency_key is required when a custom request_id_header is configured"


class UrlNotConcrete(InvalidInput):
    """The URL is a template."""

    message = "dynamic event URL must be concrete, not an endpoint URL template"
    field = "url"


class BadSearch(InvalidInput):
    """The parameter body is not a JSON object."""

    message = "body must be a nonempty JSON object"


class SearchTooSlow(TookTooLong):
    """The search takes more than five seconds."""

    message = "Search took too long. Narrow the time range or search term."


# Test events


class NoOverlap(InvalidInput):
    """A rehearsal while one secret signs."""

    message = "there is no rotation to rehearse: the endpoint has one live secret"


class TooManyTests(DomainError):
    """The portal session has sent too many test events."""

    status = 429
    message = "too many test events, try again in {seconds} seconds"

    def __init__(self, *, seconds: int) -> None:
        """Take the seconds until another one is accepted."""
        super().__init__(seconds=seconds)
        self.seconds = seconds
        self.headers = {"Retry-After": str(seconds)}
