"""Time the portal's pages, and the statements behind them, with many deliveries: `script/bench portal`.

Prints the tables of docs/performance.md.
"""

import argparse
import http.client
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack

import psutil

from bench.instance import HOST, cpu_seconds, instance, postgres, serving
from bench.tables import Noise, print_head, print_row
from bench.timing import Timed, run, time_beside_floor

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
        noise = Noise()
        named = statements(customer)
        select_1 = named.pop("SELECT 1")
        used = cpu_seconds(psutil.Process(), postgres())
        report("statement", time_beside_floor(named, select_1, arguments.repeats, used), noise)

        server, process = stack.enter_context(serving(SERVER))
        floor, floor_process = stack.enter_context(serving(FLOOR))
        asked = {}
        for name, path in pages(customer).items():
            ask = page(server, path, customer.headers)
            status = ask()
            if status not in (200, 204, 286):
                print(f"{name} answers {status}, and is left out", file=sys.stderr)
                continue
            asked[name] = ask
        print()
        used = cpu_seconds(process, floor_process, postgres())
        report("page", time_beside_floor(asked, page(floor, "/", {}), arguments.repeats, used), noise)
        noise.report()
    return 0


def page(port: int, path: str, headers: Mapping[str, str]) -> Callable[[], int]:
    """Return a function that gets a page on one connection, and returns the answer's status."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)

    def get() -> int:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def ask() -> int:
        try:
            return get()
        except (http.client.RemoteDisconnected, ConnectionError):
            # The server closes connections that wait for their turn for long.
            connection.close()
            return get()

    return ask


def report(what: str, rows: Iterable[tuple[str, Timed, Timed]], noise: Noise) -> None:
    """Print the times of each row beside those of the floor, which is timed before each."""
    print_head(what, "p50 ms", "p95 ms", "CPU ms", "requests/s", "ratio to SELECT 1")
    floors = []
    for name, timed, floor in rows:
        floors.append(floor)
        figures = (f"{timed.p50:.1f}", f"{timed.percentile(95):.1f}", f"{timed.cpu_ms:.2f}", f"{timed.per_second:,.0f}")
        print_row(name, *figures, f"**{timed.p50 / floor.p50:.1f}**")
    middle = floors[len(floors) // 2]
    print_row("floor: SELECT 1", f"{middle.p50:.1f}", f"{middle.percentile(95):.1f}", f"{middle.cpu_ms:.2f}", "", "")
    print(f"\nNoise of these rows: {noise.of([floor.p50 for floor in floors])}")


if __name__ == "__main__":
    run(main)
