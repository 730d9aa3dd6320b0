"""Time the portal's pages, and the statements behind them, with many deliveries: `script/bench portal`.

Prints the tables of docs/performance.md.
"""

import argparse
import http.client
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from bench.instance import HOST, instance, serving

SERVER = "convoyclone.wsgi:application"
FLOOR = "bench.floor_portal:application"


def main() -> int:
    """Run the benchmark. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="script/bench portal", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=1_000_000, help="deliveries in the tables (1000000)")
    parser.add_argument("--repeats", type=int, default=100, help="repetitions of each measurement (100)")
    arguments = parser.parse_args()
    with instance(), ExitStack() as stack:
        # These imports need Django, which is set up by now.
        from bench.portal_pages import make_customer, pages, statements

        begun = time.monotonic()
        customer = make_customer(arguments.deliveries)
        print(f"{arguments.deliveries:,} deliveries made in {time.monotonic() - begun:.0f} s", file=sys.stderr)
        print_row("statement", "p50 ms", "p95 ms", "ratio to SELECT 1")
        print_row(*["---"] * 4)
        report({name: timed(act, arguments.repeats) for name, act in statements(customer).items()})

        ports = {application: stack.enter_context(serving(application))[0] for application in (SERVER, FLOOR)}
        asked = {"SELECT 1": page(ports[FLOOR], "/", {})}
        for name, path in pages(customer).items():
            ask = page(ports[SERVER], path, customer.headers)
            status = ask()
            if status not in (200, 204, 286):
                print(f"{name} answers {status}, and is left out", file=sys.stderr)
                continue
            asked[name] = ask
        print()
        print_row("page", "p50 ms", "p95 ms", "ratio to SELECT 1")
        print_row(*["---"] * 4)
        report({name: timed(ask, arguments.repeats) for name, ask in asked.items()})
    return 0


def page(port: int, path: str, headers: Mapping[str, str]) -> Callable[[], int]:
    """Return a function that gets a page on one connection, and returns the answer's status."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)

    def ask() -> int:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        answer.read()
        return answer.status

    return ask


def timed(act: Callable[[], object], repeats: int) -> list[float]:
    """Return the milliseconds of each of `repeats` calls, made one after the other."""
    for _ in range(16):  # each of the server's threads has a connection with statements of its own
        act()
    milliseconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        act()
        milliseconds.append((time.perf_counter() - started) * 1e3)
    return milliseconds


def report(times: Mapping[str, list[float]]) -> None:
    """Print the times, the first of which are those of the floor."""
    floor = statistics.median(next(iter(times.values())))
    for name, milliseconds in times.items():
        middle = statistics.median(milliseconds)
        p95 = statistics.quantiles(milliseconds, n=100, method="inclusive")[94]
        print_row(name, f"{middle:.1f}", f"{p95:.1f}", f"**{middle / floor:.1f}**")


def print_row(*cells: object) -> None:
    """Print a row of a Markdown table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    begun = time.monotonic()
    code = main()
    print(f"{time.monotonic() - begun:.0f} s", file=sys.stderr)
    sys.exit(code)
