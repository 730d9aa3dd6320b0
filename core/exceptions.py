"""Define the refusals that operations raise. Each surface renders them in its own shape, and shows no other errors.

An app has a class for each of its refusals (exceptions.py): the text is a class attribute, so that the operation
that raises it and the API document that lists it share one.
"""

from collections.abc import Sequence
from typing import Annotated, TypedDict


class FieldError(TypedDict):
    """A field that is refused, and why."""

    field: Annotated[str, "The field, with its parents: `config.strategy.type`. Empty: the body as a whole."]
    message: Annotated[str, "Why it is refused."]


class DomainError(Exception):
    """A refusal whose text is shown to the caller.

    The first line of a subclass's docstring is the title of the case in the API document. `message` may have fields
    in braces, which `values` fill: `raise UnknownEventType(name="order.paid")`.
    """

    status = 400
    message = ""
    #: The field of the input that the refusal is about, where it is about one.
    field = ""
    headers: dict[str, str] = {}
    #: The fields that are refused, where the text does not say it.
    errors: Sequence[FieldError] = ()
    #: The example of `errors` in the API document.
    example_errors: Sequence[FieldError] = ()

    def __init__(
        self, message: str = "", *, field: str = "", errors: Sequence[FieldError] = (), **values: object
    ) -> None:
        """Take the class's text; `message` replaces it where the text comes from elsewhere, such as a parser."""
        self.message = message or (self.message.format(**values) if values else self.message)
        self.field = field or self.field
        self.errors = errors
        super().__init__(self.message)

    @classmethod
    def title(cls) -> str:
        """Return the title of the case in the API document."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0].rstrip(".")


class InvalidInput(DomainError):
    """The request cannot be carried out as it stands."""


class Unauthenticated(DomainError):
    """The caller is unknown."""

    status = 401


class Forbidden(DomainError):
    """The caller is known and may not do this."""

    status = 403


class NotFound(DomainError):
    """The object does not exist, or belongs to another tenant: the two look the same."""

    status = 404


class Conflict(DomainError):
    """The state of the object does not allow this."""

    status = 409
