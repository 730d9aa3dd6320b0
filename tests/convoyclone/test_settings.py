"""The settings: a server with a missing, short or example secret does not start."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server import ROOT, environment, free_port

pytestmark = pytest.mark.server

GOOD = {
    "SECRET_KEY": "a secret key of the tests, long enough",
    "API_KEY_PEPPER": "a pepper of the tests, long enough too",
    "ENCRYPTION_KEYS": base64.urlsafe_b64encode(bytes(range(32))).decode(),
}


def run(folder: Path, *command: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """A command of production, where secrets come from the environment only."""
    known = environment(DATA_DIR=str(folder), DATABASE_URL=f"postgresql://127.0.0.1:{free_port()}/x", **settings)
    command = (sys.executable, *command)
    return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, timeout=60, check=False)


#: Runs code for each line of standard input in a child process, which knows Django and psycopg, but no settings yet.
FORKS = """
import json, os, sys, traceback
import django.core.wsgi, psutil, psycopg
for line in sys.stdin:
    code, environment, files = json.loads(line)
    child = os.fork()
    if not child:
        os.environ.clear()
        os.environ.update(environment)
        for descriptor, file in enumerate(files, 1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), descriptor)
        try:
            exec(code, {"__name__": "__main__"})
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        sys.stdout.flush()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
Load = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def forks() -> Iterator["subprocess.Popen[str]"]:
    command, pipe = [sys.executable, "-c", FORKS], subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stdin=pipe, stdout=pipe, text=True) as forks:
        yield forks
        assert forks.stdin is not None
        forks.stdin.close()


@pytest.fixture
def load(tmp_path: Path, forks: "subprocess.Popen[str]") -> Load:
    """Runs code as run() does, in a process that begins with the packages of others: the settings are what it reads."""

    def load(code: str = "import convoyclone.wsgi", **settings: str) -> "subprocess.CompletedProcess[str]":
        assert forks.stdin is not None
        assert forks.stdout is not None
        known = environment(DATA_DIR=str(tmp_path), DATABASE_URL=f"postgresql://127.0.0.1:{free_port()}/x", **settings)
        files = [tmp_path / "stdout", tmp_path / "stderr"]
        print(json.dumps([code, known, [str(file) for file in files]]), file=forks.stdin, flush=True)
        code_of_exit = int(forks.stdout.readline())
        return subprocess.CompletedProcess(code, code_of_exit, *[file.read_text("utf-8") for file in files])

    return load


def test_good_secrets_are_enough(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", "import convoyclone.wsgi", **GOOD)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_web_process_hands_the_interpreter_over_soon_and_looks_for_no_garbage_in_what_it_began_with(
    tmp_path: Path,
) -> None:
    code = "import gc, sys, convoyclone.wsgi; print(sys.getswitchinterval(), gc.get_freeze_count() > 50_000)"
    assert run(tmp_path, "-c", code, **GOOD).stdout == "0.001 True\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in GOOD for value in ("", "short", "change-me-" * 5)),
        ("API_KEY_PEPPER", GOOD["SECRET_KEY"]),
        ("ENCRYPTION_KEYS", "x" * 44),
        ("ENCRYPTION_KEYS", f"{GOOD['ENCRYPTION_KEYS']},{base64.b64encode(b'x' * 31).decode()}"),
    ],
)
def test_a_bad_secret_ends_the_start(load: Load, name: str, value: str) -> None:
    done = load(**GOOD | {name: value})
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"django.core.exceptions.ImproperlyConfigured: {name} must ")
    assert not value or value not in done.stderr


