"""Compare a message by Svix's and Nahook's calls with an event by Convoy's: `script/bench messages`.

Prints the table of docs/performance.md.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import orjson

from bench.events import SERVER, send
from bench.instance import count_statements, cpu_seconds, instance, postgres, receiving, serving
from bench.load import Measured, Server, measure, request_bytes
from bench.tables import Noise, medians, print_head, print_row
from bench.timing import run

#: The operations beside which a message is measured: of one endpoint, of an owner, and of all endpoints.
DIRECT, FANOUT, BROADCAST = "POST /events", "POST /events/fanout", "POST /events/broadcast"
OWNER = "acme"


def main() -> int:
    """Run the benchmark. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="script/bench messages", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds of each measurement (2)")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions, of which the median counts (5)")
    arguments = parser.parse_args()
    with instance(), ExitStack() as stack:
        # These imports need Django, which is set up by now.
        from bench.engine import Sink
        from bench.queueing import clear

        sink = Sink(*stack.enter_context(receiving()))
        sides = requests(sink.urls("/one", 1))
        port, process = stack.enter_context(serving(SERVER))
        used = cpu_seconds(process, postgres())
        results: dict[str, list[Measured]] = {}
        for _ in range(arguments.rounds):
            for name, (request, _) in sides.items():
                measured = measure(Server(port=port), request, warm_up=0.3, seconds=arguments.seconds, cpu_seconds=used)
                results.setdefault(name, []).append(measured)
                # Let the server finish the generator's last requests.
                time.sleep(0.5)
                clear()
        statements = {name: count_statements(partial(send, port, request)) for name, (request, _) in sides.items()}
        report(results, {name: beside for name, (_, beside) in sides.items()}, statements)
    return 0


def requests(urls: list[str]) -> Mapping[str, tuple[bytes, str]]:
    """Return the requests, each with the name of Convoy's operation beside which it stands."""
    from applications.operations import create_application
    from bench.queueing import EVENT_TYPE, event_body, fanout_body, make_project, make_subscriptions, payload
    from core.ulid import new_ulid
    from projects.keys import SENDING_PREFIX
    from projects.models import APIKey
    from projects.operations import create_api_key
    from subscriptions.event_types import create_event_type

    project, key = make_project("Benchmark")
    [subscription] = make_subscriptions(project, urls, owner_id=OWNER)
    # Nahook's users create it first.
    create_event_type(project.uid, name=EVENT_TYPE)
    application = create_application(project.uid, owner_id=OWNER, name="Acme")
    _, sender = create_api_key(name="sender", role=APIKey.Role.PROJECT_ADMIN, project=project, prefix=SENDING_PREFIX)
    data = orjson.Fragment(payload(new_ulid()))
    convoys = f"/api/v1/projects/{project.uid}/events"
    message: dict[str, Any] = {"eventType": EVENT_TYPE, "payload": data}
    post: Callable[..., bytes] = partial(request_bytes, "POST")
    return {
        DIRECT: (post(convoys, key=key, body=event_body(subscription.endpoint_id, new_ulid())), DIRECT),
        FANOUT: (post(f"{convoys}/fanout", key=key, body=fanout_body(OWNER, new_ulid())), FANOUT),
        BROADCAST: (
            post(f"{convoys}/broadcast", key=key, body=orjson.dumps({"event_type": EVENT_TYPE, "data": data})),
            BROADCAST,
        ),
        "Svix: message.create by a uid": (
            post(f"/api/v1/app/{OWNER}/msg", key=key, body=orjson.dumps(message)),
            FANOUT,
        ),
        "Svix: message.create by an id": (
            post(f"/api/v1/app/{application.public_id}/msg", key=key, body=orjson.dumps(message)),
            FANOUT,
        ),
        "Nahook: send": (
            post(
                f"/api/ingest/ep_{subscription.endpoint_id}",
                key=sender,
                body=orjson.dumps({"payload": data}),
            ),
            DIRECT,
        ),
        "Nahook: trigger": (
            post(f"/api/ingest/event/{EVENT_TYPE}", key=sender, body=orjson.dumps({"payload": data})),
            BROADCAST,
        ),
    }


def report(results: Mapping[str, list[Measured]], beside: Mapping[str, str], statements: Mapping[str, int]) -> None:
    """Print what each call costs, and how many times as much CPU as Convoy's."""
    print_head("", "requests/s", "CPU ms", "SQL", "CPU beside", "", "noise of the CPU")
    noise = Noise()
    for name, rounds in results.items():
        middle, other = medians(rounds), beside[name]
        ratio = ""
        if other != name:
            pairs = zip(rounds, results[other], strict=True)
            ratio = f"**{statistics.median(ours.cpu_ms / theirs.cpu_ms for ours, theirs in pairs):.2f}**"
        spread = noise.of([each.cpu_ms for each in rounds])
        shown = (f"{middle.requests_per_second:,.0f}", f"{middle.cpu_ms:.2f}", statements[name])
        print_row(name, *shown, other if ratio else "", ratio, spread)
    noise.report()


if __name__ == "__main__":
    run(main)
