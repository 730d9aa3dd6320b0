"""Measure how portal links of an owner with N endpoints are created, got and listed: `script/bench portal_links`.

Prints the tables of docs/performance.md.
"""

import argparse
import secrets
import sys
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from bench.instance import count_statements, cpu_seconds, instance, postgres, serving
from bench.load import CONNECTIONS, Measured, Server, measure, request_bytes
from bench.tables import Noise, medians, print_head, print_row, ratio
from bench.timing import run

SIZES = [1, 10, 100, 1000]
#: For the largest size: with more, answers may take over half a second, and the server refuses a caller's slow ones.
FEW_CONNECTIONS = 4
SERVER = "convoyclone.wsgi:application"
FLOORS = {"bench.floor:in_python": "Python", "bench.floor:in_sql": "SQL"}
STACK = "bench.floor_stack:application"
#: The links that each owner has from the start, so that a page of a list is full.
LINKS_EACH = 25
#: The links on a page of a list, and the endpoints that they show at most: a page of the server ends at 4 MiB.
PAGE, MOST_SHOWN = 20, 3_000


@dataclass(frozen=True)
class Call:
    """One API request."""

    operation: str
    size: int
    method: str
    path: str
    body: bytes = b""


#: The figures of each round, by call and application.
Results = dict[tuple[Call, str], list[Measured]]


@dataclass
class Side:
    """The server, or a floor."""

    application: str
    port: int
    cpu_seconds: Callable[[], float]


def main() -> int:
    """Run the benchmark. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="script/bench portal_links", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of each measurement (1)")
    parser.add_argument("--rounds", type=int, default=4, help="repetitions, of which the median counts (4)")
    arguments = parser.parse_args()
    with instance(), ExitStack() as stack:
        key, calls = seed()
        database = postgres()
        sides = []
        for application in (SERVER, *FLOORS, STACK):
            port, process = stack.enter_context(serving(application))
            sides.append(Side(application, port, cpu_seconds(process, database)))
        for call in calls:
            check_same_answer(sides, key, call)
        results: Results = {}
        for turn in range(arguments.rounds):
            for number, call in enumerate(calls):
                progress(turn * len(calls) + number, arguments.rounds * len(calls))
                request = request_bytes(call.method, call.path, key=key, body=call.body)
                for side in sides:
                    measured = measure(
                        Server(port=side.port),
                        request,
                        warm_up=0.2,
                        seconds=arguments.seconds,
                        cpu_seconds=side.cpu_seconds,
                        connections=FEW_CONNECTIONS if call.size == SIZES[-1] else CONNECTIONS,
                    )
                    results.setdefault((call, side.application), []).append(measured)
        statements = {call: count_statements(partial(answer, sides[0], key, call)) for call in calls}
    report(calls, results, statements)
    return 0


def seed() -> tuple[str, list[Call]]:
    """Make a project, a key, and for each size an owner with that many endpoints. Returns (key, calls)."""
    from django.db import connection, transaction

    from endpoints.operations import create_endpoint
    from portal_links.operations import create_portal_link
    from projects.models import Project
    from projects.operations import create_project

    project, _, key = create_project(name="Benchmark", type=Project.Type.OUTGOING)
    path = f"/api/v1/projects/{project.uid}/portal-links"
    calls: dict[str, list[Call]] = {"create": [], "get": [], "list": []}
    for size in SIZES:
        owner_id = f"customer-{size}"
        with transaction.atomic():
            for number in range(size):
                # Every other endpoint has an API key, as many of Convoy's users' endpoints do.
                header = {"header_name": "X-Api-Key", "header_value": secrets.token_urlsafe(24)}
                sent: dict[str, Any] = {"authentication": {"type": "api_key", "api_key": header}} if number % 2 else {}
                create_endpoint(
                    project.uid,
                    url=f"https://hooks.customer-{size}.example.com/webhooks/{number}",
                    name=f"Webhook {number}",
                    owner_id=owner_id,
                    description=f"Order events of store {number}, for the warehouse",
                    **sent,
                )
            for _ in range(LINKS_EACH):
                link = create_portal_link(project.uid, name="Customer's webhooks", owner_id=owner_id).link
        body = orjson.dumps({"name": "Customer's webhooks", "owner_id": owner_id, "can_manage_endpoint": True})
        calls["create"].append(Call("create", size, "POST", path, body))
        calls["get"].append(Call("get", size, "GET", f"{path}/{link.uid}"))
        page = min(PAGE, MOST_SHOWN // size)
        calls["list"].append(Call("list", size, "GET", f"{path}?perPage={page}&ownerId={owner_id}"))
    with connection.cursor() as cursor:
        # Do now what autovacuum would do in its first minute, and a checkpoint, so that neither is measured.
        cursor.execute("ANALYZE")
        cursor.execute("CHECKPOINT")
    return key, [call for operation in calls.values() for call in operation]


def answer(side: Side, key: str, call: Call) -> Any:
    """Return the parsed `data` of one call's answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{side.port}{call.path}",
        method=call.method,
        data=call.body or None,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - the URL is ours
        return orjson.loads(response.read())["data"]


