"""The server as an operator starts it: `python -m convoyclone.server` in a folder and on a port of its own."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
import psycopg
from psycopg.sql import SQL, Identifier

from convoyclone.processes import words_of
from convoyclone.server import LOCK

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90
#: A stop takes no longer, on a machine that has nothing else to do.
STOP_SECONDS = 5
# The server does not get the databases, secrets and proxies of the tests' own environment.
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")


def stop_seconds() -> float:
    """How long a stop may take now: STOP_SECONDS, and as much again for each process beside it on each processor."""
    return STOP_SECONDS * (1 + os.getloadavg()[0] / (os.cpu_count() or 1))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """The environment of a process that knows `settings` and nothing of the tests."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | settings


def prepare(data: Path) -> None:
    """Put a database that has its tables, and no rows of ours, into a new data folder: making them takes seconds.

    Every process of this run copies the same one, which the first of them makes.
    """
    made = Path(os.environ["DATA_DIR"], "prepared")
    made.mkdir(exist_ok=True)
    with (made / "made").open("a") as done:
        fcntl.flock(done, fcntl.LOCK_EX)
        # Another process may have written since this one opened the file.
        if not done.seek(0, os.SEEK_END):
            secrets = {name: os.environ[name] for name in ("SECRET_KEY", "API_KEY_PEPPER", "ENCRYPTION_KEYS")}
            migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
            env = environment(DATA_DIR=str(made), **secrets)
            subprocess.run(migrate, cwd=ROOT, env=env, check=True, timeout=START_SECONDS)
            done.write("yes")
    data.mkdir(parents=True)
    # shutil would not keep the owner.
    subprocess.run(["cp", "-Rp", made / "postgres", data / "postgres"], check=True, timeout=START_SECONDS)


class Server:
    """One server, or several runs of it one after the other on the same data folder and port."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.settings = {"DATA_DIR": str(self.data), "PORT": str(self.port)} | settings
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def prepared(self) -> "Server":
        """Have the first start find the tables; see prepare()."""
        prepare(self.data)
        return self

    def start(self) -> "Server":
        """Start, and return when it has printed what it prints last."""
        self.spawn()
        self.wait_until_printed("Ctrl-C stops it.")
        return self

    def spawn(self) -> "subprocess.Popen[bytes]":
        """Start it, as the head of a process group of its own."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "stdout").open("wb") as out, (self.folder / "stderr").open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "convoyclone.server"],
                cwd=ROOT,
                env=environment(**self.settings),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        return self.process

    def wait_until_printed(self, text: str) -> None:
        """Return once `text` is on the server's standard output."""
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while text not in self.stdout:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.stderr}"
            assert time.monotonic() < deadline, f"it did not start: {self.stderr}"
            time.sleep(0.02)

    def refusal(self) -> tuple[int, str]:
        """The exit code and standard error of a server that does not start."""
        process = self.spawn()
        return process.wait(START_SECONDS), self.stderr

    def signal(self, number: int) -> float:
        """Send a signal, wait for the end, and return how many seconds that took."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(START_SECONDS)
        return time.monotonic() - started

    def stop(self) -> None:
        """End the run, if there is one, and what a test that failed has left of it."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGTERM)
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    @property
    def stdout(self) -> str:
        """Return the output of this run."""
        return (self.folder / "stdout").read_text()

    @property
    def stderr(self) -> str:
        """Return the warnings and errors of this run."""
        return (self.folder / "stderr").read_text()

    @property
    def quickstart(self) -> dict[str, Any]:
        """The demo of the first run."""
        known: dict[str, Any] = json.loads((self.data / "quickstart.json").read_text())
        return known

    @property
    def database_url(self) -> str:
        """Where the embedded PostgreSQL of the run listens."""
        lines = (self.data / "postgres" / "postmaster.pid").read_text().splitlines()
        return f"postgresql://postgres@/postgres?host={quote(lines[4])}&port={lines[3]}"

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to this server, orphans included."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def is_listening(self) -> bool:
        """Whether somebody accepts connections on the port."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def client(self, key: str = "") -> httpx.Client:
        """An HTTP client of the API with `key`, by default the demo project's."""
        headers = {"Authorization": f"Bearer {key or self.quickstart['api_key']}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=60, trust_env=False)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of the tables that the API writes to."""
        with psycopg.connect(self.database_url) as connection:
            return {
                table: connection.execute(SQL("SELECT * FROM {0} t ORDER BY t").format(Identifier(table))).fetchall()
                for table in TABLES
            }

    def _owns(self, process: psutil.Process) -> bool:
        try:
            words = words_of(process)
            if "convoyclone.wsgi:application" in words:
                return f"127.0.0.1:{self.port}" in words or str(self.port) in words
            if not {"deliver", "convoyclone.receiver"}.isdisjoint(words):
                return os.getpgid(process.pid) in self._groups() or self._is_run(process.ppid())
            return str(self.data / "postgres") in process.cmdline() or (
                "convoyclone.server" in words and self._is_run(process.pid)
            )
        except (psutil.Error, OSError):
            return False

    def _groups(self) -> set[int]:
        """The process groups that the last run has noted."""
        lock = self.data / LOCK
        return {int(group) for group in lock.read_text().split()} if lock.exists() else set()

    def _is_run(self, pid: int) -> bool:
        return self.process is not None and pid == self.process.pid and self.process.poll() is None


#: The tables that the API writes to.
TABLES = (
    "projects_project",
    "projects_apikey",
    "endpoints_endpoint",
    "portal_links_portallink",
    "portal_links_portalsession",
)
