"""Measure how long a neighbour waits while another tenant sends hostile requests: `script/bench neighbours`.

The neighbour reads a list of its own project every 100 ms. Prints the table of docs/reliability.md. A floor, which does
the least that the neighbour's list needs, is measured beside the mildest of the requests: the load generator takes
part of the same cores, so that a neighbour of any program waits for these.
"""

import argparse
import contextlib
import http.client
import itertools
import multiprocessing
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event as EventClass
from typing import NamedTuple
from urllib.parse import quote

import orjson

from bench.instance import HOST, cpu_seconds, instance, postgres, serving
from bench.load import request_bytes
from bench.tables import Noise, print_head, print_row

ATTACKERS = 8
INTERVAL_SECONDS = 0.1
NUMBER = "7000000"
#: A request is given up after this time, and counts with it.
PATIENCE_SECONDS = 30
SERVER, FLOOR = "convoyclone.wsgi:application", "bench.floor:in_python"
#: A new interpreter, because this process has threads.
SPAWN = multiprocessing.get_context("spawn")


class Row(NamedTuple):
    """The figures of the neighbour's requests, and the requests of both: a second, and CPU milliseconds of each."""

    name: str
    p50_ms: float
    p99_ms: float
    per_second: float
    cpu_ms: float


class Attack(NamedTuple):
    """A request that eight connections repeat. With `is_unfinished` its last byte is never sent.

    NUMBER in it is another one each time, so that nothing of it is kept from the request before.
    """

    name: str
    request: bytes
    is_unfinished: bool = False


