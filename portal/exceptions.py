"""The refusals of the portal API. Contract: portal-links section 5."""

from core.exceptions import Unauthenticated


class OutOfScope(Unauthenticated):
    """No such endpoint, or not the customer's."""

    message = "unauthorized"
