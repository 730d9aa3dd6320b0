"""Start and end the processes that script/server runs beside itself."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from convoyclone import database, embedded
from convoyclone.forks import Fork

STOP_SECONDS = 3
#: Somewhat longer than an endpoint may take to answer by default.
DRAIN_SECONDS = 12
#: Networks of this machine itself.
LOOPBACK = ("127.0.0.0/8", "::1/128")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: A word of the command of each process that a run starts.
OURS = {"granian", "convoyclone.receiver", "deliver"}

#: Elsewhere, a fork of a process that has used the network cannot be relied on.
IS_FORKING = sys.platform == "linux"

Process = subprocess.Popen[bytes] | Fork
#: Starts a command with descriptors, see spawn() and fork().
Start = Callable[[list[str], Sequence[int]], Process]


class Companion:
    """A process beside the web server, until the block ends."""

    def __init__(
        self,
        name: str,
        command: list[str],
        *,
        descriptors: Sequence[int] | None = None,
        end_seconds: float = STOP_SECONDS,
        has_heartbeat: bool = False,
        start: Start | None = None,
    ) -> None:
        self.name = name
        self._has_heartbeat = has_heartbeat
        self._start = start or spawn
        #: The end of the heartbeat's pipe that this process reads, and the time of the last heartbeat.
        self._pulse: int | None = None
        self._beat_at = 0.0
        self._command, self._descriptors = command, descriptors
        self._end_seconds = end_seconds

    def __enter__(self) -> "Companion":
        self.start()
        return self

    def start(self) -> None:
        """Start the process, for the first time or again. Its heartbeat goes to a pipe that its command names."""
        # With these, the embedded PostgreSQL stays until the process has ended, even when this one is killed.
        descriptors = embedded.descriptors() if self._descriptors is None else self._descriptors
        if not self._has_heartbeat:
            self._process = self._start(self._command, descriptors)
            return
        self._close_pulse()
        self._pulse, beats = os.pipe()
        os.set_blocking(self._pulse, False)
        try:
            command = [*self._command, f"--heartbeat={beats}"]
            self._process = self._start(command, [*descriptors, beats])
        finally:
            os.close(beats)
        self.forgive()

    def silent_seconds(self) -> float:
        """Return for how long the process has had no heartbeat; 0 where it has none to give."""
        if self._pulse is None:
            return 0.0
        with contextlib.suppress(BlockingIOError):
            if os.read(self._pulse, 65536):
                self.forgive()
        return time.monotonic() - self._beat_at

    def forgive(self) -> None:
        """Count the seconds without a heartbeat from now on."""
        self._beat_at = time.monotonic()

    def replace(self) -> None:
        """End a process that hangs, and start another."""
        end(self._process)
        self.start()

    def _close_pulse(self) -> None:
        if self._pulse is not None:
            os.close(self._pulse)
            self._pulse = None

    @property
    def pid(self) -> int:
        """Return the id of the process and of its group."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Return whether the process has ended."""
        return self._process.poll() is not None

    def __exit__(self, *_: Any) -> None:
        end(self._process, self._end_seconds)
        self._close_pulse()


def worker() -> Companion:
    """Return a worker of the engine. Attempts that its end cuts off after DRAIN_SECONDS are made again later."""
    command = [sys.executable, str(database.BASE_DIR / "manage.py"), "deliver"]
    return Companion("the worker", command, end_seconds=DRAIN_SECONDS, has_heartbeat=True, start=fork)


def demo_receiver(listener: socket.socket, quickstart: Path, api_url: str) -> Companion:
    """Return the demo's receiver on a listening socket, which outlives it (receiver.py)."""
    descriptor = listener.fileno()
    command = [sys.executable, "-m", "convoyclone.receiver", str(descriptor), str(quickstart), api_url]
    return Companion("the demo's receiver", command, descriptors=[descriptor])


def spawn(command: list[str], descriptors: Sequence[int]) -> Process:
    """Start a process, which has `descriptors` beside the standard ones."""
    parent = os.getpid()
    return _started(
        # A session of its own: Ctrl-C in the terminal reaches this process only, which can end the whole group.
        lambda: subprocess.Popen(
            command,
            cwd=database.BASE_DIR,
            preexec_fn=lambda: _prepare_child(parent),
            start_new_session=True,
            pass_fds=descriptors,
        )
    )


def fork(command: list[str], descriptors: Sequence[int]) -> Process:
    """Start a Python program as spawn() does, but in a fork of this process where that is safe (forks.py)."""
    if not IS_FORKING:
        return spawn(command, descriptors)
    parent = os.getpid()
    return _started(lambda: Fork(command, lambda: _prepare_fork(parent), descriptors))


def _started(start: Callable[[], Process]) -> Process:
    """Start a process, and end it where a signal has come meanwhile.

    During a fork a signal could be lost, and later its exception leaves nobody who knows the process.
    """
    process = None
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        process = start()
    finally:
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        except BaseException:
            if process is not None:
                end(process)
            raise
    return process


def end(process: Process, seconds: float = STOP_SECONDS) -> None:
    """End a process that may take some seconds for that, and whatever is left of its group."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def words_of(process: psutil.Process) -> list[str]:
    """Return the words of a process's command. For psutil, a fork's can be one word, and blanks after it others."""
    return " ".join(process.cmdline()).split()


def _prepare_fork(parent: int) -> None:
    """Have signals do in a fork what they do in a new process, and begin in the same folder."""
    os.chdir(database.BASE_DIR)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    _prepare_child(parent)


def _prepare_child(parent: int) -> None:
    """Accept signals again, and on Linux have the kernel send one when the parent is killed."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    with contextlib.suppress(OSError, AttributeError):
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() != parent:
        # It has been killed before the kernel knew that.
        os._exit(1)
