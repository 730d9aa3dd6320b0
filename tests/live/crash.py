"""Crashes: a server whose processes are killed at random while it takes in and delivers events.

`python -m tests.live.crash --rounds 20 --events 1000` runs it at length and prints what it found;
test_crash.py runs a short one. After each round every event that was answered with success must have
arrived at each matching endpoint, and every delivery must be in a final state. Duplicates are counted.
"""

import argparse
import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import psycopg

from convoyclone.processes import words_of
from tests.outbound.receivers import Receiver
from tests.server import Server

ENDPOINTS = 3
POSTING_THREADS = 4
KILLS_A_ROUND = 4
#: A lost worker's lease, some retries, and a start of everything.
SETTLE_SECONDS = 120
#: How often one of the endpoints refuses before it takes anything.
REFUSALS = 20
_OPEN = """
SELECT count(*) FROM events_eventdelivery
WHERE event_type = 'crash' AND (status NOT IN ('Success', 'Failure', 'Discarded') OR due_at IS NOT NULL)
"""


@dataclass
class Found:
    """The counts of all rounds."""

    accepted: int = 0
    refused: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    arrivals: int = 0
    #: Arrivals beyond the first at an endpoint, refusals not counted.
    duplicates: int = -REFUSALS

    def __str__(self) -> str:
        kills = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        return (
            f"{self.accepted} events accepted ({self.refused} answers missed while something was down), "
            f"{self.arrivals} arrivals at {ENDPOINTS} endpoints, {self.duplicates} duplicates, {len(self.lost)} lost; "
            f"killed: {kills}"
        )


def _kill(processes: list[psutil.Process]) -> bool:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return bool(processes)


def _running(server: Server, choose: Callable[[list[str]], bool]) -> list[psutil.Process]:
    found = []
    for process in server.processes():
        with contextlib.suppress(psutil.Error):
            if choose(words_of(process)):
                found.append(process)
    return found


def kill_worker(server: Server) -> bool:
    """The process that delivers; script/server starts another."""
    return _kill(_running(server, lambda words: "deliver" in words))


def kill_web(server: Server) -> bool:
    """The web server's processes; script/server ends with them."""
    return _kill(_running(server, lambda words: "convoyclone.wsgi:application" in words))


def kill_one_web_worker(server: Server) -> bool:
    """One of the web server's processes; another takes its place."""
    web = _running(server, lambda words: "convoyclone.wsgi:application" in words)
    ids = {process.pid for process in web}
    return _kill([process for process in web if process.ppid() in ids][:1])


def kill_postgres_backend(server: Server) -> bool:
    """A connection's process: PostgreSQL ends all others and recovers."""
    with psycopg.connect(server.database_url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchall()
    return _kill([psutil.Process(pid) for (pid,) in random.sample(rows, min(1, len(rows)))])


def kill_postgres(server: Server) -> bool:
    """All of PostgreSQL: nothing is written any more."""
    [postmaster] = [process for process in server.processes() if str(server.data / "postgres") in process.cmdline()]
    return _kill([postmaster, *postmaster.children(recursive=True)])


def kill_everything(server: Server) -> bool:
    """As when the power fails, but for what the disk has not got yet."""
    return _kill(server.processes())


KILLS = [kill_worker, kill_worker, kill_web, kill_one_web_worker, kill_postgres_backend, kill_postgres, kill_everything]


class Round:
    """One round: threads post events, while one kill after the other happens."""

    def __init__(self, server: Server, number: int, events: int, found: Found) -> None:
        self.server, self.number, self.events, self.found = server, number, events, found
        self.accepted: set[str] = set()
        self._next = 0
        self._lock = threading.Lock()

    def run(self) -> None:
        """Post, kill, and bring back what does not come back by itself."""
        threads = [threading.Thread(target=self._post) for _ in range(POSTING_THREADS)]
        for thread in threads:
            thread.start()
        for _ in range(KILLS_A_ROUND):
            time.sleep(random.uniform(0.1, 1.5))
            kill = random.choice(KILLS)
            with contextlib.suppress(psycopg.Error, psutil.Error, OSError, ValueError):
                if kill(self.server):
                    self.found.kills[kill.__name__.removeprefix("kill_")] += 1
            self._revive(is_down=kill in (kill_web, kill_postgres, kill_everything))
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.5)
            self._revive(is_down=False)

    def _revive(self, *, is_down: bool) -> None:
        """Start the server again where it has ended, or must."""
        assert self.server.process is not None
        if is_down:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.process.wait(2)
            if self.server.process.poll() is None:
                self.server.signal(signal.SIGTERM)
        if self.server.process.poll() is not None:
            self.server.start()

    def _post(self) -> None:
        with self.server.client() as client:
            while True:
                with self._lock:
                    if self._next == self.events:
                        return
                    self._next += 1
                    name = f"{self.number}-{self._next}"
                while not self._post_one(client, f"{name}-{uuid.uuid4().hex}"):
                    time.sleep(0.1)

    def _post_one(self, client: httpx.Client, name: str) -> bool:
        """Whether an event was accepted."""
        path = f"/projects/{self.server.quickstart['project_id']}/events/fanout"
        body = {"owner_id": "crash", "event_type": "crash", "data": {"name": name}}
        try:
            answer = client.post(path, json=body, timeout=10)
        except httpx.HTTPError:
            # Nobody knows; it was not promised.
            answer = None
        with self._lock:
            if answer is not None and answer.status_code == 201:
                self.accepted.add(name)
                return True
            assert answer is None or answer.status_code == 503, answer.text
            self.found.refused += 1
            return False