def main() -> int:
    """Run the benchmark. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="script/bench neighbours", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds of each row (5)")
    parser.add_argument("--row", default="", help="only the rows with this text in their names")
    arguments = parser.parse_args()
    with instance():
        neighbour, (mild, *attacks) = seed()
        chosen = [each for each in (mild, *attacks) if arguments.row in each.name]
        floor, of_floor = measure(FLOOR, *neighbour, [mild], arguments.seconds)
        rows, quiet = measure(SERVER, *neighbour, chosen, arguments.seconds)
    report([("the floor, ", floor), ("", rows)], [of_floor, quiet])
    return 0


def measure(
    application: str, path: str, key: str, attacks: list[Attack], seconds: float
) -> tuple[list[Row], list[float]]:
    """Listen to a neighbour of an application, alone and beside each attack.

    Returns the rows, and the neighbour's medians beside nothing: before the attacks and after each.
    """
    with serving(application) as (port, process):
        used = cpu_seconds(process, postgres())
        # The first requests of a process read modules and connect.
        listen(port, path, key, 1.0)
        answers = SPAWN.Value("q", 0)
        listening = partial(listen, port, path, key, seconds)
        rows = [listen_beside("quiet", answers, used, listening)]
        quiet = [rows[0].p50_ms]
        for attack in attacks:
            with under(port, attack, answers):
                time.sleep(0.5)
                rows.append(listen_beside(attack.name, answers, used, listening))
            print(rows[-1], file=sys.stderr)
            quiet.append(listen(port, path, key, 1.0)[0])
    return rows, quiet


def seed() -> tuple[tuple[str, str], list[Attack]]:
    """Make two projects. Returns the neighbour's list and key, and the attacks of the other project, the mildest first.

    A floor answers that one too.
    """
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from endpoints.operations import create_endpoint
    from events.models import Event
    from portal_links.operations import create_portal_link
    from projects.models import Project
    from projects.operations import create_project

    neighbour, _, neighbour_key = create_project(name="Neighbour", type=Project.Type.OUTGOING)
    project, _, key = create_project(name="Hostile", type=Project.Type.OUTGOING)
    endpoint = create_endpoint(project.uid, url="https://hooks.example.com/in", name="In", owner_id="acme")
    payload = orjson.dumps({"text": "x" * 900_000}).decode()
    Event.objects.bulk_create(
        Event(project=project, event_type="a", data=payload, channel=Event.Channel.DIRECT) for _ in range(60)
    )
    own = f"/api/v1/projects/{project.uid}"
    private = rsa.generate_private_key(65537, 4096)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    certificate = {"client_cert": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "client_key": pem}
    patterns = [{"a": {"$regex": f"{NUMBER} {number}\\pL{{20}}"}} for number in range(200)]
    yaml = "webhooks: {a: {post: {}}}\nx: [" + "1," * 190_000 + "]"
    schema = {"properties": {f"k{number}": {"type": "string"} for number in range(5_000)}}
    hanging = {"url": "https://192.0.2.1/token", "client_id": "a", "client_secret": "b"}
    hanging |= {"authentication_type": "shared_secret", "grant_type": "client_credentials"}

    def sent(name: str, method: str, path: str, body: object = None, *, is_unfinished: bool = False) -> Attack:
        written = b"" if body is None else orjson.dumps(body)
        return Attack(name, request_bytes(method, path, key=key, body=written), is_unfinished)

    endpoint_body = {"url": "https://hooks.example.com/in", "name": "In", "mtls_client_cert": certificate}
    links = [create_portal_link(each.uid, name="In", owner_id="acme").link for each in (neighbour, project)]
    attacks = [
        sent("GET a portal link", "GET", f"{own}/portal-links/{links[1].uid}"),
        sent("a client certificate with a key of RSA-4096", "PUT", f"{own}/endpoints/{endpoint.uid}", endpoint_body),
        sent(
            "200 patterns in test_filter",
            "POST",
            f"{own}/subscriptions/test_filter",
            {"request": {"body": {"a": "x"}}, "schema": {"body": {"$or": patterns}}},
        ),
        sent("GET /api/schema", "GET", "/api/schema"),
        sent("a list of 60 events of 0.9 MB", "GET", f"{own}/events?perPage=1000"),
        sent("an OAuth 2 server that hangs", "POST", f"{own}/endpoints/oauth2/test", {"oauth2": hanging}),
        sent("an OpenAPI import of 190,000 YAML values", "POST", f"{own}/event-types/import", {"spec": yaml}),
        sent("an event type with 5,000 members", "POST", f"{own}/event-types", {"name": "a", "json_schema": schema}),
        sent("a search in payloads", "GET", f"{own}/events?body=" + quote('{"text":"y"}')),
        sent("bodies that never end", "POST", f"{own}/events", {"event_type": "a" * 1_000}, is_unfinished=True),
        sent("a batch replay", "POST", f"{own}/events/batchreplay?startDate=2020-01-01T00:00:00"),
    ]
    return (f"/api/v1/projects/{neighbour.uid}/portal-links?perPage=20&ownerId=acme", neighbour_key), attacks


@contextlib.contextmanager
def under(port: int, attack: Attack, answers: "Synchronized[int]") -> Iterator[None]:
    """Repeat a request on ATTACKERS connections until the block ends, in a process of its own.

    Threads of this one would make the neighbour wait for its interpreter, and not for the server.
    """
    started, over = SPAWN.Event(), SPAWN.Event()
    process = SPAWN.Process(target=repeat_all, args=(port, attack, answers, started, over), daemon=True)
    process.start()
    started.wait(PATIENCE_SECONDS)
    try:
        yield
    finally:
        over.set()
        process.join(PATIENCE_SECONDS)


def repeat_all(port: int, attack: Attack, answers: "Synchronized[int]", started: EventClass, over: EventClass) -> None:
    """Set `started`, and repeat a request on ATTACKERS connections until `over` is set. `answers` counts answers."""
    threads = [
        threading.Thread(target=repeat, args=(port, attack, answers, over), daemon=True) for _ in range(ATTACKERS)
    ]
    for thread in threads:
        thread.start()
    started.set()
    for thread in threads:
        thread.join()


def repeat(port: int, attack: Attack, answers: "Synchronized[int]", over: EventClass) -> None:
    """Send a request and read its answer, on a new connection each time."""
    import socket

    for number in itertools.count(threading.get_ident() % 10_000 * 100):
        if over.is_set():
            break
        request = attack.request.replace(NUMBER.encode(), f"{number % 10**7:07}".encode())
        with (
            contextlib.suppress(OSError),
            socket.create_connection((HOST, port), timeout=PATIENCE_SECONDS) as connection,
        ):
            if attack.is_unfinished:
                connection.sendall(request[:-1])
                over.wait()
                continue
            connection.sendall(request)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            while answer.read(1 << 20):
                pass
            with answers.get_lock():
                answers.value += 1


def listen_beside(
    name: str,
    answers: "Synchronized[int]",
    used: Callable[[], float],
    listening: Callable[[], tuple[float, float, int]],
) -> Row:
    """Listen, and count the requests of all and their CPU time meanwhile."""
    before, cpu, started = answers.value, used(), time.monotonic()
    p50, p99, reads = listening()
    count = reads + answers.value - before
    return Row(name, p50, p99, count / (time.monotonic() - started), (used() - cpu) / count * 1e3)


def listen(port: int, path: str, key: str, seconds: float) -> tuple[float, float, int]:
    """Read a list every INTERVAL_SECONDS. Returns p50 and p99 in milliseconds, and the number."""
    found: list[float] = []
    end = time.monotonic() + seconds
    connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE_SECONDS)
    while time.monotonic() < end or len(found) < 2:
        started = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the neighbour was answered {answer.status}")
        found.append((time.perf_counter() - started) * 1000)
        time.sleep(max(0.0, INTERVAL_SECONDS - (time.perf_counter() - started)))
    connection.close()
    return statistics.median(found), statistics.quantiles(found, n=100, method="inclusive")[98], len(found)


def report(parts: list[tuple[str, list[Row]]], quiet: list[list[float]]) -> None:
    """Print the table. `quiet` has the medians of each part's neighbour beside nothing."""
    names = ("p50 ms", "p99 ms", "p99 to quiet", "requests/s of both", "CPU ms a request")
    print_head("while another tenant repeats, on eight connections", *names)
    for prefix, rows in parts:
        for row in rows:
            figures = (f"{row.p50_ms:.1f}", f"{row.p99_ms:.1f}", f"{row.p99_ms / rows[0].p99_ms:.1f}")
            print_row(prefix + row.name, *figures, f"{row.per_second:,.0f}", f"{row.cpu_ms:.2f}")
    noise = Noise()
    for medians in quiet:
        noise.of(medians)
    noise.report()


if __name__ == "__main__":
    sys.exit(main())
