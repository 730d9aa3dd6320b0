"""Report the queue to Prometheus: how many deliveries wait, how long, and why.

The figures are of the whole instance and name no tenant. Each is read from one of the queue's partial
indexes, and a count ends at COUNTED_AT_MOST rows: beyond that the index's own estimate is reported. Each process
reads them once in READ_EVERY_SECONDS, however often they are scraped.
"""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import Error, connection
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.api.time_limit import TookTooLong, time_limit
from outbound.states import Status

logger = logging.getLogger("convoyclone.metrics")

COUNTED_AT_MOST = 100_000
READ_EVERY_SECONDS = 5.0
TIME_LIMIT_SECONDS = 3.0

# reltuples is -1 for an index that was never analyzed.
_FIGURES = """
SELECT
  (SELECT count(*) FROM (SELECT FROM events_eventdelivery WHERE due_at <= now() AND NOT is_parked LIMIT %(most)s) d),
  (SELECT count(*) FROM (SELECT FROM events_eventdelivery WHERE due_at > now() AND NOT is_parked LIMIT %(most)s) l),
  (SELECT count(*) FROM (SELECT FROM events_eventdelivery WHERE is_parked LIMIT %(most)s) p),
  (SELECT count(*) FROM (
    SELECT FROM events_eventdelivery WHERE status = %(processing)s AND due_at > now() LIMIT %(most)s
  ) f),
  (SELECT greatest(extract(epoch FROM now() - min(due_at)), 0)::float FROM events_eventdelivery
   WHERE due_at IS NOT NULL AND NOT is_parked),
  (SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass('delivery_due')),
  (SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass('delivery_parked'))
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """The queue at one moment, in deliveries."""

    #: Those that a worker could take now.
    due: int
    #: Those that are due later: between two attempts.
    later: int
    #: Those held back because their endpoint is busy, paused, limited, or its circuit breaker is open.
    parked: int
    #: Those that a worker is sending.
    in_flight: int
    #: The seconds for which the first of `due` has waited.
    oldest_due_seconds: float


def read_figures() -> Figures:
    """Read the present figures. Raises django.db.Error and TookTooLong."""
    with time_limit(TIME_LIMIT_SECONDS, "the queue could not be counted"), connection.cursor() as cursor:
        cursor.execute(_FIGURES, {"most": COUNTED_AT_MOST, "processing": Status.PROCESSING})
        due, after_now, parked, in_flight, oldest, of_queue, of_parked = cursor.fetchone()
    if due == COUNTED_AT_MOST:
        due = max(due, of_queue - after_now)
    elif after_now == COUNTED_AT_MOST:
        after_now = max(after_now, of_queue - due)
    if parked == COUNTED_AT_MOST:
        parked = max(parked, of_parked)
    return Figures(
        due=due,
        # A lease ends later, too: those in flight are among them.
        later=max(after_now - in_flight, 0),
        parked=parked,
        in_flight=in_flight,
        oldest_due_seconds=oldest or 0.0,
    )


class QueueCollector(Collector):
    """Collects the figures, and whether the database answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: Figures | None = None
        self._read_at = float("-inf")

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield nothing: registering must not need the database."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families of a scrape."""
        figures = self._figures()
        yield GaugeMetricFamily(
            "convoyclone_database_up",
            "Whether the database has answered with the figures of the queue.",
            int(figures is not None),
        )
        if figures is None:
            return
        deliveries = GaugeMetricFamily(
            "convoyclone_queue_deliveries",
            "Deliveries that are not settled, by the reason why they wait.",
            labels=["state"],
        )
        for state in ("due", "later", "parked", "in_flight"):
            deliveries.add_metric([state], getattr(figures, state))
        yield deliveries
        yield GaugeMetricFamily(
            "convoyclone_queue_oldest_due_seconds",
            "The seconds for which the first due delivery has waited for a worker.",
            figures.oldest_due_seconds,
        )

    def _figures(self) -> Figures | None:
        with self._lock:
            if time.monotonic() - self._read_at >= READ_EVERY_SECONDS:
                try:
                    self._known = read_figures()
                except (Error, TookTooLong) as error:
                    logger.error("no figures of the queue: %s", error)
                    self._known = None
                self._read_at = time.monotonic()
            return self._known


#: The metrics of the web server: those of the queue only, as figures of one process among several would mislead.
registry = CollectorRegistry()
registry.register(QueueCollector())
