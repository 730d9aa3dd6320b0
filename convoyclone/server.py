"""Run `script/server`: prepare everything that a server needs, from an empty folder on, and run until Ctrl-C.

It starts the database (database.py), makes the tables and the demo of the first run (quickstart.py), and then runs
Granian, a worker of the delivery engine and the demo's receiver (receiver.py) as processes of their own. Production
starts the first two directly (docs/install.md).
"""

import contextlib
import fcntl
import gc
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import psutil

from convoyclone import database, embedded, receiver
from convoyclone.private_files import ensure_secrets
from convoyclone.processes import (
    LOOPBACK,
    OURS,
    SIGNALS,
    STOP_SECONDS,
    Companion,
    Process,
    Start,
    demo_receiver,
    end,
    fork,
    words_of,
    worker,
)
from convoyclone.threads import THREADS

START_SECONDS = 60
WATCH_SECONDS = 0.2
#: A worker without a heartbeat for this long is replaced. Its own /healthz fails after 30 seconds.
HANG_SECONDS = 45
# Holds the lock on the data folder and the process ids of the web server, the receiver and the worker.
LOCK = "server.lock"

_asked_to_stop = threading.Event()


class CannotStart(Exception):
    """The server cannot start; the text says why in one line."""


def main() -> int:
    """Run until a signal. Returns the exit code."""
    for number in SIGNALS:
        # Under nohup a hang-up is ignored, and stays so.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    # Some programs start others with SIGCHLD ignored. Exit codes would then be lost.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
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
            # The error may be a consequence of the interruption.
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
    """Return whether a process belongs to the web server, the receiver or the worker, which lead these groups."""
    try:
        return os.getpgid(process.pid) in groups and not OURS.isdisjoint(words_of(process))
    except (OSError, psutil.Error):
        return False


def _run(data_dir: Path) -> int:
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, call_command
    from django.db import Error, connections

    from core.pooling import pooling_problem

    try:
        _check_port(settings.HOST, settings.PORT)
        database.ensure_running()
        # ensure_running() has set DATABASE_URL.
        settings.DATABASES["default"] = database.django_settings(
            os.environ["DATABASE_URL"], is_shared=settings.DATABASE_POOL_MODE == "transaction"
        )
        django.setup()
        if problem := pooling_problem():
            raise CannotStart(problem)
    except ImproperlyConfigured as error:
        raise CannotStart(str(error)) from None
    from convoyclone.quickstart import ensure_demo, receiver_port

    path = data_dir / "quickstart.json"
    with contextlib.ExitStack() as stack:
        try:
            call_command("migrate", verbosity=0)
            # The socket is this process's own, and stays the same when the receiver must be started again.
            listener = stack.enter_context(receiver.listen(receiver_port(path)))
            demo = ensure_demo(path, receiver.address(listener))
        except receiver.NoFreePort as error:
            raise CannotStart(str(error)) from None
        except Error as error:
            raise CannotStart(f"the database cannot be prepared: {' '.join(str(error).split())}") from None
        except CommandError as error:
            raise CannotStart(str(error)) from None
        _tell_processes(is_demo=bool(demo))
        # A fork must not have this process's connections, nor what changes when garbage is looked for.
        connections.close_all()
        gc.collect()
        gc.freeze()
        return _serve(data_dir, demo, listener)


def _tell_processes(*, is_demo: bool) -> None:
    """Tell the processes that begin from now on whether there is a demo: forks by settings, others by the environment.

    Unless the operator sets these: a demo may deliver to its own machine, and logs its attempts at a terminal only,
    because the portal and the receiver show them.
    """
    from django.conf import settings

    given = set(os.environ)
    os.environ["CONVOYCLONE_DEMO"] = str(int(is_demo))
    settings.DEMO = is_demo
    if is_demo and "DELIVERY_ALLOWED_NETWORKS" not in given:
        os.environ["DELIVERY_ALLOWED_NETWORKS"] = ",".join(LOOPBACK)
        settings.DELIVERY_ALLOWED_NETWORKS = [ip_network(network) for network in LOOPBACK]
    if is_demo and settings.LOG_FORMAT == "json" and not {"LOG_FORMAT", "ATTEMPT_LOG_LEVEL"} & given:
        logs: Any = settings.LOGGING
        os.environ["ATTEMPT_LOG_LEVEL"] = logs["loggers"]["convoyclone.attempt"]["level"] = "WARNING"


