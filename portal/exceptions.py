"""The refusals of the portal API. Contract: portal-links section 5."""

from core.api.windows import BadEnd
from core.exceptions import Unauthenticated


class OutOfScope(Unauthenticated):
    """No such endpoint, or not the customer's."""

    message = "unauthorized"


class BadSummaryEnd(BadEnd):
    """Invalid endDate."""

    message = "please specify an endDate in the format 2006-01-02T15:04:05 or none at all"
