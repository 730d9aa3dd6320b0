"""Decide when a failed attempt is made again. Contract: docs/contract/deliveries.md#retry-schedule."""

import random as _random
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: The description of a delivery that has had its last attempt.
LIMIT_REACHED = "Retry limit exceeded"
#: With `linear` the interval stays as it is, with `exponential` it doubles with each failure.
STRATEGIES = LINEAR, EXPONENTIAL = ("linear", "exponential")
#: The longest pause of the exponential strategy, its jitter aside.
CAP_SECONDS = 7200
JITTER_SECONDS = 5
#: The most that is added at random to a linear interval: a fraction of it, and seconds.
LINEAR_JITTER = 0.1
LINEAR_JITTER_SECONDS = 10
#: The pause where the strategy's is 0 seconds.
INSTEAD_OF_ZERO = 120
#: The longest pause that a receiver may ask for with Retry-After.
LONGEST_RETRY_AFTER = 3600

_seconds = re.compile(r"[0-9]+")
#: From this exponent on, 2 ** n seconds exceed the cap, whatever the interval.
CAPPED_FROM = CAP_SECONDS.bit_length()


def delay_seconds(
    strategy: str,
    interval_seconds: int,
    failures_before: int,
    *,
    retry_after: float | None = None,
    random: Callable[[], float] = _random.random,
) -> float:
    """Return the seconds to wait after an attempt that failed.

    `failures_before` is the number of failures before it: 0 at the first. Every strategy but `exponential` waits the
    interval each time, and a little longer at random. `retry_after` is the pause that the receiver asks for, in
    seconds: it lengthens the pause, up to LONGEST_RETRY_AFTER, and never shortens it. `random` returns a number of
    [0, 1).
    """
    delay: float = max(interval_seconds, 0)
    if strategy == EXPONENTIAL and delay:
        delay = min(delay * 2 ** min(max(failures_before, 0), CAPPED_FROM), CAP_SECONDS) + random() * JITTER_SECONDS
    else:
        delay = delay or INSTEAD_OF_ZERO
        # Deliveries that have failed together, as in an outage, are not all sent again at the same moment.
        delay += random() * min(delay * LINEAR_JITTER, LINEAR_JITTER_SECONDS)
    return delay if retry_after is None else max(delay, min(retry_after, LONGEST_RETRY_AFTER))


def parse_retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds from `now` that a Retry-After header asks for (RFC 9110, 10.2.3), or None if it is unreadable.

    A moment in the past means 0 seconds.
    """
    value = value.strip()
    if _seconds.fullmatch(value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max((moment - now).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
