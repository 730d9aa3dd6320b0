"""Describe an endpoint to the engine: how to send to it, and how many requests it can take now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from endpoints.models import Endpoint
from outbound.states import Status

#: The number of requests under way to the endpoint `e`. Those of lost workers count until their lease ends.
IN_FLIGHT = f"""(
  SELECT count(*)::int FROM events_eventdelivery f
  WHERE f.endpoint_id = e.uid AND f.status = '{Status.PROCESSING}' AND f.due_at > now()
)"""


@dataclass(slots=True)
class Target:
    """An endpoint with everything that a request to it needs, its project's settings included."""

    uid: str
    project_id: str
    url: str
    status: str
    is_deleted: bool
    http_timeout: int
    rate_limit: int
    rate_limit_duration: int
    content_type: str
    advanced_signatures: bool
    #: Encrypted, as stored.
    secrets: bytes
    authentication: bytes | None
    mtls_client_cert: bytes | None
    name: str
    project_is_deleted: bool
    project_config: dict[str, Any]
    project_meta_event: bytes
    in_flight: int
    open_until: datetime | None
    held_until: datetime | None
    #: The time of the database's clock, which all workers share.
    now: datetime
    #: The tokens that its rate limit has now; None where it has no limit.
    tokens: float | None = None
    owner_id: str = ""
    #: Its own headers, encrypted as stored.
    custom_headers: bytes | None = None
    #: Whether the project disables an endpoint that answers 410 Gone.
    project_ends_gone: bool = False
    #: Whether the project's webhooks carry Svix's headers too.
    project_sends_svix_headers: bool = False

    @property
    def is_limited(self) -> bool:
        """Return whether the endpoint has a rate limit."""
        return bool(self.rate_limit and self.rate_limit_duration)

    def can_take(self, cap: int) -> int:
        """Return how many more requests may be sent to it now, where it takes `cap` at a time."""
        if self.status == Endpoint.Status.PAUSED or any(
            until and until > self.now for until in (self.open_until, self.held_until)
        ):
            return 0
        room = max(cap - self.in_flight, 0)
        return room if self.tokens is None else min(room, int(self.tokens))
