"""Find out whether a connection pooler such as PgBouncer stands before PostgreSQL, and whether we can work with it.

In session mode a pooler keeps one server for a connection, and everything works. In transaction mode each transaction
may get another server: what a session sets, prepares or listens for is then somebody else's.
"""

import psycopg
from django.conf import settings
from django.db import connection

from core.conninfo import conninfo, with_defaults
from core.postgres.bounded import GRACE_SECONDS, Connection

#: The values of DATABASE_POOL_MODE. A connection without a pooler is like one in session mode.
SESSION, TRANSACTION = "session", "transaction"
#: Each look at a pooler that is busy may miss that it shares servers.
LOOKS = 8
#: The longest that one look may take.
LOOK_SECONDS = 3.0
WRONG_MODE = (
    "DATABASE_URL leads to a connection pooler in transaction mode: set DATABASE_POOL_MODE=transaction "
    "(docs/operations.md#pgbouncer)"
)
CANNOT_LISTEN = (
    "DATABASE_LISTEN_URL leads to a connection pooler in transaction mode, over which nobody can listen: name the "
    "database itself (docs/operations.md#pgbouncer)"
)


def pooling_problem() -> str:
    """Return in one line why the configured connections cannot work, or an empty text. Raises psycopg.Error."""
    if settings.DATABASE_POOL_MODE == SESSION and shares_servers(conninfo(connection.settings_dict)):
        return WRONG_MODE
    if settings.DATABASE_LISTEN_URL and shares_servers(with_defaults(settings.DATABASE_LISTEN_URL)):
        return CANNOT_LISTEN
    return ""


def shares_servers(database: str) -> bool:
    """Return whether transactions of one connection get different servers. Raises psycopg.Error.

    Without a pooler this is one connection and one statement.
    """
    with _connect(database) as one:
        first = _server(one)
        if first == one.info.backend_pid:
            # A pooler answers with a number of its own.
            return False
        with _connect(database) as other:
            return any(_server(other) == first or _server(one) != first for _ in range(LOOKS))


def _connect(database: str) -> Connection:
    opened = Connection.connect(database, autocommit=True, prepare_threshold=None)
    opened.wait_seconds = LOOK_SECONDS + GRACE_SECONDS
    return opened


def _server(opened: psycopg.Connection) -> int:
    [(number,)] = opened.execute("SELECT pg_backend_pid()").fetchall()
    return int(number)
