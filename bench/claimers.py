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
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.instance import HOST, free_port, instance, receiving, working
from bench.tables import Noise, medians, print_head, print_row
from bench.timing import run

if TYPE_CHECKING:
    from bench.engine import Bench

SAMPLE_SECONDS = 0.02
#: The workers that hold a lock of the queue: the locks of other work differ from LOCK_ID in its last byte.
_CLAIMING = """
SELECT count(DISTINCT pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND classid = 4419438
  AND objid::bigint >> 8 = 7761785 AND objid::bigint & 255 NOT IN (1, 10)
"""
_METRIC = re.compile(rb'^convoyclone_queue_(looks|wait_seconds)_total(?:{result="(\w+)"})? (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Round:
    """The figures of one round; the share of time is that of one worker."""

    per_second: float
    worker_ms: float
    postgres_ms: float
    looks_per_thousand: float
    busy_share: float
    waiting_share: float
    held_share: float
    claiming: float


def main() -> int:
    """Run the benchmark. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="script/bench claimers", description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8], help="numbers of workers (1 2 4 8)")
    parser.add_argument("--deliveries", type=int, default=5_000, help="deliveries drained in each round (5000)")
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
    """Drain deliveries with `number` workers, and measure them."""
    from bench.engine import WARM_UP

    ports = [free_port() for _ in range(number)]
    with working(number, ports) as processes:
        bench.enqueue(bench.subscriptions, WARM_UP)
        bench.wait_until_settled()
        bench.note()
        before = counted(ports)
        started = time.monotonic()
        with sampling() as claiming:
            drained = bench.measure(processes)
        took = time.monotonic() - started
        read, busy, waited = (after - earlier for after, earlier in zip(counted(ports), before, strict=True))
    # Before the commit of the deliveries, and after the last outcome, nothing is claimed.
    first = next((at for at, workers in enumerate(claiming) if workers), 0)
    last = round(bench.deliveries / drained.per_second / SAMPLE_SECONDS)
    during = claiming[first : first + last] or [0]
    return Round(
        drained.per_second,
        drained.cpu_ms,
        drained.postgres_cpu_ms,
        (read + busy) / bench.deliveries * 1e3,
        busy / (read + busy),
        waited / number / min(took, bench.deliveries / drained.per_second),
        sum(map(bool, during)) / len(during),
        statistics.fmean([workers for workers in during if workers] or [0]),
    )


def counted(ports: Sequence[int]) -> tuple[float, float, float]:
    """Return the looks of all workers that read the queue, those that found it busy, and the seconds of waiting."""
    read = busy = waited = 0.0
    for port in ports:
        connection = http.client.HTTPConnection(HOST, port, timeout=30)
        connection.request("GET", "/metrics")
        for name, result, value in _METRIC.findall(connection.getresponse().read()):
            if name == b"wait_seconds":
                waited += float(value)
            elif result == b"busy":
                busy += float(value)
            else:
                read += float(value)
        connection.close()
    return read, busy, waited


@contextmanager
def sampling() -> Iterator[list[int]]:
    """Count the workers that claim, every SAMPLE_SECONDS until the block ends. Yields the samples so far."""
    from django.db import connections

    samples: list[int] = []
    ended = threading.Event()

    def sample() -> None:
        with connections["default"].cursor() as cursor:
            while not ended.wait(SAMPLE_SECONDS):
                cursor.execute(_CLAIMING)
                [(claiming,)] = cursor.fetchall()
                samples.append(claiming)
        connections.close_all()

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def report(rounds: dict[int, list[Round]]) -> None:
    """Print the medians of the rounds."""
    names = ("looks for 1,000", "of them busy", "waiting", "held", "claiming")
    print_head("workers", "deliveries/s", "worker: CPU ms", "PostgreSQL: CPU ms", *names)
    noise = Noise()
    for number, taken in rounds.items():
        own = medians(taken)
        noise.of([each.worker_ms + each.postgres_ms for each in taken])
        cpu = (f"{own.worker_ms:.3f}", f"{own.postgres_ms:.3f}")
        shares = (f"{share:.0%}" for share in (own.busy_share, own.waiting_share, own.held_share))
        counts = (f"{own.looks_per_thousand:.0f}", *shares, f"{own.claiming:.2f}")
        print_row(number, f"{own.per_second:,.0f}", *cpu, *counts)
    noise.report()


if __name__ == "__main__":
    run(main)
