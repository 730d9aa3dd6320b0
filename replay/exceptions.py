"""Define the refusals of replays. Contract: docs/contract/events.md#batch-replay."""

from core.api.time_limit import TookTooLong
from core.exceptions import InvalidInput


class CountTooSlow(TookTooLong):
    """The count takes more than a second."""

    message = "counting took too long: narrow the time range, or POST …/events/batchreplay/jobs?dry_run=true"


class SearchNotSupported(InvalidInput):
    """A search."""

    message = "{doing} does not support search filters"


class ReplayUnderWay(InvalidInput):
    """Another batch replay is under way."""

    message = "an active batch replay already exists"


class TooManyToReplay(InvalidInput):
    """Too many events or deliveries for one request."""

    message = (
        "one request replays at most {events} events with {deliveries} deliveries: "
        "POST …/events/batchreplay/jobs replays any number"
    )
