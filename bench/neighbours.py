"""Measure how long a neighbour waits while another tenant sends hostile requests: `script/bench neighbours`.

The neighbour reads a list of its own project every 100 ms. Prints the table of docs/reliability.md.
"""

import argparse
import contextlib
import http.client
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import orjson

from bench.instance import HOST, instance, serving
from bench.load import request_bytes

ATTACKERS = 8
INTERVAL_SECONDS = 0.1
#: A request is given up after this time, and counts with it.
PATIENCE_SECONDS = 30


class Attack(NamedTuple):
    """A request that eight connections repeat. With `is_unfinished` its last byte is never sent."""

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
        (path, key), attacks = seed()
        with serving("convoyclone.wsgi:application") as (port, _):
            # The first requests of a process read modules and connect.
            listen(port, path, key, 1.0)
            rows = [("quiet", *listen(port, path, key, arguments.seconds))]
            for attack in [each for each in attacks if arguments.row in each.name]:
                with under(port, attack):
                    time.sleep(0.5)
                    rows.append((attack.name, *listen(port, path, key, arguments.seconds)))
                print(rows[-1], file=sys.stderr)
                rows.append(("quiet after it", *listen(port, path, key, 1.0)))
    report([row for row in rows if row[0] != "quiet after it"])
    return 0


def seed() -> tuple[tuple[str, str], list[Attack]]:
    """Make two projects. Returns the list and the key of the neighbour, and the attacks of the other."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from endpoints.operations import create_endpoint
    from events.models import Event
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
    patterns = [{"a": {"$regex": f"{number}\\pL{{20}}"}} for number in range(200)]
    yaml = "webhooks: {a: {post: {}}}\nx: [" + "1," * 190_000 + "]"
    schema = {"properties": {f"k{number}": {"type": "string"} for number in range(5_000)}}
    hanging = {"url": "https://192.0.2.1/token", "client_id": "a", "client_secret": "b"}
    hanging |= {"authentication_type": "shared_secret", "grant_type": "client_credentials"}

    def sent(name: str, method: str, path: str, body: object = None, *, is_unfinished: bool = False) -> Attack:
        written = b"" if body is None else orjson.dumps(body)
        return Attack(name, request_bytes(method, path, key=key, body=written), is_unfinished)

    endpoint_body = {"url": "https://hooks.example.com/in", "name": "In", "mtls_client_cert": certificate}
    attacks = [
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
        sent("a search in payloads", "GET", f'{own}/events?body={{"text":"y"}}'),
        sent("bodies that never end", "POST", f"{own}/events", {"event_type": "a" * 1_000}, is_unfinished=True),
        sent("a batch replay", "POST", f"{own}/events/batchreplay?startDate=2020-01-01T00:00:00"),
    ]
    return (f"/api/v1/projects/{neighbour.uid}/portal-links", neighbour_key), attacks


@contextlib.contextmanager
def under(port: int, attack: Attack) -> Iterator[None]:
    """Repeat a request on ATTACKERS connections until the block ends."""
    over = threading.Event()
    threads = [threading.Thread(target=repeat, args=(port, attack, over), daemon=True) for _ in range(ATTACKERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(PATIENCE_SECONDS)


def repeat(port: int, attack: Attack, over: threading.Event) -> None:
    """Send a request and read its answer, on a new connection each time."""
    import socket

    while not over.is_set():
        with (
            contextlib.suppress(OSError),
            socket.create_connection((HOST, port), timeout=PATIENCE_SECONDS) as connection,
        ):
            if attack.is_unfinished:
                connection.sendall(attack.request[:-1])
                over.wait()
                continue
            connection.sendall(attack.request)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            while answer.read(1 << 20):
                pass


def listen(port: int, path: str, key: str, seconds: float) -> tuple[float, float]:
    """Read a list every INTERVAL_SECONDS. Returns the median and the 99th percentile of the milliseconds."""
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
    return statistics.median(found), statistics.quantiles(found, n=100, method="inclusive")[98]


def report(rows: list[tuple[str, float, float]]) -> None:
    """Print the table."""
    quiet = rows[0][2]
    print("| while another tenant repeats, on eight connections | p50 | p99 | p99 to quiet |")
    print("|---|---|---|---|")
    for name, p50, p99 in rows:
        print(f"| {name} | {p50:.1f} ms | {p99:.1f} ms | {p99 / quiet:.1f} |")


if __name__ == "__main__":
    sys.exit(main())
