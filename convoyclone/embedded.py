"""Make and start the embedded PostgreSQL, share it between processes, and stop it with the last of them.

Locks on two files beside the cluster's folder show which processes use it. They end with their process, even a killed
one. Each process that uses the server holds a shared lock on USERS, and one that starts it a lock on LOCK. A guard, a
process of its own, waits until nobody holds USERS, and then stops a server that a killed process has left.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psutil

from convoyclone.embedded_cluster import check_version, initialise
from convoyclone.embedded_user import (
    CannotStart,
    Owner,
    owner_of,
    program_folder,
    short_folder,
    signals_waiting,
    spawn,
    users_of,
)

PORT = 5432
USERS = "users"
LOCK = "lock"
#: The longest start of a server, after a crash too, and the longest wait for another process to start or stop it.
SETTLE_SECONDS = 60
STOP_SECONDS = 10
POLL_SECONDS = 0.01
#: The most bytes that the address of a Unix socket holds on every system.
MAX_SOCKET_BYTES = 100

# A cluster of an earlier version has the locale of its maker in its configuration.
_LOCALES = ("lc_messages", "lc_monetary", "lc_numeric", "lc_time")

#: The descriptors of USERS that this process holds, by the folders of the clusters.
_in_use: dict[Path, int] = {}
#: The servers and the guards that this process has started, which may outlive it.
_servers: "dict[Path, subprocess.Popen[bytes]]" = {}
_guards: "dict[Path, subprocess.Popen[bytes]]" = {}


def start(directory: Path) -> str:
    """Start the server whose data is in `directory`, or join the running one, and return its URL.

    This process is one of its users until it calls stop() or ends. Raises CannotStart.
    """
    try:
        if "\n" in str(directory):
            raise CannotStart("the name of its folder has a line break, which PostgreSQL cannot write down")
        directory.parent.mkdir(parents=True, exist_ok=True)
        if directory not in _in_use:
            _in_use[directory] = _open(directory, USERS)
        _lock(_in_use[directory], fcntl.LOCK_SH)
        with _alone(directory):
            owner = owner_of(directory)
            if not (directory / "PG_VERSION").exists():
                initialise(directory, owner)
            check_version(directory)
            if not _is_running(directory):
                _forget_killed(directory)
                _ensure_guard(directory)
                _start(directory, owner)
            _ensure_guard(directory)
    except (OSError, subprocess.SubprocessError, psutil.Error) as error:
        raise CannotStart(" ".join(str(error).split()) or type(error).__name__) from None
    return _url(directory)


def stop() -> None:
    """End this process's use of all servers, and stop those that nobody else uses."""
    for directory in list(_in_use):
        descriptor = _in_use.pop(directory)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Another process uses it, or its guard is stopping it, which is worth waiting for.
            with contextlib.suppress(CannotStart):
                _lock(descriptor, fcntl.LOCK_SH, STOP_SECONDS)
        else:
            _stop(directory)
            if (guard := _guard(descriptor, directory)) is not None:
                with contextlib.suppress(psutil.Error):
                    guard.terminate()
                    guard.wait(STOP_SECONDS)
        # Children may have inherited it, and with it the lock.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)
        for child in (_servers.pop(directory, None), _guards.pop(directory, None)):
            if child is not None and child.poll() is None:
                # It outlives this process on purpose. Popen would warn about that.
                child.returncode = 0


def descriptors() -> list[int]:
    """Return the descriptors that a child process must inherit to count as a user of this process's servers."""
    return list(_in_use.values())


