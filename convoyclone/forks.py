"""Run Python programs in forks of this process, which has imported most of what they need.

A fork shares the memory of this process until one of the two changes it, and imports only what is new to it: see
docs/performance.md, "Start and memory". This process must have one thread and no connection to a database.
"""

import atexit
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import NoReturn

from setproctitle import getproctitle, setproctitle

POLL_SECONDS = 0.01
#: The first descriptor after those of standard input, output and error.
AFTER_STANDARD = 3


class Fork:
    """A process that runs a Python program, with what is used here of the interface of subprocess.Popen."""

    def __init__(self, command: list[str], prepare: Callable[[], None], descriptors: Sequence[int]) -> None:
        """Start `command`, which is that of a Python process: the interpreter, and `-m` and a module, or a file.

        The process leads a session of its own, calls `prepare`, and has `descriptors` open beside the standard ones.
        """
        self.returncode: int | None = None
        _flush()
        self.pid = os.fork()
        if self.pid == 0:
            _run(command, prepare, descriptors)

    def poll(self) -> int | None:
        """Return the exit code, negative after a signal, or None while the process runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once the process has ended. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a fork", timeout or 0)
            time.sleep(POLL_SECONDS)
        return code

    def terminate(self) -> None:
        """Ask the process to end."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGTERM)


def _run(command: list[str], prepare: Callable[[], None], descriptors: Sequence[int]) -> NoReturn:
    """Run a program in the fork, and end with its exit code: never return into the code that has forked."""
    code = 1
    try:
        os.setsid()
        # The exit handlers are those of the process that has forked: they must not run at the end of this one.
        atexit._clear()
        _close_all_but(descriptors)
        prepare()
        _show(command)
        _run_program(command[1:])
        code = 0
    except SystemExit as end:
        code = _exit_code(end)
    except BaseException as error:
        # Beside what Python prints, this is where reports of errors hear of it (core/error_reports.py).
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        with suppress(BaseException):
            # As at the end of any Python process: threads that are no daemons finish their work first.
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
        with suppress(BaseException):
            _flush()
        os._exit(code)


def _flush() -> None:
    """Write what is printed. A stream is None where the descriptor was closed when the process began."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def _close_all_but(descriptors: Sequence[int]) -> None:
    first = AFTER_STANDARD
    for kept in sorted(descriptors):
        os.closerange(first, kept)
        first = kept + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))


def _show(command: list[str]) -> None:
    """Show a command in `ps`, where there is as much room as this process's own command and environment had."""
    setproctitle(" ".join(command))
    if getproctitle() != " ".join(command):
        # Cut off, it would lack the words by which script/server finds what a killed run has left.
        setproctitle(" ".join(PurePath(word).name for word in command))


def _run_program(words: list[str]) -> None:
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


def _exit_code(end: SystemExit) -> int:
    """Return the exit code of a program that has raised SystemExit, which may print a message instead of one."""
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1
