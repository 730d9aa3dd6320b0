"""Compare the delivery engine with a bare aiohttp loop that posts the same bytes: `script/bench deliver`.

Prints the tables of docs/performance.md.
"""

import argparse
import statistics
from contextlib import ExitStack
from typing import TYPE_CHECKING

from bench.instance import instance, receiving
from bench.tables import Noise, medians, print_head, print_row
from bench.timing import run

if TYPE_CHECKING:
    from bench.engine import Drained
    from bench.timing import Timed

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
    if arguments.deliveries < max(SIZES):
        parser.error(f"--deliveries: at least {max(SIZES)}, one for each endpoint")
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
    middle = {name: medians(rounds) for name, rounds in drains.items()}
    best = max((f"floor, {number} in flight" for number in IN_FLIGHT), key=lambda name: middle[name].per_second)
    print_head("", "deliveries/s", "CPU ms", "PostgreSQL: CPU ms", "sink: CPU ms", "ratio to the floor", "noise")
    noise = Noise()
    for name, rounds in drains.items():
        own = middle[name]
        ratio = statistics.median(
            ours.per_second / theirs.per_second for ours, theirs in zip(rounds, drains[best], strict=True)
        )
        figures = (own.cpu_ms, own.postgres_cpu_ms, own.sink_cpu_ms)
        spread = noise.of([each.per_second for each in rounds]) if name.startswith("floor") else ""
        shown = (f"{own.per_second:,.0f}", *(f"{figure:.3f}" for figure in figures))
        print_row(name, *shown, f"**{ratio:.2f}**", spread)
    noise.report()


def report_latencies(timed: "dict[str, Timed]") -> None:
    """Print how long an event takes to reach its receiver, and the CPU of server, worker and PostgreSQL."""
    print()
    print_head("one event each 50 ms", "p50 ms", "p99 ms", "CPU ms")
    for name, times in timed.items():
        print_row(name, f"{times.p50:.1f}", f"{times.percentile(99):.1f}", f"{times.cpu_ms:.2f}")


def report_hanging(runs: "list[tuple[int, Timed, Timed]]") -> None:
    """Print how long the deliveries to healthy endpoints take, and the CPU of worker and PostgreSQL for a delivery."""
    print()
    print_head("endpoints", "all answer: s", "CPU ms", "a fifth hangs: s", "CPU ms", "ratio")
    for endpoints, before, after in runs:
        shown = [cell for each in (before, after) for cell in (f"{each.p50 / 1e3:.2f}", f"{each.cpu_ms:.3f}")]
        print_row(endpoints, *shown, f"**{after.p50 / before.p50:.2f}**")


if __name__ == "__main__":
    run(main)
