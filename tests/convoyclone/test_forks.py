"""Programs in forks of a process: what they have of it, and how they end."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.server import ROOT, environment

pytestmark = pytest.mark.server

FORKING = """
    import atexit, json, os, signal, socket, sys, time
    import psutil
    from convoyclone.forks import Fork
    from convoyclone.processes import words_of

    def start(program, prepare=lambda: None, descriptors=()):
        with open("program.py", "w") as file:
            file.write(program)
        return Fork([sys.executable, os.path.abspath("program.py"), "--port=1"], prepare, descriptors)

    found = {}
"""


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Runs Python code of which there are forks, and returns what it has found, and what all have printed."""

    def run(code: str) -> tuple[dict[str, Any], str]:
        script = textwrap.dedent(FORKING) + textwrap.dedent(code) + "\nprint(json.dumps(found))\n"
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=environment(PYTHONPATH=str(ROOT)),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        *printed, last = done.stdout.splitlines()
        return json.loads(last), "\n".join([*printed, done.stderr])

    return run


def test_a_program_runs_with_its_arguments_as_the_main_one(run: Any) -> None:
    found, printed = run("""
        found["code"] = start("import sys; print(__name__, sys.argv[1:])").wait()
    """)
    assert found == {"code": 0}
    assert printed.strip() == "__main__ ['--port=1']"


def test_a_module_runs_too(run: Any) -> None:
    found, printed = run("""
        found["code"] = Fork([sys.executable, "-m", "json.tool", "--help"], lambda: None, ()).wait()
    """)
    assert found == {"code": 0}
    assert printed.startswith("usage: ")


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        pytest.param("pass", 0, "", id="at its end"),
        pytest.param("raise SystemExit(3)", 3, "", id="by a code"),
        pytest.param("raise SystemExit('no database')", 1, "no database", id="by a message"),
        pytest.param("1 / 0", 1, "ZeroDivisionError: division by zero", id="by an error"),
        pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, "", id="by a signal"),
    ],
)
def test_it_ends_with_its_exit_code(run: Any, program: str, code: int, said: str) -> None:
    found, printed = run(f"found['code'] = start({program!r}).wait()")
    assert found == {"code": code}
    assert printed.strip().endswith(said)


def test_it_runs_where_nothing_can_be_printed(run: Any) -> None:
    found, _ = run("""
        printing, sys.stdout, sys.stderr = sys.stdout, None, None
        found["code"] = start("raise SystemExit(3)").wait()
        sys.stdout = printing
    """)
    assert found == {"code": 3}


def test_it_is_asked_to_end(run: Any) -> None:
    found, _ = run("""
        fork = start("import time; print('begun', flush=True); time.sleep(60)")
        found["before"] = fork.poll()
        try:
            fork.wait(0.01)
        except Exception as error:
            found["error"] = type(error).__name__
        fork.terminate()
        found["after"] = fork.wait(30)
        fork.terminate()
    """)
    assert found == {"before": None, "error": "TimeoutExpired", "after": -15}


def test_it_has_the_descriptors_that_it_is_given_and_no_other(run: Any) -> None:
    found, printed = run("""
        files = [open("program.py", "w") for _ in range(5)]
        found["given"] = [files[0].fileno(), files[3].fileno()]
        start('''
        import os
        print([number for number in range(3, 100) if os.path.exists(f"/proc/self/fd/{number}")])
        '''.replace("        ", ""), descriptors=found["given"]).wait()
    """)
    # The list itself is read by a descriptor of its own only where a folder is listed.
    assert json.loads(printed.strip()) == found["given"]


def test_it_leads_a_session_and_shows_its_own_command(run: Any) -> None:
    found, _ = run("""
        fork = start("import time; time.sleep(60)")
        def words():
            return words_of(psutil.Process(fork.pid))
        deadline = time.monotonic() + 30
        while words()[-1:] != ["--port=1"] and time.monotonic() < deadline:
            time.sleep(0.01)
        found["words"] = words()[1:]
        found["leads"] = os.getsid(fork.pid) == fork.pid
        fork.terminate()
        fork.wait()
    """)
    [program, option] = found["words"]
    assert (Path(program).name, option, found["leads"]) == ("program.py", "--port=1", True)


def test_each_process_does_at_its_end_what_it_has_planned_itself(run: Any) -> None:
    _, printed = run("""
        atexit.register(print, "the end of", os.getpid(), file=sys.stderr)
        found["pid"] = os.getpid()
        start("import atexit; atexit.register(print, 'the end of the fork', flush=True)").wait()
    """)
    assert printed.count("the end of the fork") == 1
    assert printed.count("the end of") == 2


def test_an_error_is_told_to_whoever_reports_errors(run: Any) -> None:
    program = "import sys; sys.excepthook = lambda kind, error, trace: print('reported', error); raise OSError('full')"
    found, printed = run(f"found['code'] = start({program!r}).wait()")
    assert found == {"code": 1}
    assert printed.strip() == "reported full"


def test_its_threads_finish_their_work(run: Any) -> None:
    program = """
import threading, time
def work():
    time.sleep(0.2)
    print("finished", flush=True)
threading.Thread(target=work).start()
"""
    found, printed = run(f"found['code'] = start({program!r}).wait()")
    assert found == {"code": 0}
    assert printed.strip() == "finished"


def test_where_a_command_is_longer_than_may_be_shown_its_words_have_no_folders(run: Any) -> None:
    found, _ = run("""
        with open("program.py", "w") as file:
            file.write("import time; time.sleep(60)")
        fork = Fork([sys.executable, os.path.abspath("program.py"), "/folder" * 20_000, "deliver"], lambda: None, ())
        def words():
            return words_of(psutil.Process(fork.pid))
        deadline = time.monotonic() + 30
        while words()[-1:] != ["deliver"] and time.monotonic() < deadline:
            time.sleep(0.01)
        found["words"] = words()
        fork.terminate()
        fork.wait()
    """)
    assert found["words"] == [Path(sys.executable).name, "program.py", "folder", "deliver"]