def postmaster(directory: Path) -> psutil.Process | None:
    """Return the parent of all processes of the server on `directory`; None where it does not run."""
    try:
        process = psutil.Process(int(_pid_file(directory)[0]))
        words = process.cmdline()
        is_server = Path(words[0]).name == "postgres" and str(directory) in words
        return process if is_server and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def _open(directory: Path, name: str) -> int:
    # A link could lead root to a file of another program.
    return os.open(directory.with_name(f"{directory.name}.{name}"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _lock(descriptor: int, kind: int, seconds: float = SETTLE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise CannotStart(f"another process has been starting or stopping it for {seconds} seconds") from None
        time.sleep(POLL_SECONDS)


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep others from starting a server on `directory` until the block ends."""
    descriptor = _open(directory, LOCK)
    try:
        _lock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _ensure_guard(directory: Path) -> None:
    descriptor = _in_use[directory]
    if _guard(descriptor, directory) is None:
        command = [sys.executable, "-I", *_guarding(directory)]
        with signals_waiting():
            # Its Python may need something of our environment, such as where its libraries are.
            guard = _guards[directory] = spawn(
                command, environment=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(guard.pid).encode(), 0)


def _guard(descriptor: int, directory: Path) -> psutil.Process | None:
    """Return the guard of the server on `directory`, whose process id is in USERS; None where it does not run."""
    try:
        process = psutil.Process(int(os.pread(descriptor, 20, 0)))
        if (
            process.cmdline()[-len(_guarding(directory)) :] == _guarding(directory)
            and process.status() != psutil.STATUS_ZOMBIE
        ):
            return process
    except (ValueError, psutil.Error):
        pass
    return None


def _guarding(directory: Path) -> list[str]:
    code = "import sys; sys.path.insert(0, sys.argv[1]); from convoyclone import embedded; embedded.guard(sys.argv[2])"
    return ["-c", code, str(Path(__file__).parent.parent), str(directory)]


def guard(folder: str) -> None:
    """Wait until nobody uses the server on `folder`, and stop it if it still runs."""
    directory = Path(folder)
    descriptor = _open(directory, USERS)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    _stop(directory)


def _open_log(path: Path) -> int:
    """Open the log to append to it. A link to a file of another program is replaced by a new file."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    with contextlib.suppress(FileNotFoundError):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            path.unlink()
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _start(directory: Path, owner: Owner | None) -> None:
    """Start the server and return when it takes connections."""
    _write(directory / "pg_hba.conf", "local all all peer map=users\n", owner)
    _write(directory / "pg_ident.conf", "".join(f"users {name} all\n" for name in users_of(directory)), owner)
    log = _open_log(directory / "log")
    sockets = directory if _fits_a_socket(directory) else short_folder(owner)
    try:
        if owner is not None:
            os.fchown(log, owner.uid, owner.gid)
        # Not by pg_ctl: it hands the folders to a shell in double quotes, and does not escape them.
        command = [str(program_folder() / "postgres"), "-D", str(directory)]
        command += ["-h", "", "-p", str(PORT), "-k", str(sockets), "-c", "unix_socket_permissions=0700"]
        for name in _LOCALES:
            command += ["-c", f"{name}=C"]
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            size = os.fstat(log).st_size
            with signals_waiting():
                process = _servers[directory] = spawn(command, owner, stdout=log, stderr=log)
            if _becomes_ready(process, directory, deadline):
                return
            said = os.pread(log, 1 << 20, size).decode(errors="replace")
            # The last processes of a killed server hold its shared memory for a moment.
            if "pre-existing shared memory" not in said or time.monotonic() > deadline:
                fatal = [line[line.index("FATAL") :] for line in said.splitlines() if "FATAL" in line]
                reason = " ".join(fatal or said.splitlines()[-1:]) or f"it ended with {process.returncode}"
                raise CannotStart(f"{reason}; see {directory / 'log'}")
            time.sleep(0.1)
    except BaseException:
        if sockets != directory and postmaster(directory) is None:
            shutil.rmtree(sockets, ignore_errors=True)
        raise
    finally:
        os.close(log)


def _becomes_ready(process: "subprocess.Popen[bytes]", directory: Path, deadline: float) -> bool:
    """Wait until the server takes connections (True) or ends (False)."""
    while process.poll() is None:
        lines = _pid_file(directory)
        if lines[:1] == [str(process.pid)] and _is_ready(lines):
            return True
        if time.monotonic() > deadline:
            process.send_signal(signal.SIGQUIT)
            process.wait(STOP_SECONDS)
        time.sleep(POLL_SECONDS)
    return False


def _is_running(directory: Path) -> bool:
    """Return whether a server runs on `directory`, after waiting for one that starts or stops."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while postmaster(directory) is not None:
        if _is_ready(_pid_file(directory)):
            return True
        if time.monotonic() > deadline:
            raise CannotStart(f"another process has been starting or stopping it for {SETTLE_SECONDS} seconds")
        time.sleep(POLL_SECONDS)
    return False


def _stop(directory: Path) -> None:
    """Stop the server, if it runs: with a checkpoint (SIGINT), or without one where that takes too long."""
    sockets = _sockets(directory)
    for number in (signal.SIGINT, signal.SIGQUIT):
        with contextlib.suppress(psutil.Error):
            # A server whose start was interrupted may not have written its process id yet.
            child = _servers.get(directory)
            is_child = child is not None and child.poll() is None
            process = psutil.Process(child.pid) if child is not None and is_child else postmaster(directory)
            if process is None:
                break
            process.send_signal(number)
            process.wait(STOP_SECONDS)
    if sockets is not None and sockets != directory:
        _remove_sockets(sockets)


def _forget_killed(directory: Path) -> None:
    """Remove the files that a killed server has left.

    PostgreSQL takes any process that now has the id of a killed server for that server, and does not start.
    """
    sockets = _sockets(directory)
    if sockets is not None:
        _remove_sockets(sockets)
    (directory / "postmaster.pid").unlink(missing_ok=True)


def _remove_sockets(folder: Path) -> None:
    for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
        (folder / name).unlink(missing_ok=True)
    # A folder that was made for the sockets is empty now. The folder of a cluster is not, and stays.
    with contextlib.suppress(OSError):
        folder.rmdir()


def _pid_file(directory: Path) -> list[str]:
    """Return the lines of a server's `postmaster.pid`: id, data folder, start, port, socket folder, ..., state."""
    try:
        return os.fsdecode((directory / "postmaster.pid").read_bytes()).split("\n")
    except FileNotFoundError:
        return []


def _is_ready(lines: list[str]) -> bool:
    return len(lines) > 7 and lines[7].strip() == "ready"


def _sockets(directory: Path) -> Path | None:
    lines = _pid_file(directory)
    return Path(lines[4]) if len(lines) > 4 and lines[4] else None


def _url(directory: Path) -> str:
    return f"postgresql://postgres@/postgres?host={quote(os.fsencode(_sockets(directory) or directory))}&port={PORT}"


def _fits_a_socket(directory: Path) -> bool:
    """Return whether a socket can be in `directory`: libpq reads UTF-8 and separates folders by commas."""
    name = os.fsencode(directory / f".s.PGSQL.{PORT}.lock")
    try:
        return len(name) <= MAX_SOCKET_BYTES and "," not in name.decode()
    except UnicodeDecodeError:
        return False


def _write(path: Path, text: str, owner: Owner | None) -> None:
    """Write a file of the cluster, as a new one: its folder may belong to another user than this process's."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        if owner is not None:
            os.fchown(descriptor, owner.uid, owner.gid)
