"""Choose the PostgreSQL: the one that DATABASE_URL names, or an embedded one under the data folder.

Every process of the project calls `ensure_running()` before Django is set up. After that DATABASE_URL is set in both
cases.
"""

import atexit
import os
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from convoyclone import embedded
from convoyclone.embedded_user import CannotStart
from core.conninfo import DEFAULTS, FOR_DJANGO

BASE_DIR = Path(__file__).resolve().parent.parent
#: Variables of other programs: libpq and Granian would read them.
FOREIGN = ("PG", "GRANIAN_")

#: libpq takes the rest of such a password for the host, the port or the database, and quotes it in its own error.
UNREADABLE = (
    "DATABASE_URL cannot be read: in its password, write % as %25, @ as %40, / as %2F, ? as %3F and a space as %20"
)


class DatabaseUnavailable(Exception):
    """The database cannot be used; the text says why in one line."""


class DatabaseAway(DatabaseUnavailable):
    """The server of DATABASE_URL does not answer. It may answer later."""


def own_the_environment() -> None:
    """Remove the variables of FOREIGN, and name our settings: every entry calls this before anything else.

    DATABASE_URL alone says how to connect. The caller's shell may set variables for other programs.
    """
    for name in list(os.environ):
        if name.startswith(FOREIGN):
            del os.environ[name]
    os.environ["DJANGO_SETTINGS_MODULE"] = "convoyclone.settings"


def data_dir() -> Path:
    """Return the folder of everything that a running demo stores (DATA_DIR, default `.data`).

    A relative path is below the project's folder, not below the caller's.
    """
    return (BASE_DIR / (os.environ.get("DATA_DIR") or ".data")).resolve()


def django_settings(url: str, *, is_shared: bool = False) -> dict[str, Any]:
    """Return Django's connection settings for a libpq connection string or URL.

    With `is_shared`, a pooler gives each transaction any server: nothing is prepared, and no cursor outlives one.
    Raises DatabaseUnavailable when `url` is not one.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise DatabaseUnavailable("DATABASE_URL must begin with postgresql:// (PostgreSQL is the only database)")
    place = url.partition("://")[2].partition("?")[0]
    if place.count("@") > 1 or "@" in place.partition("/")[2]:
        raise DatabaseUnavailable(UNREADABLE)
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise DatabaseUnavailable(UNREADABLE) from None
    known = {key: str(parts.pop(key, "") or "") for key in ("dbname", "user", "password", "host", "port")}
    return {
        "ENGINE": "core.postgres",
        "NAME": known["dbname"] or "postgres",
        "USER": known["user"],
        "PASSWORD": known["password"],
        "HOST": known["host"],
        "PORT": known["port"],
        "CONN_MAX_AGE": None,
        # Parameters are sent apart from the statement, so that a frequent statement is prepared once a connection
        # (docs/adr/0002).
        "OPTIONS": {**DEFAULTS, **parts, **FOR_DJANGO, **({"prepare_threshold": None} if is_shared else {})},
        "DISABLE_SERVER_SIDE_CURSORS": is_shared,
    }


def ensure_running() -> str:
    """Make sure that a PostgreSQL can be reached, and return its URL.

    With DATABASE_URL this only tries to connect, because the server is the operator's. Without it this starts the
    embedded server, or joins it when another process of ours runs it. The embedded server stops when the last process
    that uses it ends. Raises DatabaseUnavailable.
    """
    url = os.environ.get("DATABASE_URL")
    if not url:
        directory = data_dir() / "postgres"
        atexit.register(stop_embedded)
        try:
            url = os.environ["DATABASE_URL"] = embedded.start(directory)
        except CannotStart as error:
            raise DatabaseUnavailable(
                f"the embedded PostgreSQL does not start in {directory}: {_one_line(error)}"
            ) from None
    django_settings(url)
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        raise DatabaseAway(f"cannot connect to the database of DATABASE_URL: {_one_line(error)}") from None
    return url


def stop_embedded() -> None:
    """End this process's use of the embedded PostgreSQL, which stops with its last user."""
    embedded.stop()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
