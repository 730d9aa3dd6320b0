"""Compare the delivery engine with a bare aiohttp loop that posts the same bytes: `script/bench deliver`.

Prints the tables of docs/performance.md.
"""

import argparse
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import astuple
from typing import TYPE_CHECKING

from bench.instance import instance, receiving

if TYPE_CHECKING:
    from bench.engine import Drained

#: Requests in flight of the floor; the faster of the two counts.
IN_FLIGHT = (32, 100)
WORKERS = {1: "one worker", 2: "two workers"}
#: Numbers of endpoints of which a fifth hangs.
SIZES = (100, 1000)


def main() -> int:
    """Run the benchmark. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="script/bench deliver", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=10_000, help="deliveries drained in each round (10000)")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions, of which the median counts (5)")
    parser.add_argument("--events", type=int, default=300, help="events timed one by one (300)")
    arguments = parser.parse_args()
    with instance(), ExitStack() as stack:
        # These imports need Django, which is set up by now.
        from bench.engine import Bench, Sink

        bench = Bench(Sink(*stack.enter_context(receiving())), arguments.deliveries)
        drains: dict[str, list[Drained]] = {}
        for _ in range(arguments.rounds):
            for workers in WORKERS:
                drains.setdefault(WORKERS[workers], []).append(bench.drain(workers))
            for in_flight in IN_FLIGHT:
                drains.setdefault(f"floor, {in_flight} in flight", []).append(bench.post(in_flight))
        report_drains(drains)
        report_latencies(bench.time_each(arguments.events))
        report_hanging([(number, *bench.hang(number, arguments.rounds)) for number in SIZES])
        duplicates = sum(number - 1 for number in bench.seen.values())
        print(f"\nOf {len(bench.seen):,} deliveries {duplicates} arrived more than once.")
    return 1 if duplicates else 0


def report_drains(drains: "dict[str, list[Drained]]") -> None:
    """Print the deliveries a second, each round beside the floor of the same round."""
    best = max(
        (f"floor, {number} in flight" for number in IN_FLIGHT), key=lambda name: _median(drains[name]).per_second
    )
    print_row("", "deliveries/s", "CPU ms", "PostgreSQL: CPU ms", "sink: CPU ms", "ratio to the floor")
    print_row(*["---"] * 6)
    for name, rounds in drains.items():
        middle = _median(rounds)
        ratio = statistics.median(
            ours.per_second / theirs.per_second for ours, theirs in zip(rounds, drains[best], strict=True)
        )
        figures = (middle.cpu_ms, middle.postgres_cpu_ms, middle.sink_cpu_ms)
        print_row(name, f"{middle.per_second:,.0f}", *(f"{figure:.3f}" for figure in figures), f"**{ratio:.2f}**")


def _median(rounds: "list[Drained]") -> "Drained":
    return type(rounds[0])(*(statistics.median(figures) for figures in zip(*map(astuple, rounds), strict=True)))


def report_latencies(timed: dict[str, list[float]]) -> None:
    """Print how long an event takes to reach its receiver."""
    print()
    print_row("one event each 50 ms", "p50 ms", "p99 ms")
    print_row(*["---"] * 3)
    for name, milliseconds in timed.items():
        percentiles = statistics.quantiles(milliseconds, n=100, method="inclusive")
        print_row(name, f"{percentiles[49]:.1f}", f"{percentiles[98]:.1f}")


def report_hanging(runs: list[tuple[int, float, float]]) -> None:
    """Print how long the deliveries to healthy endpoints take."""
    print()
    print_row("endpoints", "all answer: s", "a fifth hangs: s", "ratio")
    print_row(*["---"] * 4)
    for endpoints, before, after in runs:
        print_row(endpoints, f"{before:.2f}", f"{after:.2f}", f"**{after / before:.2f}**")


def print_row(*cells: object) -> None:
    """Print a row of a Markdown table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    begun = time.monotonic()
    code = main()
    print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)
    sys.exit(code)
