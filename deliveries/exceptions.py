"""Define the refusals of operations on deliveries and attempts. Contract: docs/contract/deliveries.md#operations."""

from core.api.time_limit import TookTooLong
from core.exceptions import InvalidInput, NotFound
from endpoints.exceptions import EndpointUnknown
from events.exceptions import EventUnknown


class DeliveryNotFound(NotFound):
    """No such delivery."""

    message = "event delivery not found"


class DeliveryUnknown(InvalidInput):
    """No such delivery."""

    message = DeliveryNotFound.message


class AttemptUnknown(InvalidInput):
    """No such attempt."""

    message = "event delivery attempt not found"


class NoEventOfKey(EventUnknown):
    """No event has the idempotency key."""


class AlreadySent(InvalidInput):
    """The delivery has succeeded."""

    message = "event already sent"


class NotFailed(InvalidInput):
    """The delivery waits, or is being sent."""

    message = "cannot resend event that did not fail previously"


class EndpointDeleted(EndpointUnknown):
    """Its endpoint is deleted."""


class EndpointNotActive(InvalidInput):
    """Its endpoint is not active."""

    message = "the endpoint is currently {status}"


class BadList(InvalidInput):
    """The body is not a list of ids."""

    message = "Request is invalid"


class NotSucceeded(InvalidInput):
    """One of them has not succeeded."""

    message = "only successful events can be force resent"


class NotWaiting(InvalidInput):
    """The delivery does not wait for an attempt."""

    message = "only a delivery that waits can be sent now"


class NoCopy(InvalidInput):
    """No request can be built for the delivery."""

    message = "no request can be built: {reason}"


class RetryUnderWay(InvalidInput):
    """Another batch retry is under way."""

    message = "an active batch retry already exists"


class CountTooSlow(TookTooLong):
    """The count takes more than five seconds."""

    message = "Event deliveries took too long. Narrow the date range."
