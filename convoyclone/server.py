"""`script/server`: all that a running server needs, from an empty folder on, until Ctrl-C.

The database (database.py), its tables, the demo of the first run (quickstart.py), then Granian in
processes of its own. Production starts Granian directly (README).
"""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from convoyclone import database
from convoyclone.private_files import ensure_secrets

START_SECONDS = 60
STOP_SECONDS = 3
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CannotStart(Exception):
    """The server cannot start; the text says why in one line."""


def main() -> int:
    """Run until a signal. Returns the exit code."""
    for number in SIGNALS:
        signal.signal(number, _stop)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoyclone.settings")
    data_dir = database.data_dir()
    try:
        with _sole_use(data_dir):
            try:
                return _run(data_dir)
            finally:
                for number in SIGNALS:
                    signal.signal(number, signal.SIG_IGN)
                database.stop_embedded()
    except KeyboardInterrupt:
        return 0
    except (CannotStart, database.DatabaseUnavailable) as error:
        print(f"convoyclone: {error}", file=sys.stderr)
        return 1


def _stop(*_: Any) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _sole_use(data_dir: Path) -> Iterator[None]:
    """Hold the data folder: two servers on it would stop each other's database."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        ensure_secrets(data_dir)
        lock = (data_dir / "server.lock").open("w")
    except OSError as error:
        raise CannotStart(f"the data folder {data_dir} cannot be written: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(f"another server uses the data folder {data_dir}; set DATA_DIR for this one") from None
        yield


def _run(data_dir: Path) -> int:
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import call_command

    try:
        host, port = settings.HOST, settings.PORT
        _check_port(host, port)
        database.ensure_running()
        # The database is known from here on.
        settings.DATABASES["default"] = database.django_settings(os.environ["DATABASE_URL"])
        django.setup()
    except ImproperlyConfigured as error:
        raise CannotStart(str(error)) from None
    call_command("migrate", verbosity=0)

    from convoyclone.quickstart import ensure_demo

    demo = ensure_demo(data_dir / "quickstart.json")
    with _granian(host, port) as granian:
        _wait_until_it_answers(granian, host, port)
        _print_quickstart(settings.BASE_URL, demo, data_dir)
        code = granian.wait()
    print(f"convoyclone: the web server ended by itself, with exit code {code}", file=sys.stderr)
    return 1


def _check_port(host: str, port: int) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        raise CannotStart(f"cannot listen on {host} port {port}: {getattr(error, 'strerror', error)}") from None


@contextlib.contextmanager
def _granian(host: str, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Granian, until the block ends; it ends with this process too, however that ends."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port)]
    command += ["--workers", os.environ.get("WORKERS") or "2", "--blocking-threads", "2", "--http", "1", "--no-ws"]
    command += ["--backlog", "1024", "--workers-kill-timeout", "2", "--respawn-failed-workers"]
    command += ["--log-level", "warning", "convoyclone.wsgi:application"]
    granian = subprocess.Popen(command, cwd=database.BASE_DIR, preexec_fn=_end_with_parent)
    try:
        yield granian
    finally:
        granian.terminate()
        try:
            granian.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            granian.kill()


def _end_with_parent() -> None:
    """Ask the kernel to end this process when its parent is killed (Linux; elsewhere nothing happens)."""
    with contextlib.suppress(OSError, AttributeError):
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _wait_until_it_answers(granian: "subprocess.Popen[bytes]", host: str, port: int) -> None:
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    url = f"http://{f'[{local}]' if ':' in local else local}:{port}/healthz"
    deadline = time.monotonic() + START_SECONDS
    while granian.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, urllib.error.URLError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.05)
    raise CannotStart("the web server does not answer; what it printed stands above")


def _print_quickstart(base_url: str, demo: dict[str, Any], data_dir: Path) -> None:
    lines = ["", f"ConvoyClone is running at {base_url}", ""]
    if demo:
        body = json.dumps({"name": "Acme webhooks", "owner_id": demo["owner_id"], "can_manage_endpoint": True})
        lines += [
            f"  API docs   {demo['docs_url']}",
            f"  Admin      {demo['admin_url']}  user {demo['admin_user']}, password {demo['admin_password']}",
            f"  Project    {demo['project_id']}  (three endpoints of the owner {demo['owner_id']})",
            f"  API key    {demo['api_key']}",
            f"  All this   {data_dir / 'quickstart.json'}",
            "",
            "Create a portal link:",
            "",
            f"curl {base_url}/api/v1/projects/{demo['project_id']}/portal-links "
            f"-H 'Authorization: Bearer {demo['api_key']}' -H 'Content-Type: application/json' -d '{body}'",
            "",
        ]
    else:
        lines += [f"  API docs   {base_url}/api/docs", f"  Admin      {base_url}/admin/", ""]
    print("\n".join([*lines, "Ctrl-C stops it.", ""]), flush=True)


if __name__ == "__main__":
    sys.exit(main())
