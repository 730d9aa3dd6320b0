"""A server for a benchmark: as `script/server` starts it, on a database of its own that is thrown away."""

import contextlib
import os
import shutil
import socket
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from convoyclone import database
from convoyclone.private_files import ensure_secrets

HOST = "127.0.0.1"


@contextlib.contextmanager
def instance() -> Iterator[None]:
    """Django on an empty, durable, embedded PostgreSQL, until the block ends."""
    folder = tempfile.mkdtemp(prefix="convoyclone-bench-")
    # An operator's settings and database are none of a benchmark's business.
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


@contextlib.contextmanager
def serving(application: str) -> Iterator[tuple[int, psutil.Process]]:
    """Serve a WSGI application as `script/server` does. Yields (port, the process that has the workers)."""
    from convoyclone import server

    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    with server.granian(HOST, port, application) as granian:
        server.wait_until_it_answers(granian, HOST, port)
        yield port, psutil.Process(granian.pid)


def postgres() -> psutil.Process:
    """The parent of all processes of the embedded PostgreSQL."""
    return psutil.Process(int((database.data_dir() / "postgres" / "postmaster.pid").read_text().split()[0]))


def cpu_seconds(*parents: psutil.Process) -> Callable[[], float]:
    """A function that tells the CPU time that these processes and their children have used so far."""

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
    """How many SQL statements PostgreSQL executes during `act`, counted in its log."""
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
        # A thread that has slept connects anew, with statements of its own, and for a moment the
        # log is not complete: what most of the counts say.
        return statistics.mode(count() for _ in range(11))
    finally:
        configure("DEFAULT")