def run(folder: Path, *, rounds: int, events: int, say: Callable[[str], Any] = print) -> Found:
    """Run the rounds. What was lost is in the result."""
    found = Found()
    with Receiver() as receiver:
        receiver.answer_once("/2", status=500, times=REFUSALS)
        server = Server(folder, DELIVERY_ALLOWED_NETWORKS="127.0.0.0/8", CIRCUIT_BREAKER="0", ATTEMPT_LOG_LEVEL="ERROR")
        try:
            server.start()
            _prepare(server, receiver)
            for number in range(rounds):
                one = Round(server, number, events, found)
                one.run()
                _await_settled(server)
                _compare(one, receiver, found)
                say(f"round {number + 1}: {found}")
                receiver.forget()
        finally:
            server.stop()
    return found


def _prepare(server: Server, receiver: Receiver) -> None:
    project = server.quickstart["project_id"]
    with server.client() as client:
        config = {"strategy": {"type": "linear", "duration": 1, "retry_count": 100}}
        answer = client.put(f"/projects/{project}", json={"name": "Demo", "config": config})
        assert answer.status_code == 202, answer.text
        for number in range(ENDPOINTS):
            body = {"name": str(number), "url": receiver.url(f"/{number}"), "owner_id": "crash"}
            endpoint = client.post(f"/projects/{project}/endpoints", json=body).json()["data"]["uid"]
            subscription = {"name": "all", "endpoint_id": endpoint, "filter_config": {"event_types": ["crash"]}}
            answer = client.post(f"/projects/{project}/subscriptions", json=subscription)
            assert answer.status_code == 201, answer.text


def _await_settled(server: Server) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.Error), psycopg.connect(server.database_url) as connection:
            row = connection.execute(_OPEN).fetchone()
            if row == (0,):
                return
        time.sleep(0.2)
    raise AssertionError("deliveries are left that are in no final state")


def _compare(one: Round, receiver: Receiver, found: Found) -> None:
    arrived: Counter[tuple[str, str]] = Counter()
    deliveries: Counter[str | None] = Counter()
    for request in receiver.requests():
        arrived[request.path, orjson.loads(request.body)["name"]] += 1
        deliveries[request.header("webhook-id")] += 1
    found.accepted += len(one.accepted)
    found.arrivals += sum(arrived.values())
    found.duplicates += sum(arrived.values()) - len(arrived)
    found.lost += [
        f"{name} at /{number}"
        for name in sorted(one.accepted)
        for number in range(ENDPOINTS)
        if not arrived[f"/{number}", name]
    ]


def main() -> int:
    """Run the program. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.live.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--events", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), rounds=arguments.rounds, events=arguments.events)
    print("\n".join(found.lost[:20]))
    return 1 if found.lost else 0


if __name__ == "__main__":
    sys.exit(main())
