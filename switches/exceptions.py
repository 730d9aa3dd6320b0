"""Define the refusals of the switches."""

from core.exceptions import InvalidInput, NotFound


class NotPaused(NotFound):
    """There is no such pause."""

    message = "these deliveries are not paused"


class WorkerNotFound(NotFound):
    """No such worker."""

    message = "this worker has ended"


class DiscardNotFound(NotFound):
    """No such discard."""

    message = "discard not found"


class TooLateToUndo(InvalidInput):
    """It is undone, or was made too long ago."""

    message = "this can no longer be undone"
