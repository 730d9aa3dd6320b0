"""The README's two commands on machines that are set up for something else: folders, environments, users.

The suite sets up everything at once; script/test long tries each thing by itself, too, where another could hide it.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.clone import another_user, make_clone
from tests.server import free_port

# Each starts a clone, some of them several, and installs nothing but compiles everything.
pytestmark = [pytest.mark.server, pytest.mark.timeout(900)]

FOLDER = "Bücher 'n' \"more\", $HOME `id` \\ (copy)"
START_SECONDS = 300
STOP_SECONDS = 60

LOCALES = {"LANG": "xx_XX.ISO-8859-1", "LC_ALL": "xx_YY.UTF-8", "LC_MESSAGES": "xx_ZZ", "LANGUAGE": "xx"}
OTHER_PROGRAMS = {
    "PGOPTIONS": "-c search_path=nowhere",
    "PGSERVICE": "nosuch",
    "PGHOST": "192.0.2.1",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGDATABASE": "nowhere",
    "PGSSLMODE": "verify-full",
    "PGDATA": "/nonexistent",
    "PGTZ": "Nowhere/Nowhere",
    "PGCLIENTENCODING": "LATIN1",
    "PGSERVER_POSTGRES_VERSION": "16",
    "PSYCOPG_IMPL": "none",
    "DJANGO_SETTINGS_MODULE": "another.settings",
    "DJANGO_CONFIGURATION": "Another",
    "GRANIAN_INTERFACE": "asgi",
    "GRANIAN_URL_PATH_PREFIX": "/another",
}
PYTHON = {
    "PYTHONHOME": "/nonexistent",
    "PYTHONSTARTUP": "/nonexistent",
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONSAFEPATH": "1",
    "PYTHONIOENCODING": "ascii",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
}
PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
NO_PROXY_LISTENS = dict.fromkeys(PROXIES, "http://127.0.0.1:1")
SHELL = {"CDPATH": "/:/tmp", "GLOBIGNORE": "*", "TMPDIR": "/nonexistent"}


class Run:
    """`script/server` of one clone, as one user, with nothing in its environment but PATH and what is given."""

    def __init__(
        self,
        clone: Path,
        log: Path,
        variables: dict[str, str] | None = None,
        *,
        user: pwd.struct_passwd | None = None,
        umask: int = 0o022,
    ) -> None:
        self.clone = clone
        self.data = clone / ".data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        self._environment = {"PATH": os.environ["PATH"], "PORT": str(self.port)} | (variables or {})
        self._options = as_user(user) | {"umask": umask}
        self._text = ""

    def __enter__(self) -> "Run":
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [self.clone / "script" / "server"],
                cwd="/",
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._options,
            )
        return self

    def wait_until_started(self) -> "Run":
        """Return once it has printed its last line."""
        deadline = time.monotonic() + START_SECONDS
        while "Ctrl-C stops it." not in self.printed:
            assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.printed}"
            assert time.monotonic() < deadline, f"it did not print its last line: {self.printed}"
            time.sleep(0.02)
        return self

    @property
    def printed(self) -> str:
        """Standard output and standard error."""
        return self._log.read_text("utf-8")

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_SECONDS)

    def works(self) -> None:
        """Assert that it is healthy, and that a portal link can be created with the printed key."""
        with httpx.Client(base_url=self.url, trust_env=False, timeout=60) as client:
            assert client.get("/healthz").status_code == 200, self.printed
            exported = re.search(r"^export PROJECT_ID=(\S+) API_KEY=(\S+)$", self.printed, re.MULTILINE)
            assert exported, self.printed
            project, key = exported.groups()
            answer = client.post(
                f"/api/v1/projects/{project}/portal-links",
                json={"name": "Acme", "owner_id": "acme"},
                headers={"Authorization": f"Bearer {key}"},
            )
            assert answer.status_code == 201, answer.text
            quickstart = orjson.loads((self.data / "quickstart.json").read_bytes())
            assert (quickstart["project_id"], quickstart["api_key"]) == (project, key)


def as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """The options of Popen for a process of this user; None: ours."""
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in a folder whose name has all that means something to a shell."""
    return make_clone(tmp_path_factory.mktemp("clones") / FOLDER)


@pytest.fixture
def fresh(clone: Path) -> Iterator[Path]:
    """The clone before its first run."""
    yield clone
    shutil.rmtree(clone / ".data")


def hostile_python(folder: Path) -> dict[str, str]:
    """PYTHON* variables, with a path whose modules end every program that imports them."""
    for name in ("sitecustomize", "usercustomize", "convoyclone", "django", "psutil", "json"):
        (folder / f"{name}.py").write_text(f"raise SystemExit('{name} of the PYTHONPATH was imported')\n")
    return PYTHON | {"PYTHONPATH": str(folder)}


