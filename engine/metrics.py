"""What a worker counts for Prometheus. deliveries/figures.py has what the database knows."""

from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram

from engine.queue import Outcome
from outbound.states import Status

ATTEMPTS = Counter("convoyclone_attempts", "Attempts by what became of the delivery.", ["outcome"])
# A rate needs a zero to begin with.
for _outcome in (Status.SUCCESS, Status.RETRY, Status.FAILURE):
    ATTEMPTS.labels(_outcome)
SECONDS = Histogram(
    "convoyclone_attempt_seconds",
    "From the beginning of a request to the headers of its answer.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
IN_FLIGHT = Gauge("convoyclone_attempts_in_flight", "Requests under way in this worker.")


def count(outcomes: Sequence[Outcome]) -> None:
    """Count attempts whose outcome is written."""
    for outcome in outcomes:
        ATTEMPTS.labels(outcome.status).inc()
        attempt = outcome.attempt
        if attempt.responded_at is not None:
            SECONDS.observe((attempt.responded_at - attempt.requested_at).total_seconds())
