"""Count a worker's attempts for Prometheus; deliveries/figures.py reads the figures of the database."""

from collections import Counter as Tally
from collections.abc import Sequence

from django.conf import settings
from prometheus_client import Counter, Gauge, Histogram

from engine.outcomes import Outcome
from outbound.states import Status

ATTEMPTS = Counter("convoyclone_attempts", "Attempts by the state that they left the delivery in.", ["outcome"])
# A counter begins at zero, so that its first increase is part of a rate.
for _outcome in (Status.SUCCESS, Status.RETRY, Status.FAILURE):
    ATTEMPTS.labels(_outcome)
SECONDS = Histogram(
    "convoyclone_attempt_seconds",
    "Seconds from the start of a request to the headers of its answer.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
WHOLE, PART, BUSY = "whole", "part", "busy"
LOOKS = Counter("convoyclone_queue_looks", "Looks into the queue; busy: other workers were claiming.", ["result"])
for _result in (WHOLE, PART, BUSY):
    LOOKS.labels(_result)
WAITED = Counter("convoyclone_queue_wait_seconds", "Seconds for which this worker waited for others that claimed.")
IN_FLIGHT = Gauge("convoyclone_attempts_in_flight", "Requests under way in this worker.")
#: Rules for alerts compare with it, so that they need not know the setting.
LIMIT = Gauge("convoyclone_attempts_in_flight_limit", "Requests under way at which this worker is full.")
# Read when it is asked for: a worker lowers the setting where too few files may be open.
LIMIT.set_function(lambda: float(settings.DELIVERY_CONCURRENCY))


def count(outcomes: Sequence[Outcome]) -> None:
    """Count attempts, once their outcomes are written."""
    for status, number in Tally(outcome.status for outcome in outcomes).items():
        ATTEMPTS.labels(status).inc(number)
    for outcome in outcomes:
        attempt = outcome.attempt
        if attempt.responded_at is not None:
            SECONDS.observe((attempt.responded_at - attempt.requested_at).total_seconds())
