"""A PgBouncer of its own before the tests' PostgreSQL."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from django.db import connection

from tests.proxy import Proxy
from tests.server import free_port
from tests.waiting import eventually

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server} user={user} {password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {servers}
max_client_conn = 200
logfile = {log}
"""


class PgBouncer:
    """PgBouncer as Debian ships it, in `mode` ("session" or "transaction"), from `with` on."""

    def __init__(self, mode: str, *, servers: int = 30) -> None:
        self._mode, self._servers = mode, servers

    def __enter__(self) -> Self:
        assert PROGRAM is not None
        with contextlib.ExitStack() as stack:
            # By way of the proxy: the tests' PostgreSQL may listen on a socket that PgBouncer's user cannot reach.
            self.proxy = stack.enter_context(Proxy())
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            self.port = free_port()
            user, password = (connection.settings_dict[key] for key in ("USER", "PASSWORD"))
            text = CONFIGURATION.format(
                server=self.proxy.port,
                port=self.port,
                user=user,
                password=f"password='{password}'" if password else "",
                mode=self._mode,
                servers=self._servers,
                log=folder / "log",
            )
            path = folder / "pgbouncer.ini"
            path.write_text(text)
            command = [PROGRAM, "-q", str(path)]
            if os.geteuid() == 0:
                # It refuses to run as root.
                folder.chmod(0o777)
                command[1:1] = ["-u", "nobody"]
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)

            def answers() -> bool:
                assert process.poll() is None, (folder / "log").read_text()
                with contextlib.suppress(psycopg.OperationalError):
                    psycopg.connect(self.url, connect_timeout=2).close()
                    return True
                return False

            eventually(answers, "PgBouncer answers")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """The database of the test, by way of PgBouncer."""
        user, name = (quote(connection.settings_dict[key], safe="") for key in ("USER", "NAME"))
        return f"postgresql://{user}@127.0.0.1:{self.port}/{name}"
