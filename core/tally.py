"""Count the results of an operation on many objects."""

from typing import NamedTuple


class Tally(NamedTuple):
    """The numbers of objects that an operation has changed, and has not changed."""

    successful: int
    failed: int

    @property
    def message(self) -> str:
        """Return the tally as the text of an answer."""
        return f"{self.successful} successful, {self.failed} failed"