def hostile_shell(folder: Path) -> dict[str, str]:
    """Variables of bash, with a file that each bash reads first."""
    (folder / "bash_env").write_text("cd /\ncd() { return 1; }\n")
    return SHELL | {"BASH_ENV": str(folder / "bash_env"), "ENV": str(folder / "bash_env")}


def long_folder(folder: Path) -> Path:
    """A new folder whose name no Unix socket has room for."""
    long = folder / ("long" * 30)
    long.mkdir()
    return long


def is_for_its_user_only(data: Path) -> bool:
    return all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in data.iterdir())


class TestServer:
    def test_with_all_of_it(self, fresh: Path, tmp_path: Path) -> None:
        variables = LOCALES | OTHER_PROGRAMS | hostile_python(tmp_path) | hostile_shell(tmp_path) | NO_PROXY_LISTENS
        with Run(fresh, tmp_path / "log", variables, umask=0o077) as run:
            run.wait_until_started().works()
            assert is_for_its_user_only(run.data)

    @pytest.mark.long
    def test_with_a_locale_that_the_machine_lacks(self, fresh: Path, tmp_path: Path) -> None:
        with Run(fresh, tmp_path / "log", LOCALES) as run:
            run.wait_until_started().works()

    @pytest.mark.long
    def test_with_variables_for_other_programs(self, fresh: Path, tmp_path: Path) -> None:
        with Run(fresh, tmp_path / "log", OTHER_PROGRAMS) as run:
            run.wait_until_started().works()

    @pytest.mark.long
    def test_with_variables_for_python_and_bash(self, fresh: Path, tmp_path: Path) -> None:
        with Run(fresh, tmp_path / "log", hostile_python(tmp_path) | hostile_shell(tmp_path)) as run:
            run.wait_until_started().works()

    @pytest.mark.long
    def test_with_proxies_a_long_tmpdir_and_a_umask_for_nobody_else(self, fresh: Path, tmp_path: Path) -> None:
        variables = NO_PROXY_LISTENS | {"TMPDIR": str(long_folder(tmp_path))}
        with Run(fresh, tmp_path / "log", variables, umask=0o077) as run:
            run.wait_until_started().works()
            assert is_for_its_user_only(run.data)

    def test_with_a_data_folder_whose_name_is_long(self, clone: Path, tmp_path: Path) -> None:
        data = long_folder(tmp_path) / "data"
        with Run(clone, tmp_path / "log", {"DATA_DIR": str(data)}) as run:
            run.data = data
            run.wait_until_started().works()
            sockets = Path((data / "postgres" / "postmaster.pid").read_text("utf-8").splitlines()[4])
            status = sockets.stat()
            assert stat.S_IMODE(status.st_mode) == 0o700
            assert status.st_uid == (data / "postgres").stat().st_uid
        assert not sockets.exists()


def test_script_test_with_all_of_it(clone: Path, tmp_path: Path) -> None:
    variables = LOCALES | OTHER_PROGRAMS | hostile_python(tmp_path) | hostile_shell(tmp_path) | NO_PROXY_LISTENS
    variables |= {"PYTEST_ADDOPTS": "--nonsense", "PYTEST_XDIST_WORKER": "gw0", "API_RATE_LIMIT": "1", "PORT": "none"}
    done = subprocess.run(
        # One that reads rows and settings, and one that asks a server of its own.
        [clone / "script" / "test", "-q", "tests/projects/test_authentication.py", "tests/clients"],
        cwd="/",
        env={"PATH": os.environ["PATH"], "TEST_PROCESSES": "1"} | variables,
        umask=0o077,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


# Only root can be another user.
if os.geteuid() == 0:

    @pytest.fixture
    def user() -> Iterator[pwd.struct_passwd]:
        """Another user of the machine, who is made for the test."""
        with another_user() as user:
            yield user

    @pytest.fixture
    def folder_of_all() -> Iterator[Path]:
        """A folder that every user can reach."""
        folder = Path(tempfile.mkdtemp(prefix="convoyclone tests ", dir="/tmp"))
        folder.chmod(0o755)
        yield folder
        shutil.rmtree(folder)

    def test_two_users_side_by_side(fresh: Path, tmp_path: Path, user: pwd.struct_passwd, folder_of_all: Path) -> None:
        theirs = make_clone(folder_of_all / "clone", uid=user.pw_uid)
        with contextlib.ExitStack() as stack:
            runs = [
                stack.enter_context(Run(fresh, tmp_path / "ours", umask=0o077)),
                stack.enter_context(Run(theirs, tmp_path / "theirs", user=user, umask=0o077)),
            ]
            for run in runs:
                run.wait_until_started()
            for run in runs:
                run.works()
        assert not (fresh / ".data" / "postgres" / "postmaster.pid").exists()
        assert not (theirs / ".data" / "postgres" / "postmaster.pid").exists()
