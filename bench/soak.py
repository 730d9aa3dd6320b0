"""Run the server for minutes under a steady load, and see that nothing is lost and nothing grows: `script/bench soak`.

Prints a table with a row each minute, as in docs/performance.md.
"""

import argparse
import contextlib
import http.client
import statistics
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack

import orjson
import psutil

from bench.instance import HOST, cpu_seconds, instance, postgres, receiving, serving, working
from bench.tables import print_head, print_row

MINUTE = 60
#: Links that are created and fetched in a second beside the events.
LINKS = 2


def main() -> int:
    """Run the soak. Returns the exit code: 1 where an event was lost, or came twice."""
    parser = argparse.ArgumentParser(prog="script/bench soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=10, help="how long (10)")
    parser.add_argument("--rate", type=int, default=50, help="events in a second (50)")
    arguments = parser.parse_args()
    with instance(), ExitStack() as stack:
        # These imports need Django, which is set up by now.
        from bench.engine import Bench, Sink
        from core.ulid import new_ulid

        bench = Bench(Sink(*stack.enter_context(receiving())), 0)
        port, web = stack.enter_context(serving("convoyclone.wsgi:application"))
        [worker] = stack.enter_context(working())
        stopping = threading.Event()
        linking = threading.Thread(target=_make_links, args=(port, bench.project.uid, bench.key, stopping))
        linking.start()
        stack.callback(linking.join)
        stack.callback(stopping.set)
        post = bench.poster(port)
        used = cpu_seconds(web, worker, postgres())
        sent: dict[str, float] = {}
        arrived: list[str] = []
        print_head("minute", "events", "p50 ms", "p99 ms", "CPU ms", "web MB", "worker MB", "PostgreSQL MB", "files")
        for minute in range(1, arguments.minutes + 1):
            cpu, started = used(), time.monotonic()
            for number in range(MINUTE * arguments.rate):
                time.sleep(max(0.0, started + number / arguments.rate - time.monotonic()))
                uid = new_ulid()
                sent[uid] = time.monotonic()
                post(uid)
            cpu = used() - cpu
            found = bench.sink.take()
            arrived += [uid for _, uid, _ in found]
            cuts = statistics.quantiles([(moment - sent[uid]) * 1e3 for _, uid, moment in found], n=100)
            posted = MINUTE * arguments.rate
            shown = [f"{posted:,}", f"{cuts[49]:.1f}", f"{cuts[98]:.1f}", f"{cpu / posted * 1e3:.2f}"]
            sizes = [f"{_megabytes(process):.0f}" for process in (web, worker, postgres())]
            print_row(minute, *shown, *sizes, _files([web, worker]))
        bench.wait_until_settled()
        arrived += [uid for _, uid, _ in bench.sink.take()]
    lost, again = len(sent.keys() - set(arrived)), len(arrived) - len(set(arrived))
    print(f"\n{len(sent):,} events were accepted: {lost} lost, {again} arrived more than once.")
    return 1 if lost or again else 0


def _make_links(port: int, project_id: str, key: str, stopping: threading.Event) -> None:
    """Create a portal link for an owner and fetch it, LINKS times a second."""
    server = http.client.HTTPConnection(HOST, port, timeout=30)
    path = f"/api/v1/projects/{project_id}/portal-links"
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    while not stopping.wait(1 / LINKS):
        server.request("POST", path, orjson.dumps({"name": "Soak", "owner_id": "soak"}), headers)
        made = orjson.loads(server.getresponse().read())
        server.request("GET", f"{path}/{made['data']['uid']}", headers=headers)
        server.getresponse().read()


def _megabytes(parent: psutil.Process) -> float:
    """Return the memory of a process and its children that they do not share."""
    total = 0
    for process in (parent, *parent.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().uss
    return total / 1e6


def _files(parents: Sequence[psutil.Process]) -> int:
    """Return the number of open files and sockets of processes and their children."""
    total = 0
    for parent in parents:
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.num_fds()
    return total


if __name__ == "__main__":
    raise SystemExit(main())
