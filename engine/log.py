"""Log a line of JSON for each attempt, without headers, payload and credentials."""

import logging

import orjson

from engine.outcomes import Outcome

logger = logging.getLogger("convoyclone.attempt")


def log_attempt(outcome: Outcome) -> None:
    """Log one attempt."""
    if not logger.isEnabledFor(logging.INFO):
        return
    delivery, attempt = outcome.claim.delivery, outcome.attempt
    took = (attempt.responded_at - attempt.requested_at).total_seconds() if attempt.responded_at else None
    line = {
        "event": "attempt",
        "delivery": delivery.uid,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "endpoint": delivery.endpoint_id,
        "project": delivery.project_id,
        "trial": delivery.num_trials + 1,
        "outcome": outcome.status,
        "http_status": attempt.http_status,
        "error": attempt.error,
        "ip": attempt.ip_address,
        "seconds": took,
        "next_attempt_in": outcome.delay,
    }
    logger.info("%s", orjson.dumps(line).decode())
