"""The result of an operation on many objects."""

from typing import NamedTuple


class Tally(NamedTuple):
    """How many objects an operation has changed, and how many it has not."""

    successful: int
    failed: int

    @property
    def message(self) -> str:
        """Return the tally as answers say it."""
        return f"{self.successful} successful, {self.failed} failed"
