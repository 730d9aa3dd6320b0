"""The errors that operations raise. A surface renders them in its own shape; nothing else is shown."""


class DomainError(Exception):
    """A refusal that the caller is told about."""

    status = 400
    headers: dict[str, str] = {}

    def __init__(self, message: str, *, field: str = "") -> None:
        """`field` names the field of the input that it is about, where it is about one."""
        super().__init__(message)
        self.message = message
        self.field = field


class InvalidInput(DomainError):
    """The request cannot be carried out as it stands."""


class Unauthenticated(DomainError):
    """Who calls is not known."""

    status = 401


class Forbidden(DomainError):
    """Who calls is known, and may not do this."""

    status = 403


class NotFound(DomainError):
    """What is named does not exist, or belongs to another tenant: the two look the same."""

    status = 404


class Conflict(DomainError):
    """The state of what is named does not allow this."""

    status = 409
