"""Measure the delivery engine for `script/bench deliver`. Import it after Django is set up."""

import http.client
import itertools
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import orjson
import psutil
from django.db import connection, transaction

from bench.instance import HOST, cpu_seconds, postgres, serving, working
from bench.queueing import clear, event_body, insert_deliveries, make_project, make_subscriptions
from bench.sink import HANGING
from bench.timing import Timed
from core.ulid import new_ulid
from core.wake import wake_workers
from events.models import EventDelivery
from outbound.states import Status
from projects.models import Project
from subscriptions.models import Subscription

ENDPOINTS = 100
HANGING_SHARE = 0.2
WARM_UP = 1_000
#: Events sent before the timed ones, so that statements are prepared and connections open.
UNTIMED = 20
APART_SECONDS = 0.05
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Drained:
    """The figures of one round: deliveries a second, and milliseconds of CPU for each delivery."""

    per_second: float
    cpu_ms: float
    postgres_cpu_ms: float = 0
    sink_cpu_ms: float = 0


@dataclass
class Sink:
    """The receiver."""

    port: int
    process: psutil.Process
    address: str = HOST

    def ask(self, path: str) -> bytes:
        """Return the sink's answer to a GET."""
        connection = http.client.HTTPConnection(self.address, self.port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse().read()
        connection.close()
        return answer

    def take(self) -> list[tuple[str, str, float]]:
        """Return the requests since the last call: path, id of the payload, moment."""
        return [(path, uid, moment) for path, uid, moment in orjson.loads(self.ask("/arrivals"))]

    def wait_for(self, number: int) -> None:
        """Wait until the sink has received `number` requests. Raises RuntimeError when it does not."""
        _until(lambda: int(self.ask("/count")) >= number, "the deliveries do not arrive")

    def urls(self, folder: str, number: int) -> list[str]:
        """Return `number` URLs at the sink."""
        return [f"http://{HOST}:{self.port}{folder}/{each}" for each in range(number)]


class Bench:
    """A project with endpoints at the sink, and the measurements on it."""

    def __init__(self, sink: Sink, deliveries: int) -> None:
        self.sink = sink
        #: Deliveries in each run.
        self.deliveries = deliveries
        self.project, self.key = make_project("Benchmark")
        self.subscriptions = make_subscriptions(self.project, sink.urls("/endpoint", ENDPOINTS))
        #: The number of times that each endpoint has received each payload, without those of the floor.
        self.seen: Counter[tuple[str, str]] = Counter()

    def drain(self, workers: int) -> Drained:
        """Insert deliveries while workers run, and measure how fast they drain."""
        with working(workers) as processes:
            self.enqueue(self.subscriptions, WARM_UP)
            self.wait_until_settled()
            self.note()
            return self.measure(processes)

    def measure(self, processes: Sequence[psutil.Process]) -> Drained:
        """Measure `processes` from the commit of the deliveries until the last outcome is written."""
        meters = [cpu_seconds(*parents) for parents in (processes, [postgres()], [self.sink.process])]
        before: list[float] = []

        def start() -> None:
            before.extend(meter() for meter in meters)

        started = self.enqueue(self.subscriptions, self.deliveries, start)
        self.sink.wait_for(self.deliveries)
        self.wait_until_settled()
        took = time.monotonic() - started
        used = [(meter() - earlier) / self.deliveries * 1e3 for meter, earlier in zip(meters, before, strict=True)]
        self.note()
        return Drained(self.deliveries / took, *used)

    def post(self, in_flight: int) -> Drained:
        """Measure the floor with the same number of requests and the bytes of the last delivery."""
        head, _, body = self.sink.ask("/last").partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().splitlines()[1:]]
        order = {
            "urls": self.sink.urls("/endpoint", ENDPOINTS),
            "headers": [pair for pair in headers if pair[0].lower() not in ("host", "content-length")],
            "body": body.decode(),
            "count": self.deliveries,
            "in_flight": in_flight,
        }
        command = [sys.executable, "-m", "bench.posting"]
        done = subprocess.run(command, input=orjson.dumps(order), capture_output=True, check=True)  # noqa: S603
        self.sink.take()
        took = orjson.loads(done.stdout)
        return Drained(self.deliveries / took["seconds"], took["cpu_seconds"] / self.deliveries * 1e3)

    def time_each(self, number: int) -> dict[str, Timed]:
        """Return the time from event to arrival, one event each 50 ms: by POST /events, and by an INSERT.

        The CPU time is that of the server, the worker and PostgreSQL, idle or not.
        """
        timed: dict[str, Timed] = {}
        with serving("convoyclone.wsgi:application") as (port, server), working() as workers:
            used = cpu_seconds(server, *workers, postgres())
            for name, send in (("POST /events", self.poster(port)), ("INSERT and NOTIFY", self.insert)):
                sent: dict[str, float] = {}
                cpu = 0.0
                for each in range(number + UNTIMED):
                    if each == UNTIMED:
                        cpu = used()
                    uid = new_ulid()
                    started = time.monotonic()
                    send(uid)
                    if each >= UNTIMED:
                        sent[uid] = started
                    time.sleep(max(0.0, started + APART_SECONDS - time.monotonic()))
                self.wait_until_settled()
                milliseconds = [(moment - sent[uid]) * 1e3 for _, uid, moment in self.note() if uid in sent]
                timed[name] = Timed(milliseconds, (used() - cpu) / number * 1e3)
        return timed

    def time_inserted(self, number: int, apart_seconds: float) -> tuple[list[float], int]:
        """Return the milliseconds from INSERT to arrival of events, and the number of other arrivals meanwhile."""
        sent: dict[str, float] = {}
        for _ in range(number):
            uid, started = new_ulid(), time.monotonic()
            self.insert(uid)
            sent[uid] = started
            time.sleep(max(0.0, started + apart_seconds - time.monotonic()))
        arrivals = self.note()
        others = sum(uid not in sent for _, uid, _ in arrivals)
        arrived = {uid: moment for _, uid, moment in arrivals if uid in sent}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(arrived) < number and time.monotonic() < deadline:
            time.sleep(0.1)
            arrived |= {uid: moment for _, uid, moment in self.note() if uid in sent}
        if len(arrived) < number:
            raise RuntimeError(f"after {PATIENCE_SECONDS} s {len(arrived)} of {number} have arrived")
        return [(moment - sent[uid]) * 1e3 for uid, moment in arrived.items()], others

    def poster(self, port: int) -> Callable[[str], None]:
        """Return a function that posts an event with an id in its payload."""
        server = http.client.HTTPConnection(HOST, port, timeout=30)
        server.connect()
        server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        path = f"/api/v1/projects/{self.project.uid}/events"
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}

        def post(uid: str) -> None:
            server.request("POST", path, event_body(self.subscriptions[0].endpoint_id, uid), headers)
            answer = server.getresponse()
            answer.read()
            if answer.status != 201:
                raise RuntimeError(f"the server has answered {answer.status}")

        return post

    def insert(self, uid: str) -> None:
        """Write an event with its delivery, and wake the worker."""
        with transaction.atomic():
            insert_deliveries(self.project, self.subscriptions[:1], [uid])
            wake_workers()

    def hang(self, endpoints: int, rounds: int) -> tuple[Timed, Timed]:
        """Return the time until healthy endpoints have their deliveries, without and with a fifth that hangs.

        Each run begins with empty tables, so that no breaker is open and nothing else is due.
        """
        hanging = int(endpoints * HANGING_SHARE)
        healthy = make_subscriptions(self.project, self.sink.urls("/healthy", endpoints - hanging))
        others = [make_subscriptions(self.project, self.sink.urls(folder, hanging)) for folder in ("/other", HANGING)]
        took: list[list[tuple[float, float]]] = [[], []]
        for _ in range(rounds):
            for figures, other in zip(took, others, strict=True):
                # The endpoints alternate, so that none is ahead of the others in the queue.
                figures.append(self.through([*itertools.chain.from_iterable(_dealt(healthy, other))], len(healthy)))
        without, with_them = (
            Timed([seconds * 1e3 for seconds, _ in figures], statistics.median(cpu for _, cpu in figures))
            for figures in took
        )
        return without, with_them

    def through(self, subscriptions: Sequence[Subscription], healthy: int) -> tuple[float, float]:
        """Return the seconds until the healthy ones among `subscriptions` have their deliveries, and CPU ms of each.

        The CPU time is that of the worker and PostgreSQL from the commit on.
        """
        clear()
        with working() as workers:
            used = cpu_seconds(*workers, postgres())
            cpu: list[float] = []
            number = self.deliveries // len(subscriptions) * len(subscriptions)
            started = self.enqueue(subscriptions, number, lambda: cpu.append(used()))
            expected = number // len(subscriptions) * healthy
            arrived: list[float] = []
            deadline = time.monotonic() + PATIENCE_SECONDS
            while len(arrived) < expected and time.monotonic() < deadline:
                time.sleep(0.1)
                arrived += [moment for path, _, moment in self.note() if path.startswith("/healthy")]
            cpu.append(used())
        if len(arrived) < expected:
            raise RuntimeError(f"after {PATIENCE_SECONDS} s {len(arrived)} of {expected} have arrived")
        return max(arrived) - started, (cpu[1] - cpu[0]) / expected * 1e3

    def enqueue(
        self,
        subscriptions: Sequence[Subscription],
        number: int,
        before: Callable[[], None] = lambda: None,
        *,
        project: Project | None = None,
    ) -> float:
        """Insert deliveries in one transaction, and wake the workers. Returns the moment of the commit.

        `before` is called just before the commit. ANALYZE does what autovacuum would do in its first minute.
        """
        with transaction.atomic(), connection.cursor() as cursor:
            insert_deliveries(project or self.project, subscriptions, [new_ulid() for _ in range(number)])
            cursor.execute("ANALYZE events_event, events_eventdelivery")
            wake_workers()
            before()
            return time.monotonic()

    def wait_until_settled(self) -> None:
        """Wait until every delivery was sent successfully. Raises RuntimeError when one was not."""
        due = EventDelivery.objects.filter(due_at__isnull=False)
        _until(lambda: not due.exists(), "deliveries are not settled")
        if EventDelivery.objects.exclude(status=Status.SUCCESS).exists():
            raise RuntimeError("a delivery has failed")

    def note(self) -> list[tuple[str, str, float]]:
        """Return the requests since the last call, and count their payloads in `seen`."""
        arrivals = self.sink.take()
        self.seen.update((path, uid) for path, uid, _ in arrivals)
        return arrivals


def _dealt(healthy: list[Subscription], other: list[Subscription]) -> Iterator[list[Subscription]]:
    each = len(healthy) // len(other)
    for number, one in enumerate(other):
        yield [*healthy[number * each : (number + 1) * each], one]


def _until(is_so: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        time.sleep(0.02)
