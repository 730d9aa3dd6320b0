"""`manage.py deliver` as an operator starts it: a process of its own, on the database of the tests."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import orjson
from django.db import connection
from psycopg.conninfo import conninfo_to_dict

from core.conninfo import conninfo
from tests.server import ROOT, free_port
from tests.waiting import PATIENCE_SECONDS, eventually

SECONDS = PATIENCE_SECONDS


def database_url() -> str:
    """The URL of the database that this test writes to."""
    given = conninfo_to_dict(conninfo(connection.settings_dict))
    return "postgresql://?" + "&".join(f"{name}={quote(str(value), safe='')}" for name, value in given.items())


class Deliver:
    """The command, from `with` on; at the end it is killed, if it still runs."""

    def __init__(
        self, *arguments: str, port: int | None = None, open_files: int | None = None, **settings: str
    ) -> None:
        # The shell gives its process to the command.
        self._limit = ["sh", "-c", 'ulimit -n "$0" && exec "$@"', str(open_files)] if open_files else []
        self.port = free_port() if port is None else port
        self._arguments = [*arguments, *([f"--metrics-port={self.port}"] if self.port else [])]
        self._settings = {
            "DATABASE_URL": database_url(),
            "DELIVERY_ALLOWED_NETWORKS": "127.0.0.0/8",
            "ATTEMPT_LOG_LEVEL": "INFO",
        } | settings

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._log = Path(self._folder.name, "stderr")
        with self._log.open("wb") as err:
            self.process = subprocess.Popen(
                [*self._limit, sys.executable, "manage.py", "deliver", *self._arguments],
                cwd=ROOT,
                env=os.environ | self._settings,
                stdin=subprocess.DEVNULL,
                stdout=err,
                stderr=err,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(SECONDS)
        self._folder.cleanup()

    @property
    def log(self) -> str:
        """Return its output so far."""
        return self._log.read_text()

    @property
    def attempts(self) -> list[dict[str, Any]]:
        """The canonical lines of its log."""
        return [
            orjson.loads(line[line.index("{") :]) for line in self.log.splitlines() if "convoyclone.attempt" in line
        ]

    def wait_for_log(self, text: str) -> None:
        """Return once it has printed `text`."""

        def is_printed() -> bool:
            log = self.log
            assert text in log or self.process.poll() is None, log
            return text in log

        eventually(is_printed, f"manage.py deliver prints {text!r}")

    def get(self, path: str, **headers: str) -> httpx.Response:
        """The answer of its own HTTP server, as soon as that listens."""
        url = f"http://127.0.0.1:{self.port}{path}"

        def answer() -> httpx.Response | None:
            try:
                return httpx.get(url, headers=headers, timeout=SECONDS, trust_env=False)
            except httpx.TransportError:
                assert self.process.poll() is None, self.log
                return None

        found = eventually(answer, f"manage.py deliver answers {path}")
        assert found is not None
        return found

    def terminate(self) -> int:
        """Ask it to end as an operator does. Returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)
