"""An endpoint as the engine sees it: what it can take now, and what is needed to send to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Target:
    """An endpoint as the queue sees it, with its project and what is needed to send to it."""

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
    project_is_deleted: bool
    project_config: dict[str, Any]
    project_meta_event: bytes
    in_flight: int
    open_until: datetime | None
    held_until: datetime | None
    #: The database's clock, by which all workers go.
    now: datetime
    #: The tokens of its rate limit; None where it has no limit.
    tokens: float | None = None

    @property
    def is_limited(self) -> bool:
        """Whether it has a rate limit."""
        return bool(self.rate_limit and self.rate_limit_duration)

    def can_take(self, cap: int) -> int:
        """How many more requests may be sent to it now, where it takes `cap` at once."""
        if self.status == "paused" or any(until and until > self.now for until in (self.open_until, self.held_until)):
            return 0
        room = max(cap - self.in_flight, 0)
        return room if self.tokens is None else min(room, int(self.tokens))
