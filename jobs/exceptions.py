"""Define the refusals of operations on jobs. Contract: docs/contract/jobs.md#operations."""

from core.exceptions import InvalidInput, NotFound


class JobNotFound(NotFound):
    """No such job."""

    message = "job not found"


class JobOver(InvalidInput):
    """The job is over."""

    message = "the job is over"


class JobUnderWay(InvalidInput):
    """Another job of this kind is under way."""

    message = "another job of this kind is under way"
