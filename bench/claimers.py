"""Measure what workers that claim at the same time cost each other: `script/bench claimers`.

Prints the table of docs/adr/0012. "Claiming" is the number of workers that hold a lock of the queue, and "held" the
share of samples in which any does. A worker waits from a look that found others claiming to its next one that did not.
"""

import argparse
import http.client
import re
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from bench.instance import HOST, free_port, instance, receiving, working
from bench.tables import Noise, medians, print_head, print_row
from bench.timing import run

if TYPE_CHECKING:
    from bench.engine import Bench

SAMPLE_SECONDS = 0.02
#: Deliveries that are few: workers then look for more and find none.
FEW = 200
#: The workers that hold a lock of the queue, and the deliveries that are due, FEW at most.
_SAMPLE = """
SELECT
  (SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
   AND classid::bigint << 32 | objid::bigint = ANY(%s)),
  (SELECT count(*) FROM (SELECT FROM events_eventdelivery WHERE due_at <= now() AND NOT is_parked LIMIT %s) due)
"""
_METRIC = re.compile(r'^convoyclone_queue_(?:looks|wait_seconds)_total(?:{result="(\w+)"})? (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Round:
    """The figures of one round; the share of time is that of one worker."""

    per_second: float
    worker_ms: float
    postgres_ms: float
    whole: float
    part: float
    busy: float
    waiting_share: float
    held_share: float
    claiming: float


def main() -> int:
    """Run the benchmark. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="script/bench claimers", description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8], help="numbers of workers (1 2 4 8)")
    parser.add_argument("--deliveries", type=int, default=10_000, help="deliveries drained in each round (10000)")
    parser.add_argument("--endpoints", type=int, default=400, help="endpoints of the one project (400)")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions, of which the median counts (3)")
    arguments = parser.parse_args()
    with instance(), ExitStack() as stack:
        # These imports need Django, which is set up by now.
        from bench.engine import Bench, Sink
        from bench.queueing import clear, make_subscriptions

        bench = Bench(Sink(*stack.enter_context(receiving())), arguments.deliveries)
        bench.subscriptions = make_subscriptions(bench.project, bench.sink.urls("/endpoint", arguments.endpoints))
        rounds: dict[int, list[Round]] = {number: [] for number in arguments.workers}
        for _ in range(arguments.rounds):
            for number, taken in rounds.items():
                clear()
                taken.append(drain(bench, number))
        report(rounds)
        duplicates = sum(number - 1 for number in bench.seen.values())
        print(f"\nOf {len(bench.seen):,} deliveries {duplicates} arrived more than once.")
    return 1 if duplicates else 0


def drain(bench: "Bench", number: int) -> Round:
    """Drain deliveries with `number` workers, and measure them; looks and locks for as long as any delivery is due."""
    from bench.engine import WARM_UP

    ports = [free_port() for _ in range(number)]
    with working(number, ports) as processes:
        bench.enqueue(bench.subscriptions, WARM_UP)
        bench.wait_until_settled()
        bench.note()
        with Watch(ports) as watch:
            drained = bench.measure(processes)
    taken = (bench.deliveries - watch.left) / 1e3
    return Round(
        drained.per_second,
        drained.cpu_ms,
        drained.postgres_cpu_ms,
        watch.looks["whole"] / taken,
        watch.looks.get("part", 0) / taken,
        watch.looks["busy"] / taken,
        watch.looks["wait"] / number / watch.seconds,
        sum(map(bool, watch.claiming)) / len(watch.claiming),
        statistics.fmean([workers for workers in watch.claiming if workers] or [0]),
    )


def counted(ports: Sequence[int]) -> dict[str, float]:
    """Return the looks of all workers by their result, and the seconds of waiting as "wait"."""
    counts: defaultdict[str, float] = defaultdict(float)
    for port in ports:
        connection = http.client.HTTPConnection(HOST, port, timeout=30)
        connection.request("GET", "/metrics")
        for result, value in _METRIC.findall(connection.getresponse().read().decode()):
            counts[result or "wait"] += float(value)
        connection.close()
    return counts


class Watch:
    """The locks of the queue, and the looks of workers, from when deliveries become due until few are left."""

    def __init__(self, ports: Sequence[int]) -> None:
        #: The number of workers that claimed, at each sample.
        self.claiming: list[int] = []
        self.looks: dict[str, float] = {}
        self.seconds = 0.0
        #: Deliveries that were left to claim at the end.
        self.left = 0
        self._ports = ports
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        from django.db import connections

        from engine.parts import FIRST_LOCK_ID, LOCK_ID, PARTS

        locks = [LOCK_ID, *range(FIRST_LOCK_ID, FIRST_LOCK_ID + PARTS)]
        before = counted(self._ports)
        started = 0.0
        with connections["default"].cursor() as cursor:
            while not self._ended.wait(SAMPLE_SECONDS):
                cursor.execute(_SAMPLE, [locks, FEW])
                [(claiming, due)] = cursor.fetchall()
                if due >= FEW:
                    started = started or time.monotonic()
                    self.claiming.append(claiming)
                elif started:
                    break
        self.left, self.seconds = due, time.monotonic() - started
        self.looks = {name: count - before.get(name, 0) for name, count in counted(self._ports).items()}
        connections.close_all()


def report(rounds: dict[int, list[Round]]) -> None:
    """Print the medians of the rounds."""
    names = ("looks for 1,000: whole", "part", "busy", "waiting", "held", "claiming")
    print_head("workers", "deliveries/s", "worker: CPU ms", "PostgreSQL: CPU ms", *names)
    noise = Noise()
    for number, taken in rounds.items():
        own = medians(taken)
        noise.of([each.worker_ms + each.postgres_ms for each in taken])
        cpu = (f"{own.worker_ms:.3f}", f"{own.postgres_ms:.3f}")
        shares = (f"{share:.0%}" for share in (own.waiting_share, own.held_share))
        counts = (*(f"{looks:.0f}" for looks in (own.whole, own.part, own.busy)), *shares, f"{own.claiming:.2f}")
        print_row(number, f"{own.per_second:,.0f}", *cpu, *counts)
    noise.report()


if __name__ == "__main__":
    run(main)
