"""The processes beside the web server: one that hangs is noticed by its heartbeat, and replaced."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from convoyclone import processes, server
from convoyclone.processes import Companion, Process
from tests.engine.process import database_url
from tests.server import free_port
from tests.waiting import eventually

pytestmark = pytest.mark.server
BEATS = """
import os, sys, time
while True:
    os.write(int(sys.argv[-1].partition("=")[2]), b".")
    time.sleep(0.05)
"""


@pytest.fixture
def hanging(capfd: pytest.CaptureFixture[str]) -> Companion:
    return Companion("the worker", [sys.executable, "-c", BEATS], has_heartbeat=True)


def await_a_beat(companion: Companion) -> None:
    """Return when the process has given a sign of life since the call."""
    before = companion._beat_at
    eventually(lambda: companion.silent_seconds() >= 0 and companion._beat_at > before, "it gives a sign of life")


class TestAWorkerThatHangs:
    def test_it_is_replaced(
        self, hanging: Companion, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(processes, "STOP_SECONDS", 0.1)
        with hanging:
            await_a_beat(hanging)
            first = hanging.pid
            os.kill(first, signal.SIGSTOP)
            eventually(lambda: hanging.silent_seconds() > 1, "nothing more comes")
            server._replace(hanging)
            await_a_beat(hanging)
            assert hanging.pid != first
            assert not psutil.pid_exists(first)
            assert hanging.silent_seconds() < 60
        assert capfd.readouterr().err == "convoyclone: the worker hangs, and is replaced\n"
        assert not psutil.pid_exists(hanging.pid)

    def test_it_is_left_alone_while_the_database_is_away(
        self, hanging: Companion, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", f"postgresql://127.0.0.1:{free_port()}/x")
        with hanging:
            await_a_beat(hanging)
            first = hanging.pid
            os.kill(first, signal.SIGSTOP)
            eventually(lambda: hanging.silent_seconds() > 1, "nothing more comes")
            server._replace(hanging)
            assert hanging.pid == first
            assert hanging.silent_seconds() < 1
            os.kill(first, signal.SIGCONT)
        assert capfd.readouterr().err == ""

    def test_one_without_a_heartbeat_is_never_silent(self) -> None:
        with Companion("another", [sys.executable, "-c", "input()"]) as other:
            assert other.silent_seconds() == 0


class TestAStart:
    def test_an_interrupted_one_leaves_no_process(self, hanging: Companion, monkeypatch: pytest.MonkeyPatch) -> None:
        started: list[subprocess.Popen[bytes]] = []

        def interrupted(*args: Any, **options: Any) -> "subprocess.Popen[bytes]":
            started.append(subprocess.Popen(*args, **options))
            # To this thread: a process that runs tests has others, which would take the signal at once.
            signal.pthread_kill(threading.get_ident(), signal.SIGHUP)
            return started[0]

        monkeypatch.setattr(processes, "subprocess", SimpleNamespace(Popen=interrupted, TimeoutExpired=OSError))
        before = signal.signal(signal.SIGHUP, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                hanging.start()
        finally:
            signal.signal(signal.SIGHUP, before)
        [process] = started
        assert process.returncode == -signal.SIGTERM

    def test_one_whose_parent_has_been_killed_meanwhile_ends(self) -> None:
        begun = "import os; print('begun')"
        process = subprocess.Popen(
            [sys.executable, "-c", begun], preexec_fn=lambda: processes._prepare_child(1), stdout=subprocess.PIPE
        )
        assert (process.communicate()[0], process.returncode) == (b"", 1)

    def test_one_that_fails_is_tried_again(self, capfd: pytest.CaptureFixture[str]) -> None:
        failures = [OSError(errno.EAGAIN, "Resource temporarily unavailable")]

        def start(command: list[str], descriptors: Sequence[int]) -> Process:
            if has_ended and failures:
                raise failures.pop()
            return processes.spawn(command, descriptors)

        has_ended = False
        with Companion("the worker", [sys.executable, "-c", BEATS], has_heartbeat=True, start=start) as companion:
            await_a_beat(companion)
            assert not server._look_after(companion)
            os.kill(companion.pid, signal.SIGKILL)
            eventually(companion.has_ended, "it ends")
            has_ended = True
            assert server._look_after(companion)
            assert companion.has_ended()
            assert server._look_after(companion)
            await_a_beat(companion)
        assert capfd.readouterr().err.splitlines() == [
            "convoyclone: the worker ended by itself, and is started again",
            "convoyclone: the worker cannot be started: Resource temporarily unavailable",
            "convoyclone: the worker ended by itself, and is started again",
        ]


@pytest.mark.django_db(transaction=True)
def test_the_worker_of_script_server_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url())
    # A test's process has threads and connections, of which there must be no fork.
    monkeypatch.setattr(processes, "IS_FORKING", False)
    with processes.worker() as worker:
        await_a_beat(worker)
        await_a_beat(worker)
        os.kill(worker.pid, signal.SIGSTOP)
        # Its earlier heartbeats have been read.
        worker.silent_seconds()
        eventually(lambda: worker.silent_seconds() > 3, "nothing more comes")
        os.kill(worker.pid, signal.SIGCONT)
        await_a_beat(worker)
