"""Define the refusals of bulk onboarding.

Contract: docs/contract/onboarding.md#csv, docs/contract/onboarding.md#validation.
"""

from core.exceptions import InvalidInput, NotFound


class IncomingProject(InvalidInput):
    """An incoming project."""

    message = "bulk onboard is only supported for outgoing projects"


class NoItems(InvalidInput):
    """No items."""

    message = "items list cannot be empty"


class TooManyItems(InvalidInput):
    """Too many items."""

    message = "items list exceeds maximum size of {most}"


class InvalidItems(InvalidInput):
    """Items are invalid, see data."""

    message = "Validation failed"


class FormUnreadable(InvalidInput):
    """A form that cannot be parsed."""

    message = "failed to parse multipart form"


class NoFile(InvalidInput):
    """A form without a file."""

    message = "failed to read file field"


class FileNotUTF8(InvalidInput):
    """A file in another encoding."""

    message = "the CSV file is not in UTF-8"


class FileWithoutHeader(InvalidInput):
    """A file without a header."""

    message = "failed to read CSV header"


class ColumnMissing(InvalidInput):
    """A file without a required column."""

    message = "CSV missing required column: {name}"


class RowUnreadable(InvalidInput):
    """A row that cannot be parsed."""

    message = "CSV (data row {row}): failed to parse row"


class FileTooLong(InvalidInput):
    """A file with too many rows."""

    message = "CSV file exceeds maximum of {most} items"


class FileEmpty(InvalidInput):
    """A file without rows."""

    message = "CSV file is empty or contains only a header row"


class BatchNotFound(NotFound):
    """No such batch."""

    message = "onboard batch not found"
