"""Measure how long the events of one project take while another project takes all it can: `script/bench fairness`.

Prints the table of docs/reliability.md.
"""

import argparse
import statistics
import time
from contextlib import ExitStack

from bench.instance import cpu_seconds, instance, postgres, receiving, working
from bench.tables import Noise, print_head, print_row

#: Endpoints of the other project that never answer: with the limit of each, more than there are places.
HANGING_ENDPOINTS = 210
APART_SECONDS = 0.05


def main() -> int:
    """Run the benchmark. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="script/bench fairness", description=__doc__)
    parser.add_argument("--backlog", type=int, default=50_000, help="due deliveries of the other project (50000)")
    parser.add_argument("--events", type=int, default=200, help="events timed one by one in each row (200)")
    parser.add_argument("--endpoints", type=int, default=100, help="endpoints of the backlog that answer (100)")
    parser.add_argument("--workers", type=int, default=1, help="workers (1)")
    arguments = parser.parse_args()
    with instance(), ExitStack() as stack:
        # These imports need Django, which is set up by now.
        from bench.engine import Bench, Sink
        from bench.queueing import clear, make_project, make_subscriptions

        bench = Bench(Sink(*stack.enter_context(receiving())), arguments.backlog)
        other, _ = make_project("Other")
        rows = {
            "nothing": [],
            "a backlog": make_subscriptions(other, bench.sink.urls("/other", arguments.endpoints)),
            "a backlog at one endpoint": make_subscriptions(other, bench.sink.urls("/single", 1)),
            "endpoints that hang": make_subscriptions(other, bench.sink.urls("/hang", HANGING_ENDPOINTS)),
            "nothing, at the end": [],
        }
        quiet = []
        print_head("beside", "p50 ms", "p99 ms", "most ms", "other deliveries/s", "CPU ms a delivery")
        for name, subscriptions in rows.items():
            clear()
            with working(arguments.workers) as workers:
                if subscriptions:
                    bench.enqueue(subscriptions, arguments.backlog, project=other)
                time.sleep(1)
                bench.note()
                used = cpu_seconds(*workers, postgres())
                cpu, started = used(), time.monotonic()
                timed, others = bench.time_inserted(arguments.events, APART_SECONDS)
                took, cpu = time.monotonic() - started, used() - cpu
            cuts = statistics.quantiles(timed, n=100, method="inclusive")
            if not subscriptions:
                quiet.append(cuts[49])
            cpu_ms = cpu / (others + len(timed)) * 1e3
            shown = (f"{cuts[49]:.1f}", f"{cuts[98]:.1f}", f"{max(timed):.1f}", f"{others / took:,.0f}")
            print_row(name, *shown, f"{cpu_ms:.2f}")
        noise = Noise()
        noise.of(quiet)
        noise.report()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
