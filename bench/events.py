"""Compare the intake of events with bare inserts, and measure fan-outs: `script/bench events`.

Prints the tables of docs/performance.md.
"""

import argparse
import socket
import time
from contextlib import ExitStack
from functools import partial

import psutil

from bench.instance import count_statements, cpu_seconds, instance, postgres, receiving, serving, working
from bench.load import Measured, Server, measure, request_bytes
from bench.tables import Noise, medians, print_head, print_row, ratio
from bench.timing import Timed, run, time_each

SERVER = "convoyclone.wsgi:application"
FLOORS = {"bench.floor_events:event": "event row", "bench.floor_events:with_delivery": "event and delivery rows"}
STACK = "bench.floor_stack:application"
SIZES = [1, 10, 100, 1000]
#: Repetitions of a fan-out.
REPEATS = 30


def main() -> int:
    """Run the benchmark. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="script/bench events", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds of each measurement (2)")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions, of which the median counts (5)")
    arguments = parser.parse_args()
    with instance(), ExitStack() as stack:
        # These imports need Django, which is set up by now.
        from bench.engine import Sink
        from bench.queueing import clear, event_body, fanout_body, make_project, make_subscriptions
        from core.ulid import new_ulid

        sink = Sink(*stack.enter_context(receiving()))
        project, key = make_project("Benchmark")
        (subscription,) = make_subscriptions(project, sink.urls("/one", 1))
        path = f"/api/v1/projects/{project.uid}/events"
        request = request_bytes("POST", path, key=key, body=event_body(subscription.endpoint_id, new_ulid()))
        sides: dict[str, tuple[int, psutil.Process]] = {
            application: stack.enter_context(serving(application)) for application in (SERVER, *FLOORS, STACK)
        }

        def load(application: str) -> Measured:
            port, process = sides[application]
            used = cpu_seconds(process, postgres())
            return measure(Server(port=port), request, warm_up=0.3, seconds=arguments.seconds, cpu_seconds=used)

        results: dict[str, list[Measured]] = {}
        for _ in range(arguments.rounds):
            for application in sides:
                results.setdefault(application, []).append(load(application))
            # Let the server finish the generator's last requests.
            time.sleep(1)
            clear()
            with working():
                results.setdefault("with a worker", []).append(load(SERVER))
                time.sleep(1)
            clear()
        server, process = sides[SERVER]
        used = cpu_seconds(process, postgres())
        statements = count_statements(partial(send, server, request))
        report(results, statements)

        fanouts = []
        for size in SIZES:
            owner_id = f"customer-{size}"
            make_subscriptions(project, sink.urls(f"/{owner_id}", size), owner_id=owner_id)
            request = request_bytes("POST", f"{path}/fanout", key=key, body=fanout_body(owner_id, new_ulid()))
            act = partial(send, server, request)
            fanouts.append((size, time_each(act, REPEATS, used), count_statements(act)))
        report_fanouts(fanouts)
    return 0


def send(port: int, request: bytes) -> None:
    """Send one request on a connection of its own. Raises RuntimeError for an answer that is not a 2xx."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        if not connection.recv(65_536).startswith(b"HTTP/1.1 2"):
            raise RuntimeError("the server has refused a request")


def report(results: dict[str, list[Measured]], statements: int) -> None:
    """Print the events taken in a second."""
    ratios_to = [f"ratio to: {name}" for name in FLOORS.values()]
    print_head("", "requests/s", "p50 ms", "p99 ms", "CPU ms", "SQL", *ratios_to, "noise")
    noise = Noise()
    names = {
        SERVER: "POST /events",
        STACK: "floor: event and delivery rows, behind Django",
        "with a worker": "while a worker delivers them",
    }
    for application, rounds in results.items():
        middle = medians(rounds)
        ratios = ["" if application in FLOORS else f"**{ratio(rounds, results[floor]):.2f}**" for floor in FLOORS]
        name = names.get(application) or f"floor: {FLOORS[application]}"
        shown = (f"{middle.requests_per_second:,.0f}", f"{middle.p50_ms:.1f}", f"{middle.p99_ms:.1f}")
        spread = noise.of([each.requests_per_second for each in rounds]) if application in FLOORS else ""
        number = 1 if application in (*FLOORS, STACK) else statements
        print_row(name, *shown, f"{middle.cpu_ms:.2f}", number, *ratios, spread)
    noise.report()


def report_fanouts(fanouts: list[tuple[int, Timed, int]]) -> None:
    """Print the time, the CPU time and the statements of fan-outs."""
    print()
    print_head("subscriptions", "requests/s", "ms", "CPU ms", "SQL", "ms for each further subscription")
    first_size, first, _ = fanouts[0]
    for size, timed, statements in fanouts:
        each = f"{(timed.p50 - first.p50) / (size - first_size):.3f}" if size > first_size else ""
        print_row(size, f"{timed.per_second:,.0f}", f"{timed.p50:.1f}", f"{timed.cpu_ms:.2f}", statements, each)


if __name__ == "__main__":
    run(main)
