"""Run `script/server`: prepare everything that a server needs, from an empty folder on, and run until Ctrl-C.

It starts the database (database.py), makes the tables and the demo of the first run (quickstart.py), and then runs
Granian and a worker of the delivery engine as processes of their own. Production starts these directly (README).
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
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from convoyclone import database, embedded
from convoyclone.private_files import ensure_secrets

START_SECONDS = 60
STOP_SECONDS = 3
#: Somewhat more than an endpoint has by default to answer.
DRAIN_SECONDS = 12
WATCH_SECONDS = 0.2
#: Networks of this machine itself.
LOOPBACK = "127.0.0.0/8,::1/128"
# Holds the lock on the data folder and the process ids of the web server and the worker.
LOCK = "server.lock"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_asked_to_stop = threading.Event()


class CannotStart(Exception):
    """The server cannot start; the text says why in one line."""


def main() -> int:
    """Run until a signal. Returns the exit code."""
    for number in SIGNALS:
        # Under nohup a hang-up is ignored, and stays so.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    database.own_the_environment()
    data_dir = database.data_dir()
    try:
        with _sole_use(data_dir):
            try:
                return _run(data_dir)
            finally:
                _ignore_signals()
                database.stop_embedded()
    except KeyboardInterrupt:
        return 0
    except (CannotStart, database.DatabaseUnavailable) as error:
        if _asked_to_stop.is_set():
            # What was interrupted may complain of that before it gives way.
            return 0
        print(f"convoyclone: {error}", file=sys.stderr)
        return 1


def _stop(*_: Any) -> None:
    _asked_to_stop.set()
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    """Ignore further signals, so that a second one does not interrupt the stop."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def _sole_use(data_dir: Path) -> Iterator[None]:
    """Hold a lock on the data folder: two servers on it would end each other's processes."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = os.fdopen(os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "a", encoding="utf-8")
    except OSError as error:
        raise CannotStart(f"the data folder {data_dir} cannot be written: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotStart(f"another server uses the data folder {data_dir}; set DATA_DIR for this one") from None
        ensure_secrets(data_dir)
        _end_leftover(data_dir / LOCK)
        yield


def _end_leftover(lock: Path) -> None:
    """End the processes that a killed run has left: they may still hold the port."""
    groups = {int(group) for group in lock.read_text(encoding="utf-8").split()}
    leftover = [process for process in psutil.process_iter() if groups and _is_ours(process, groups)]
    for process in leftover:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(leftover, STOP_SECONDS)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _is_ours(process: psutil.Process, groups: set[int]) -> bool:
    """Return whether a process belongs to the web server or the worker, which lead these process groups."""
    try:
        return os.getpgid(process.pid) in groups and not {"granian", "deliver"}.isdisjoint(process.cmdline())
    except (OSError, psutil.Error):
        return False


def _run(data_dir: Path) -> int:
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, call_command
    from django.db import Error

    try:
        host, port = settings.HOST, settings.PORT
        _check_port(host, port)
        database.ensure_running()
        # ensure_running() has set DATABASE_URL.
        settings.DATABASES["default"] = database.django_settings(os.environ["DATABASE_URL"])
        django.setup()
    except ImproperlyConfigured as error:
        raise CannotStart(str(error)) from None
    from convoyclone.quickstart import ensure_demo

    try:
        call_command("migrate", verbosity=0)
        demo = ensure_demo(data_dir / "quickstart.json")
    except Error as error:
        raise CannotStart(f"the database cannot be prepared: {' '.join(str(error).split())}") from None
    except CommandError as error:
        raise CannotStart(str(error)) from None
    with granian(host, port) as process, Worker() as worker:
        try:
            (data_dir / LOCK).write_text(f"{process.pid} {worker.pid}", encoding="utf-8")
            wait_until_it_answers(process, host, port)
            _print_quickstart(settings.BASE_URL, demo, data_dir)
            while (code := process.poll()) is None:
                if worker.has_ended():
                    print("convoyclone: the worker ended by itself, and is started again", file=sys.stderr)
                    worker.start()
                    (data_dir / LOCK).write_text(f"{process.pid} {worker.pid}", encoding="utf-8")
                time.sleep(WATCH_SECONDS)
        finally:
            _ignore_signals()
            # Both are asked to stop, and then both are waited for.
            process.terminate()
            worker.stop()
    print(f"convoyclone: the web server ended by itself, with exit code {code}", file=sys.stderr)
    return 1


class Worker:
    """A worker of the delivery engine as a process of its own, until the block ends.

    A demo may deliver to its own machine, unless the operator sets DELIVERY_ALLOWED_NETWORKS.
    """

    def __enter__(self) -> "Worker":
        self.start()
        return self

    def start(self) -> None:
        """Start the process, for the first time or again."""
        environment = {"DELIVERY_ALLOWED_NETWORKS": LOOPBACK} | os.environ
        command = [sys.executable, str(database.BASE_DIR / "manage.py"), "deliver"]
        self._process = _spawn(command, environment)

    @property
    def pid(self) -> int:
        """Return the id of the process and of its group."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Return whether the process has ended."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Ask the process to finish the attempts under way and to end."""
        self._process.terminate()

    def __exit__(self, *_: Any) -> None:
        """Wait DRAIN_SECONDS for attempts under way. Attempts that are cut off are made again later."""
        _end(self._process, DRAIN_SECONDS)


def _check_port(host: str, port: int) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        raise CannotStart(f"cannot listen on {host} port {port}: {getattr(error, 'strerror', error)}") from None


@contextlib.contextmanager
def granian(
    host: str, port: int, application: str = "convoyclone.wsgi:application"
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run Granian until the block ends, or until this process ends, even by a kill."""
    from django.conf import settings

    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port)]
    command += ["--workers", str(settings.WORKERS), "--blocking-threads", "2", "--http", "1", "--no-ws"]
    command += ["--backlog", "1024", "--workers-kill-timeout", "2", "--respawn-failed-workers"]
    command += ["--log-level", "warning", application]
    process = _spawn(command)
    try:
        yield process
    finally:
        _end(process)


def _spawn(command: list[str], environment: dict[str, str] | None = None) -> "subprocess.Popen[bytes]":
    # A signal during the fork could be lost, or could leave the child process running. It waits until after the fork.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        # A session of its own: Ctrl-C in the terminal reaches this process only, which can end the whole group.
        return subprocess.Popen(
            command,
            cwd=database.BASE_DIR,
            env=environment,
            preexec_fn=_prepare_child,
            start_new_session=True,
            # When this process is killed, the embedded PostgreSQL stays until its children have finished.
            pass_fds=embedded.descriptors(),
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _end(process: "subprocess.Popen[bytes]", seconds: float = STOP_SECONDS) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _prepare_child() -> None:
    """Accept signals again, and on Linux have the kernel send one when the parent is killed."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    with contextlib.suppress(OSError, AttributeError):
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def wait_until_it_answers(process: "subprocess.Popen[bytes]", host: str, port: int) -> None:
    """Wait until the server of `process` answers. Raises CannotStart when it does not."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    url = f"http://{f'[{local}]' if ':' in local else local}:{port}/healthz"
    # A proxy of the environment must not get a request to this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            opener.open(url, timeout=5).close()
            return
        except urllib.error.HTTPError as answer:
            # A running server refuses a host that ALLOWED_HOSTS lacks.
            if answer.code < 500:
                return
        except OSError:
            pass
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
            "Webhooks are delivered to this machine too, as this is a demo"
            " (DELIVERY_ALLOWED_NETWORKS; elsewhere private networks are refused).",
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