def check_same_answer(sides: list[Side], key: str, call: Call) -> None:
    """Check that the floors answer as the server does, except for the SQL floor's undecrypted secrets.

    Answers to reads must be equal, answers to creates of the same shape. Raises AssertionError.
    """
    server, in_python, in_sql, stack = (answer(side, key, call) for side in sides)
    if call.operation != "create" and server != in_python:
        raise AssertionError(f"{call.operation} {call.size}: the floor answers something else")
    if not shape(server) == shape(in_python) == shape(stack):
        raise AssertionError(f"{call.operation} {call.size}: the floor answers another shape")
    sealed = ("secrets", "authentication")
    if shape(server, but_for=sealed) != shape(in_sql, but_for=sealed):
        raise AssertionError(f"{call.operation} {call.size}: the SQL floor answers another shape")


def shape(value: Any, but_for: tuple[str, ...] = ()) -> Any:
    """Return a JSON value with each text and number replaced by its type."""
    if isinstance(value, dict):
        return {name: shape(inner, but_for) for name, inner in value.items() if name not in but_for}
    if isinstance(value, list):
        return [shape(inner, but_for) for inner in value]
    return type(value).__name__


def progress(done: int, of: int) -> None:
    """Show the progress of the run on a terminal."""
    if sys.stderr.isatty():
        print(f"\r{done} of {of}", end="\r", file=sys.stderr, flush=True)


def report(calls: list[Call], results: Results, statements: dict[Call, int]) -> None:
    """Print the tables in Markdown."""
    middle = {at: medians(rounds) for at, rounds in results.items()}
    noise = Noise()
    print_head(
        *("operation", "N", "requests/s", "p50 ms", "p99 ms", "CPU ms", "SQL", "floor: requests/s", "CPU ms", "JSON"),
        *("ratio", "stack: requests/s", "CPU ms", "ratio", "noise"),
    )
    for call in calls:
        own = middle[call, SERVER]
        best = max(FLOORS, key=lambda floor: middle[call, floor].requests_per_second)
        floor = middle[call, best]
        stack = middle[call, STACK]
        print_row(
            *(call.operation, call.size),
            *(f"{own.requests_per_second:,.0f}", f"{own.p50_ms:.1f}", f"{own.p99_ms:.1f}", f"{own.cpu_ms:.2f}"),
            *(statements[call], f"{floor.requests_per_second:,.0f}", f"{floor.cpu_ms:.2f}", FLOORS[best]),
            f"**{ratio(results[call, SERVER], results[call, best]):.2f}**",
            *(f"{stack.requests_per_second:,.0f}", f"{stack.cpu_ms:.2f}"),
            f"{ratio(results[call, STACK], results[call, best]):.2f}",
            noise.of([each.requests_per_second for each in results[call, best]]),
        )
    print("\nCPU ms for each further endpoint:\n")
    print_head("operation", "server", "floor in Python", "floor in SQL")
    for operation in dict.fromkeys(call.operation for call in calls):
        at = {call.size: call for call in calls if call.operation == operation}
        costs = [(middle[at[1000], side].cpu_ms - middle[at[10], side].cpu_ms) / 990 for side in (SERVER, *FLOORS)]
        print_row(operation, *(f"{cost:.4f}" for cost in costs))
    shares = [own.own_cpu_ms * own.requests_per_second / 10 for own in middle.values()]
    print(f"\nThe load generator took {min(shares):.0f} to {max(shares):.0f} % of one core.")
    noise.report()


if __name__ == "__main__":
    run(main)
