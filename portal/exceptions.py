"""Define the refusals of the portal API. Contract: docs/contract/portal-sessions.md#portal-api."""

from core.api.windows import BadEnd, BadOrder, BadStart
from core.exceptions import InvalidInput, NotFound, Unauthenticated
from subscriptions.exceptions import EventTypeNotFound


class KeyMayOnlyRead(InvalidInput):
    """An API key that is used to change something."""

    message = "invalid auth object"


class OutOfScope(Unauthenticated):
    """No such endpoint, or not the customer's."""

    message = "unauthorized"


class EventOutOfScope(OutOfScope):
    """No such event, or not the customer's."""


class DeliveryOutOfScope(OutOfScope):
    """No such delivery, or not to the customer's endpoints."""


class JobOutOfScope(OutOfScope):
    """No such job, or not the customer's."""


class NoSuchEventType(NotFound):
    """No such event type."""

    message = EventTypeNotFound.message


# The refusals of the dashboard summary


class StartMissing(BadStart):
    """No startDate."""

    message = "please specify a startDate query"


class BadSummaryEnd(BadEnd):
    """Invalid endDate."""

    message = "please specify an endDate in the format 2006-01-02T15:04:05 or none at all"


class PeriodMissing(InvalidInput):
    """No type."""

    message = "please specify a type query"


class PeriodUnknown(InvalidInput):
    """An unknown type."""

    message = "please specify a type query in ({periods})"


class BadSummaryOrder(BadOrder):
    """The startDate is after the endDate."""

    message = "invalid period '{period}': startDate cannot be greater than endDate"
