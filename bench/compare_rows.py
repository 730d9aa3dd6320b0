"""Measure one side of `script/bench compare`. Import it after Django is set up."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.load import measure
from core.ulid import new_ulid

if TYPE_CHECKING:
    from bench.compare import Side

APART_SECONDS = 0.05
#: Events that have not arrived after this time are given up.
PATIENCE_SECONDS = 60
EVENT = "take in an event"


@dataclass(frozen=True)
class Row:
    """Requests, or deliveries, a second, and the CPU milliseconds of each."""

    per_second: float
    cpu_ms: float

    @classmethod
    def missing(cls) -> "Row":
        """Return the row of a server that did not do it in time."""
        return cls(0, 0)


def load(side: "Side", name: str, seconds: float, most: int) -> dict[str, Row]:
    """Load a side with one of its requests. Returns rows by name: the request, and deliveries where it is an event.

    The events are delivered meanwhile, and after it all that is left is waited for.
    """
    cpu, started = side.used(), time.monotonic()
    measured = measure(
        side.client.server, side.requests[name], warm_up=0.2, seconds=seconds, cpu_seconds=side.used, most=most
    )
    rows = {name: Row(measured.requests_per_second, measured.cpu_ms)}
    if name != EVENT:
        return rows
    arrived = wait_until_quiet(side)
    if arrived:
        took = max(arrived) - started
        rows["event to delivered, under load"] = Row(len(arrived) / took, (side.used() - cpu) / len(arrived) * 1e3)
    return rows


def wait_until_quiet(side: "Side") -> list[float]:
    """Return the moments of the events that arrive, until none has for three seconds (or PATIENCE_SECONDS are over)."""
    arrived: list[float] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    latest = time.monotonic()
    while time.monotonic() < min(deadline, latest + 3):
        time.sleep(0.1)
        if new := [moment for _, _, moment in side.sink.take()]:
            arrived += new
            latest = time.monotonic()
    return arrived


def time_arrivals(side: "Side", number: int) -> list[float]:
    """Return the milliseconds from before POST /events to the arrival of each event, one event each 50 ms."""
    sent: dict[str, float] = {}
    side.sink.take()
    for _ in range(number):
        uid, started = new_ulid(), time.monotonic()
        side.post(uid)
        sent[uid] = started
        time.sleep(max(0.0, started + APART_SECONDS - time.monotonic()))
    arrived: dict[str, float] = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(arrived) < number and time.monotonic() < deadline:
        arrived |= {uid: moment for _, uid, moment in side.sink.take() if uid in sent}
        time.sleep(0.1)
    return [(moment - sent[uid]) * 1e3 for uid, moment in arrived.items()]
