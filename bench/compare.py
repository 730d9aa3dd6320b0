"""Load any server that speaks this API with the same requests as this one: `BENCH_KEY=… script/bench compare URL`.

Both make an endpoint at a receiver of this machine, and take the same requests in turns: create a portal link, list an
owner's links, take in an event. Then events are sent one by one, and timed until they arrive. The environment variable
BENCH_KEY has an API key of a project that is named by --project, or a key that may make a project, which is deleted at
the end.

Without --anywhere, only a server on a loopback address is loaded: leave other people's servers alone.
"""

import argparse
import contextlib
import ipaddress
import os
import secrets
import socket
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil

from bench.api_client import Client, Refused
from bench.instance import cpu_seconds, instance, postgres, receiving, serving, working
from bench.load import Server
from bench.tables import Noise, print_head, print_row
from bench.timing import run

if TYPE_CHECKING:
    from bench.engine import Sink

KEY = "BENCH_KEY"
#: The most that a run may ask of the other server, whatever the options are.
MOST_SECONDS, MOST_ROUNDS, MOST_EVENTS = 10.0, 10, 500
MOST_REQUESTS_A_WINDOW = 20_000


def main() -> int:
    """Run the comparison. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="script/bench compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="the other server, such as http://localhost:5005")
    parser.add_argument("--project", default="", help="the project of the key; without it, one is made and deleted")
    parser.add_argument("--organisation", default="", help="the organisation in which Convoy makes the project")
    parser.add_argument("--endpoints", type=int, default=1, help="endpoints of the owner (1), at most 1000")
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of each measurement (1), at most 10")
    parser.add_argument("--rounds", type=int, default=4, help="repetitions, the median counts (4), at most 10")
    parser.add_argument("--events", type=int, default=50, help="events timed one by one (50), at most 500")
    parser.add_argument(
        "--pid",
        type=int,
        action="append",
        default=[],
        help="a process of the other server, its workers, database or Redis; its CPU and its children's count",
    )
    parser.add_argument(
        "--receiver", default="127.0.0.1", help="this machine's address for the other server's webhooks (127.0.0.1)"
    )
    parser.add_argument("--anywhere", action="store_true", help="load a server that is not on a loopback address")
    arguments = parser.parse_args()
    key = os.environ.pop(KEY, "")
    if not key:
        parser.error(f"set {KEY} to an API key of the other server")
    within = (
        0 < arguments.seconds <= MOST_SECONDS
        and 1 <= arguments.rounds <= MOST_ROUNDS
        and 2 <= arguments.events <= MOST_EVENTS
        and 1 <= arguments.endpoints <= 1000
    )
    if not within:
        parser.error("an option is out of bounds")
    try:
        other, base = server_of(arguments.url, is_anywhere=arguments.anywhere)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    # The server too refuses endpoints at addresses that no worker may send to.
    os.environ["DELIVERY_ALLOWED_NETWORKS"] = "127.0.0.0/8"
    with instance(), ExitStack() as stack:
        # These imports need Django, which is set up by now.
        from bench.engine import Sink
        from bench.queueing import make_project

        receivers = ("127.0.0.1", arguments.receiver)
        sinks = [Sink(*stack.enter_context(receiving(address)), address) for address in receivers]
        port, process = stack.enter_context(serving("convoyclone.wsgi:application"))
        workers = stack.enter_context(working())
        project, own_key = make_project("Benchmark")
        here = Client(Server(port=port), "", own_key, project.uid)
        there = Client(other, base, key, arguments.project)
        theirs = [psutil.Process(pid) for pid in arguments.pid]
        try:
            stack.enter_context(made_project(there, arguments.organisation))
            sides = [
                Side(here, sinks[0], "127.0.0.1", cpu_seconds(process, *workers, postgres()), arguments.endpoints),
                Side(there, sinks[1], arguments.receiver, cpu_seconds(*theirs), arguments.endpoints),
            ]
            for side in sides:
                stack.callback(side.end)
            compare(sides, arguments, has_cpu=bool(theirs))
        except (Refused, RuntimeError) as error:
            print(f"script/bench compare: {error}", file=sys.stderr)
            return 1
    return 0


def server_of(url: str, *, is_anywhere: bool) -> tuple[Server, str]:
    """Return the server of a URL, its name resolved once, and the path before `/api`.

    Raises ValueError for what is not an http or https URL, and for an address that is not loopback, unless
    `is_anywhere`.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise ValueError("the URL must be http://HOST:PORT or https://HOST:PORT")
    is_tls = parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    addresses = [str(address[4][0]) for address in found]
    if not is_anywhere and not all(ipaddress.ip_address(each).is_loopback for each in addresses):
        raise ValueError(f"{parts.hostname} is not this machine: --anywhere loads it all the same")
    # "localhost" has two addresses, and servers may listen on one of them.
    for address in addresses:
        with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=5):
            return Server(port, address, parts.hostname, is_tls), parts.path.rstrip("/").removesuffix("/api")
    raise ValueError(f"no server answers at {parts.hostname}:{port}")