def _serve(data_dir: Path, demo: dict[str, Any], listener: socket.socket) -> int:
    """Run the processes until a signal or the end of the web server. Returns the exit code."""
    from django.conf import settings

    host, port = settings.HOST, settings.PORT
    companions = [worker()]
    if demo:
        # Started before the worker, it ends after it, and so answers its last requests.
        companions.insert(0, demo_receiver(listener, data_dir / "quickstart.json", local_url(host, port)))
    else:
        listener.close()
    # The worker ends first: its last requests may be to the demo's receiver, which asks the web server for secrets.
    with granian(host, port) as process, contextlib.ExitStack() as stack:
        for companion in companions:
            stack.enter_context(companion)
        try:
            _note_processes(data_dir, process, companions)
            wait_until_it_answers(process, host, port)
            _print_quickstart(settings.BASE_URL, demo, data_dir)
            while (code := process.poll()) is None:
                for companion in companions:
                    if _look_after(companion):
                        _note_processes(data_dir, process, companions)
                time.sleep(WATCH_SECONDS)
        finally:
            _ignore_signals()
    print(f"convoyclone: the web server ended by itself, with exit code {code}", file=sys.stderr)
    return 1


def _look_after(companion: Companion) -> bool:
    """Start a process again that has ended or hangs. Returns whether it had."""
    try:
        if companion.has_ended():
            print(f"convoyclone: {companion.name} ended by itself, and is started again", file=sys.stderr)
            companion.start()
        elif companion.silent_seconds() > HANG_SECONDS:
            _replace(companion)
        else:
            return False
    except OSError as error:
        # The web server goes on without it, and the next look tries again.
        print(f"convoyclone: {companion.name} cannot be started: {error.strerror}", file=sys.stderr)
    return True


def _replace(companion: Companion) -> None:
    """Replace a process that hangs, unless the database is away: without that another would hang as well.

    The worker alone knows the outcomes that it cannot write, and keeps them until the database is back.
    """
    try:
        database.ensure_running()
    except database.DatabaseUnavailable:
        companion.forgive()
        return
    print(f"convoyclone: {companion.name} hangs, and is replaced", file=sys.stderr)
    companion.replace()


def _note_processes(data_dir: Path, process: Process, companions: Sequence[Companion]) -> None:
    ids = [process.pid, *(companion.pid for companion in companions)]
    (data_dir / LOCK).write_text(" ".join(map(str, ids)), encoding="utf-8")


def _check_port(host: str, port: int) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError) as error:
        raise CannotStart(f"cannot listen on {host} port {port}: {getattr(error, 'strerror', error)}") from None


def web_command(host: str, port: int, application: str = "convoyclone.wsgi:application") -> list[str]:
    """Return the command of a web server. Raises ImproperlyConfigured where a setting is wrong."""
    from django.conf import settings

    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port)]
    command += ["--workers", str(settings.WORKERS), "--blocking-threads", str(THREADS), "--http", "1", "--no-ws"]
    command += ["--backlog", "1024", "--workers-kill-timeout", "2", "--respawn-failed-workers"]
    # As a warning Granian says at each start that so many threads are many; most of them only wait (threads.py).
    return [*command, "--log-level", "error", application]


@contextlib.contextmanager
def granian(
    host: str, port: int, application: str = "convoyclone.wsgi:application", *, start: Start = fork
) -> Iterator[Process]:
    """Run Granian until the block ends, or until this process ends, even by a kill."""
    process = start(web_command(host, port, application), embedded.descriptors())
    try:
        yield process
    finally:
        end(process)


def wait_until_it_answers(process: Process, host: str, port: int) -> None:
    """Wait until the server of `process` answers. Raises CannotStart when it does not."""
    url = f"{local_url(host, port)}/healthz"
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


def local_url(host: str, port: int) -> str:
    """Return the address of the web server for this machine's own processes."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{local}]' if ':' in local else local}:{port}"


def _print_quickstart(base_url: str, demo: dict[str, Any], data_dir: Path) -> None:
    lines = ["", f"ConvoyClone is running at {base_url}", ""]
    if demo:
        from convoyclone.demo_content import TRIED

        event_type, data = TRIED
        body = json.dumps({"owner_id": demo["owner_id"], "event_type": event_type, "data": data})
        lines += [
            f"  Portal     {demo['portal_url']}  (what the customer {demo['owner_id']} sees)",
            f"  Webhooks   {demo['receiver_url']}/  (what the demo's own receiver has got)",
            f"  API docs   {demo['docs_url']}",
            f"  Admin      {demo['admin_url']}  user {demo['admin_user']}, password {demo['admin_password']}",
            f"  All this   {data_dir / 'quickstart.json'}",
            "",
            "Send an event, and see it in the portal and at the receiver:",
            "",
            f"export PROJECT_ID={demo['project_id']} API_KEY={demo['api_key']}",
            f"curl {base_url}/api/v1/projects/$PROJECT_ID/events/fanout "
            f"""-H "Authorization: Bearer $API_KEY" -H 'Content-Type: application/json' -d '{body}'""",
            "",
            "A demo may send to this machine too; elsewhere private networks are refused (DELIVERY_ALLOWED_NETWORKS).",
            "",
        ]
    else:
        lines += [f"  API docs   {base_url}/api/docs", f"  Admin      {base_url}/admin/", ""]
    print("\n".join([*lines, "Ctrl-C stops it.", ""]), flush=True)


if __name__ == "__main__":
    sys.exit(main())
