"""Log a line for each attempt, without headers, payload and credentials: JSON, or text for people (LOG_FORMAT)."""

import logging
from datetime import datetime

import orjson
from django.conf import settings

from engine.outcomes import Outcome
from outbound.states import Status

logger = logging.getLogger("convoyclone.attempt")

#: The most characters of a name or an error in a line for people.
SHOWN_CHARACTERS = 60


def log_cheaply() -> None:
    """Omit thread, process and place in the code from this process's log records, because no line of ours shows them.

    https://docs.python.org/3/howto/logging.html#optimization
    """
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None


def log_attempt(outcome: Outcome) -> None:
    """Log one attempt."""
    if not logger.isEnabledFor(logging.INFO):
        return
    if settings.LOG_FORMAT == "text":
        logger.info("%s", text_of(outcome, datetime.now().astimezone()))
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


def text_of(outcome: Outcome, now: datetime) -> str:
    """Return the line for people, such as `18:41:59  500  Billing  invoice.paid  attempt 2 of 3, again in 20 s`."""
    delivery, attempt = outcome.claim.delivery, outcome.attempt
    number = delivery.num_trials - delivery.num_trials_before + 1
    counted = f"attempt {number} of {max(delivery.retry_limit, number)}"
    if outcome.delay is not None:
        counted += f", again in {outcome.delay:.0f} s"
    elif outcome.status == Status.FAILURE:
        counted += ", given up"
    status = attempt.http_status.split(" ")[0] or "---"
    parts = [f"{now:%H:%M:%S}", status, outcome.claim.target.name, delivery.event_type, counted]
    if not attempt.http_status and attempt.error:
        parts.append(attempt.error)
    return "  ".join(_shown(part) for part in parts)


def _shown(text: str) -> str:
    """Return a text of a customer or a receiver without control characters, which a terminal would obey."""
    plain = "".join(character if character.isprintable() else "?" for character in text)
    return plain if len(plain) <= SHOWN_CHARACTERS else f"{plain[: SHOWN_CHARACTERS - 1]}…"
