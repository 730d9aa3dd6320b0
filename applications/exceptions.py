"""Define the refusals of applications. Contract: docs/contract/svix.md#applications."""

from core.exceptions import Conflict, InvalidInput, NotFound


class ApplicationNotFound(NotFound):
    """No such application."""

    message = "application not found"


class ApplicationExists(Conflict):
    """The uid is taken."""

    message = "an application with this uid exists already"


class OwnerFixed(InvalidInput):
    """Another uid."""

    message = "the uid of an application cannot be changed"


class OwnerIsAnId(InvalidInput):
    """The uid has the form of an id."""

    message = "a uid cannot have the form of an id"
