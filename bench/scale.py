"""Time every list, page and claim with few and with many rows: `script/bench scale`.

Prints the table of docs/performance.md. The rows are those of bench/mass.py; event types and projects, of which nobody
has many, stay few.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import orjson
import psutil

from bench.instance import cpu_seconds, instance, postgres, serving
from bench.portal import FLOOR, SERVER, page
from bench.tables import Noise, print_head, print_row
from bench.timing import Timed, run, time_beside_floor
from convoyclone.database import BASE_DIR

if TYPE_CHECKING:
    from bench.portal_pages import Customer

#: The parameters that some paths need, to the path's end.
QUERIES = {"dashboard/summary": "?type=daily&startDate=2020-01-01T00:00:00&endDate=2099-01-01T00:00:00"}
SLOTS = 100
#: The requests under way that an endpoint may have.
CAP = 10


def main() -> int:
    """Run the benchmark. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="script/bench scale", description=__doc__)
    parser.add_argument("--rows", default="1000,100000,1000000", help="rows of each size (1000,100000,1000000)")
    parser.add_argument("--repeats", type=int, default=20, help="repetitions of each measurement (20)")
    arguments = parser.parse_args()
    sizes = sorted({int(each) for each in arguments.rows.split(",")})
    if sizes[0] < 1000 or arguments.repeats < 2:
        parser.error("at least 1000 rows and two repeats")
    results: dict[str, dict[int, Timed]] = {}
    noise = Noise()
    with instance():
        from bench.mass import fill, fill_backlog

        for size in sizes:
            begun = time.monotonic()
            customer = fill(size)
            print(f"{size:,} rows a table made in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
            floors = []
            for name, timed, floor in lists(customer, arguments.repeats):
                results.setdefault(name, {})[size] = timed
                floors.append(floor.p50)
            noise.of(floors)
            results.setdefault(f"claim: {SLOTS} places, nothing due", {})[size] = time_claims(arguments.repeats)
            begun = time.monotonic()
            fill_backlog(customer, size)
            print(f"{size:,} due deliveries made in {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
            results.setdefault(f"claim: {SLOTS} of as many due", {})[size] = time_claims(arguments.repeats)
    report(results, sizes)
    noise.report()
    return 0


def lists(customer: "Customer", repeats: int) -> Iterator[tuple[str, Timed, Timed]]:
    """Time every list and page beside the floor. Yields (name, times, times of the floor)."""
    with serving(SERVER) as (server, process), serving(FLOOR) as (floor, floor_process):
        asked: dict[str, Callable[[], int]] = {}
        for name, (path, headers) in addresses(customer).items():
            ask = page(server, path, headers)
            status = ask()
            if status not in (200, 204, 286):
                print(f"{name} answers {status}, and is left out", file=sys.stderr)
                continue
            asked[name] = ask
        used = cpu_seconds(process, floor_process, postgres())
        yield from time_beside_floor(asked, page(floor, "/", {}), repeats, used)


def addresses(customer: "Customer") -> dict[str, tuple[str, Mapping[str, str]]]:
    """Return (address, headers) of every list and page by name: both APIs, the portal, and the admin."""
    from django.contrib import admin
    from django.urls import reverse

    from bench.portal_pages import OWNER, pages

    found: dict[str, tuple[str, Mapping[str, str]]] = {}
    for path in gets():
        query = next((query for end, query in QUERIES.items() if path.endswith(end)), "")
        if path.startswith("/portal-api"):
            headers = {"Authorization": customer.headers["Authorization"]}
            found[f"portal API: {path.removeprefix('/portal-api/')}"] = (path + query, headers)
        else:
            home = "/v1/projects/{projectID}/"
            headers = {"Authorization": f"Bearer {customer.key}"}
            found[f"API: {path.removeprefix(home)}"] = (f"/api{path}".format(projectID=customer.project.uid), headers)
    own = (f"/api/v1/projects/{customer.project.uid}/portal-links?ownerId={OWNER}", found["API: portal-links"][1])
    found["API: portal-links of an owner"] = own
    for name, path in pages(customer).items():
        if not name.startswith("portal API"):
            found[f"portal: {name}"] = (path, customer.headers)
    signed_in = {"Cookie": operator_cookie()}
    found["admin: start page"] = (reverse("admin:index"), signed_in)
    for model in admin.site._registry:
        at = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        found[f"admin: {model._meta.verbose_name_plural}"] = (reverse(at), signed_in)
    return found


def gets() -> list[str]:
    """Return the paths of openapi.yaml that a GET reads without naming anything but the project."""
    home = "/v1/projects/{projectID}/"
    found, path = [], ""
    for line in (BASE_DIR / "openapi.yaml").read_text().splitlines():
        if line.startswith("  /") and line.endswith(":"):
            path = line.strip(" :")
        elif line == "    get:" and path.startswith((home, "/portal-api/")) and "{" not in path.removeprefix(home):
            found.append(path)
    return found


def operator_cookie() -> str:
    """Sign an operator in, who may see everything. Returns the cookie."""
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    user, _ = get_user_model().objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def time_claims(repeats: int) -> Timed:
    """Time looks into the queue for SLOTS places. Each is undone after it, untimed."""
    import psycopg
    from psycopg.types.json import set_json_loads

    from engine.queue import claim
    from outbound.states import Status

    used = cpu_seconds(psutil.Process(), postgres())
    undo = (
        f"UPDATE events_eventdelivery SET status = '{Status.SCHEDULED}', lease = NULL, due_at = created_at "  # noqa: S608
        "WHERE uid = ANY(%s)"
    )

    async def looks() -> Timed:
        milliseconds, cpu = [], 0.0
        connection = await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"], autocommit=True)
        async with connection:
            set_json_loads(orjson.loads, connection)
            for number in range(repeats + 5):
                before, started = used(), time.perf_counter()
                found = await claim(connection, slots=SLOTS, cap=CAP, lease_seconds=lambda _: 60.0)
                took = (time.perf_counter() - started) * 1e3
                if number >= 5:  # statements are prepared by now
                    milliseconds.append(took)
                    cpu += used() - before
                await connection.execute(undo, [[each.delivery.uid for each in found.claims]])
        return Timed(milliseconds, cpu / repeats * 1e3)

    return asyncio.run(looks())


def report(results: Mapping[str, Mapping[int, Timed]], sizes: list[int]) -> None:
    """Print the medians of each size, the CPU time of the smallest and the largest, and their ratios."""
    ends = (sizes[0], sizes[-1])
    times, costs = ([f"{what} at {size:,} rows" for size in at] for what, at in (("ms", sizes), ("CPU ms", ends)))
    print_head("", *times, *costs, "ratio", "CPU: ratio")
    for name, by_size in results.items():
        cells = [f"{by_size[size].p50:.1f}" if size in by_size else "" for size in sizes]
        if by_size.keys() >= set(ends):
            first, last = (by_size[size] for size in ends)
            cells += [f"{first.cpu_ms:.1f}", f"{last.cpu_ms:.1f}", f"**{last.p50 / first.p50:.1f}**"]
            cells.append(f"{last.cpu_ms / first.cpu_ms:.1f}" if first.cpu_ms else "")
        print_row(name, *cells)


if __name__ == "__main__":
    run(main)
