"""Run servers and workers for a benchmark, as `script/server` starts them, on a temporary database."""

import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

from convoyclone import database
from convoyclone.private_files import ensure_secrets

HOST = "127.0.0.1"


@contextlib.contextmanager
def instance() -> Iterator[None]:
    """Set up Django on an empty, durable, embedded PostgreSQL, until the block ends."""
    folder = tempfile.mkdtemp(prefix="convoyclone-bench-")
    # A benchmark does not use an operator's settings and database.
    for name in ("DATABASE_URL", "SECRET_KEY", "API_KEY_PEPPER", "ENCRYPTION_KEYS", "API_RATE_LIMIT"):
        os.environ.pop(name, None)
    os.environ |= {
        "DATA_DIR": folder,
        "BASE_URL": f"http://{HOST}",
        "DJANGO_SETTINGS_MODULE": "convoyclone.settings",
    }
    ensure_secrets(Path(folder))
    try:
        database.ensure_running()
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield
    finally:
        database.stop_embedded()
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(application: str) -> Iterator[tuple[int, psutil.Process]]:
    """Serve a WSGI application as `script/server` does. Yields the port, and the parent process of its workers."""
    from convoyclone import server
    from convoyclone.processes import spawn

    port = free_port()
    with server.granian(HOST, port, application, start=spawn) as granian:
        server.wait_until_it_answers(granian, HOST, port)
        yield port, psutil.Process(granian.pid)


@contextlib.contextmanager
def working(number: int = 1, ports: Sequence[int] = ()) -> Iterator[list[psutil.Process]]:
    """Run workers, which may deliver to this machine, until the block ends. Yields their processes.

    Their log goes into a file, as an operator's does. Each serves its metrics on one of the `ports`, if any are given.
    """
    command = [sys.executable, str(database.BASE_DIR / "manage.py"), "deliver"]
    environment = os.environ | {"DELIVERY_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with (database.data_dir() / "worker.log").open("a") as log, contextlib.ExitStack() as stack:
        workers = []
        for port in ports or [0] * number:
            own = [*command, f"--metrics-port={port}"]
            worker = subprocess.Popen(own, env=environment, stderr=log)  # noqa: S603 - our own command
            stack.callback(worker.wait)
            # Killed, because requests that hang need no end: the database is temporary.
            stack.callback(worker.kill)
            workers.append(psutil.Process(worker.pid))
        _until_they_listen(number)
        yield workers


def _until_they_listen(workers: int) -> None:
    from django.db import connection

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %%'")
            if cursor.fetchone() == (workers,):
                return
        time.sleep(0.05)
    raise RuntimeError("the workers do not start; worker.log in the data folder may say why")


@contextlib.contextmanager
def receiving(address: str = HOST) -> Iterator[tuple[int, psutil.Process]]:
    """Run a sink (bench/sink.py) on an address until the block ends. Yields (port, process)."""
    command = [sys.executable, "-m", "bench.sink", address]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=database.BASE_DIR) as sink:  # noqa: S603
        try:
            assert sink.stdout is not None  # noqa: S101
            yield int(sink.stdout.readline()), psutil.Process(sink.pid)
        finally:
            sink.kill()


def postgres() -> psutil.Process:
    """Return the parent of all processes of the embedded PostgreSQL."""
    return psutil.Process(int((database.data_dir() / "postgres" / "postmaster.pid").read_text().split()[0]))


def cpu_seconds(*parents: psutil.Process) -> Callable[[], float]:
    """Return a function that returns the CPU time of these processes and their children so far."""

    def total() -> float:
        seconds = 0.0
        for parent in parents:
            for process in (parent, *parent.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    seconds += times.user + times.system
        return seconds

    return total


def count_statements(act: Callable[[], object]) -> int:
    """Return the number of SQL statements that PostgreSQL executes during `act`, counted in its log."""
    from django.db import connection

    log = database.data_dir() / "postgres" / "log"

    def configure(value: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER SYSTEM SET log_statement = {value}")
            cursor.execute("SELECT pg_reload_conf()")

    def count() -> int:
        start = log.stat().st_size
        act()
        lines = log.read_bytes()[start:].decode().splitlines()
        return sum(" LOG:  statement: " in line or " LOG:  execute " in line for line in lines)

    configure("'all'")
    try:
        # Single counts can be wrong: a thread that has slept opens a new connection, with statements of its own, and
        # the log can lag behind. The most frequent count is right.
        return statistics.mode(count() for _ in range(11))
    finally:
        configure("DEFAULT")