@contextlib.contextmanager
def made_project(client: Client, organisation: str) -> Iterator[None]:
    """Make a project where the client has none, and delete it at the end."""
    if client.project:
        yield
        return
    query = f"?orgID={organisation}" if organisation else ""
    name = f"Benchmark {secrets.token_hex(4)}"
    made = client.call("POST", f"/projects{query}", {"name": name, "type": "outgoing"})
    making_key, client.project, client.key = client.key, made["project"]["uid"], made["api_key"]["key"]
    try:
        yield
    finally:
        client.key = making_key
        try:
            client.call("DELETE", client.path())
        except Refused as error:
            print(f"the project {name} stays: {error}", file=sys.stderr)


class Side:
    """One of the two servers, with an owner whose first endpoint is at the sink."""

    def __init__(
        self, client: Client, sink: "Sink", receiver: str, used: Callable[[], float], number_of_endpoints: int
    ) -> None:
        from bench.queueing import event_body
        from core.ulid import new_ulid

        self.client, self.sink, self.used = client, sink, used
        owner_id = f"bench-{secrets.token_hex(6)}"
        home = client.path
        self.endpoints: list[str] = []
        for number in range(number_of_endpoints):
            url = f"http://{receiver}:{sink.port}/in/{number}"
            body = {"url": url, "name": f"Webhook {number}", "owner_id": owner_id, "description": "of script/bench"}
            self.endpoints.append(client.call("POST", home("endpoints"), body)["uid"])
        subscription = {"name": "Benchmark", "endpoint_id": self.endpoints[0], "filter_config": {"event_types": ["*"]}}
        client.call("POST", home("subscriptions"), subscription)
        link = {"name": "Customer's webhooks", "owner_id": owner_id, "can_manage_endpoint": True}
        for _ in range(25):  # more than a page
            client.call("POST", home("portal-links"), link)
        self.requests = {
            "create a portal link": client.request("POST", home("portal-links"), link),
            "list an owner's links": client.request("GET", home(f"portal-links?ownerId={owner_id}")),
            "take in an event": client.request("POST", home("events"), event_body(self.endpoints[0], new_ulid())),
        }
        self.sink.take()

    def post(self, uid: str) -> None:
        """Send an event with an id in its payload."""
        from bench.queueing import event_body

        self.client.call("POST", self.client.path("events"), event_body(self.endpoints[0], uid))

    def end(self) -> None:
        """Delete the endpoints, so that nothing is sent any more. The portal links stay, if the project does."""
        with contextlib.suppress(Exception):
            for uid in self.endpoints:
                self.client.call("DELETE", self.client.path(f"endpoints/{uid}"))


def compare(sides: list[Side], arguments: argparse.Namespace, *, has_cpu: bool) -> None:
    """Measure both sides in turns, and print the table."""
    from bench.compare_rows import Row, load, time_arrivals

    rows: dict[str, list[tuple[Row, Row]]] = {}
    for _ in range(arguments.rounds):
        for name in sides[0].requests:
            pair = [load(side, name, arguments.seconds, MOST_REQUESTS_A_WINDOW) for side in sides]
            for key in pair[0]:
                rows.setdefault(key, []).append((pair[0][key], pair[1].get(key, Row.missing())))
    noise = Noise()
    print_head(
        "", "here: a second", "CPU ms", "there: a second", "CPU ms", "here ÷ there", "CPU: here ÷ there", "noise"
    )
    for name, rounds in rows.items():
        here, there = ([pair[index] for pair in rounds] for index in (0, 1))
        rate = statistics.median(ours.per_second / theirs.per_second for ours, theirs in rounds if theirs.per_second)
        costs = [statistics.median(each.cpu_ms for each in side) for side in (here, there)]
        print_row(
            name,
            *(f"{statistics.median(each.per_second for each in here):,.0f}", f"{costs[0]:.2f}"),
            f"{statistics.median(each.per_second for each in there):,.0f}",
            f"{costs[1]:.2f}" if has_cpu else "",
            f"**{rate:.2f}**",
            f"{costs[0] / costs[1]:.2f}" if has_cpu and costs[1] else "",
            noise.of([each.per_second for each in there]),
        )
    print()
    print_head("one event each 50 ms, POST to arrival", "p50 ms", "p99 ms", "arrived")
    middle = []
    for name, side in zip(("here", "there"), sides, strict=True):
        took = time_arrivals(side, arguments.events)
        if len(took) < 2:
            print_row(name, "", "", f"{len(took)} of {arguments.events}")
            continue
        cuts = statistics.quantiles(took, n=100, method="inclusive")
        middle.append(cuts[49])
        print_row(name, f"{cuts[49]:.1f}", f"{cuts[98]:.1f}", f"{len(took)} of {arguments.events}")
    if len(middle) == 2:
        print_row("here ÷ there", f"**{middle[0] / middle[1]:.3f}**", "", "")
    noise.report()


if __name__ == "__main__":
    run(main)