def test_the_web_server_ends_too(tmp_path: Path) -> None:
    command = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(free_port())]
    done = run(tmp_path, *command, "convoyclone.wsgi:application")
    assert done.returncode != 0
    assert "ImproperlyConfigured: SECRET_KEY must " in done.stderr


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "  25 False False"),
        ("smtp://mail.example.com", "mail.example.com  25 False False"),
        ("smtp+tls://ada:p%40ss@mail.example.com", "mail.example.com ada:p@ss 587 True False"),
        ("smtps://ada:pw@mail.example.com:4650", "mail.example.com ada:pw 4650 False True"),
    ],
)
def test_the_mail_server(load: Load, url: str, expected: str) -> None:
    code = (
        "from convoyclone.settings import *\n"
        "user = f'{EMAIL_HOST_USER}:{EMAIL_HOST_PASSWORD}' if EMAIL_HOST_USER else ''\n"
        "print(EMAIL_HOST, user, EMAIL_PORT, EMAIL_USE_TLS, EMAIL_USE_SSL)"
    )
    done = load(code, **GOOD, EMAIL_URL=url)
    assert done.stdout.rstrip("\n") == expected


@pytest.mark.parametrize("url", ["mail.example.com", "http://user:hidden@mail.example.com", "smtp://", "smtp:///x"])
def test_a_bad_mail_server_ends_the_start(load: Load, url: str) -> None:
    done = load(**GOOD, EMAIL_URL=url)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("django.core.exceptions.ImproperlyConfigured: EMAIL_URL must ")
    assert "hidden" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("METRICS_TOKEN", "short"), ("METRICS_TOKEN", "ü" * 16), ("METRICS_PORT", "70000"), ("METRICS_PORT", "http")],
)
def test_bad_settings_of_the_metrics_end_the_start(load: Load, name: str, value: str) -> None:
    done = load(**GOOD | {name: value})
    assert done.returncode == 1
    assert f"ImproperlyConfigured: {name} must be " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("WORKERS", "0"), ("WORKERS", "two"), ("WORKERS", "1000"), ("LOG_LEVEL", "loud"), ("ATTEMPT_LOG_LEVEL", "10")],
)
def test_bad_settings_of_the_server_end_the_start(load: Load, name: str, value: str) -> None:
    done = load(**GOOD | {name: value})
    assert done.returncode == 1
    assert f"ImproperlyConfigured: {name} must be " in done.stderr.splitlines()[-1]


def test_what_other_programs_read_does_not_count(tmp_path: Path) -> None:
    foreign = {"DJANGO_SETTINGS_MODULE": "another.settings", "PGSERVICE": "nosuch", "LOG_LEVEL": "debug"}
    code = (
        "import os, convoyclone.wsgi\n"
        "print(os.environ['DJANGO_SETTINGS_MODULE'], [name for name in os.environ if name.startswith('PG')])"
    )
    done = run(tmp_path, "-c", code, **GOOD | foreign)
    assert (done.returncode, done.stdout) == (0, "convoyclone.settings []\n"), done.stderr
    done = run(tmp_path, "manage.py", "help", "--commands", **GOOD | foreign)
    assert done.returncode == 1
    assert "cannot connect to the database of DATABASE_URL" in done.stderr


def test_secrets_that_belong_to_another_user_end_the_start(tmp_path: Path, load: Load) -> None:
    (tmp_path / "secrets.json").mkdir()
    done = load(**GOOD)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"django.core.exceptions.ImproperlyConfigured: {tmp_path / 'secrets.json'} cannot be read: ")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://hooks.acme.example/webhooks",
            "https://hooks.acme.example/a/",
            "https://hooks.acme.example?a=hidden",
        ),
        *("https://hooks.acme.example#hidden", "https://ada:hidden@hooks.acme.example"),
    ],
)
def test_a_base_url_that_is_more_than_an_origin_ends_the_start(load: Load, url: str) -> None:
    done = load(**GOOD, BASE_URL=url)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "django.core.exceptions.ImproperlyConfigured: "
        "BASE_URL must be scheme, host and port alone, such as https://webhooks.example.com"
    )


@pytest.mark.parametrize("url", ["https://hooks.acme.example", "https://hooks.acme.example/", "http://[::1]:8000"])
def test_a_base_url_that_is_an_origin(load: Load, url: str) -> None:
    done = load("from convoyclone.settings import *\nprint(BASE_URL)", **GOOD, BASE_URL=url)
    assert done.stdout == url.rstrip("/") + "\n"
