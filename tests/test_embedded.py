"""The embedded PostgreSQL: who shares it, when it stops, and who may not connect to it."""

import errno
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from convoyclone import embedded
from convoyclone.embedded_user import CannotStart, let_pass
from tests.clone import another_user, interpreter
from tests.server import ROOT, environment
from tests.waiting import eventually

pytestmark = pytest.mark.server

SECONDS = 60
USE = """
import sys
from pathlib import Path
from convoyclone import embedded
from convoyclone.embedded_user import CannotStart, let_pass
try:
    print(embedded.start(Path(sys.argv[1])), flush=True)
except embedded.CannotStart as error:
    sys.exit(str(error))
sys.stdin.read()
embedded.stop()
"""
CONNECT = """
import socket, struct, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
body = struct.pack("!i", 3 << 16) + b"user\\0postgres\\0database\\0postgres\\0\\0"
client.sendall(struct.pack("!i", len(body) + 4) + body)
print(client.recv(10_000))
"""


class Use:
    """A process that uses the server on `directory`, until end() or kill()."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USE, str(directory)],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def end(self) -> str:
        """Let it end, and return what it complains about."""
        return self.process.communicate(timeout=SECONDS)[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=SECONDS)


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Path]:
    """The folder of a cluster that is not made yet."""
    yield tmp_path / "postgres"
    # The leftovers of a test that failed.
    if (server := embedded.postmaster(tmp_path / "postgres")) is not None:
        server.send_signal(signal.SIGQUIT)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster that has been used and is stopped. Making one takes longer than most of these tests."""
    directory = tmp_path_factory.mktemp("made") / "postgres"
    assert Use(directory).end() == ""
    return directory


@pytest.fixture
def directory(new: Path, made: Path) -> Path:
    """The folder of a cluster of the test's own, which no process uses."""
    # With its owner, who is not root where the tests are.
    subprocess.run(["cp", "-a", made, new], check=True, timeout=SECONDS)
    return new


def runs(directory: Path) -> bool:
    return embedded.postmaster(directory) is not None


def answers(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


class TestLinks:
    """Links in the folder, which whoever may write there can make, lead root to no other file."""

    @pytest.mark.parametrize("name", ["postgres.users", "postgres.lock"])
    def test_the_files_of_locks_may_be_none(self, new: Path, name: str) -> None:
        victim = new.with_name("victim")
        victim.write_text("kept")
        new.with_name(name).symlink_to(victim)
        with pytest.raises(CannotStart):
            embedded.start(new)
        assert victim.read_text() == "kept"

    @pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
    def test_one_in_place_of_the_log_is_replaced(self, directory: Path, link: Callable[[Path, Path], None]) -> None:
        victim = directory.with_name("victim")
        victim.write_text("kept")
        before = victim.stat()
        (directory / "log").unlink()
        link(victim, directory / "log")
        assert Use(directory).end() == ""
        assert victim.read_text() == "kept"
        assert victim.stat().st_uid == before.st_uid


def test_a_folder_with_a_line_break_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="line break"):
        embedded.start(tmp_path / "a\nb" / "postgres")


class TestUsers:
    def test_it_stops_with_the_last_one(self, directory: Path) -> None:
        first, second = Use(directory), Use(directory)
        assert first.url == second.url
        assert first.end() == ""
        assert answers(second.url)
        assert second.end() == ""
        assert not runs(directory)
        assert not (directory / "postmaster.pid").exists()

    def test_two_that_start_at_once_share_it(self, new: Path) -> None:
        command = [sys.executable, "-c", USE, str(new)]
        both = [
            subprocess.Popen(command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        urls = {process.stdout.readline() for process in both if process.stdout is not None}
        assert len(urls) == 1
        assert answers(urls.pop().decode().strip())
        for process in both:
            process.communicate(timeout=SECONDS)
            assert process.returncode == 0
        eventually(lambda: not runs(new), "the server has stopped")

    def test_one_that_is_killed_stops_it_for_nobody_else(self, directory: Path) -> None:
        killed, other = Use(directory), Use(directory)
        killed.kill()
        assert answers(other.url)
        assert other.end() == ""
        assert not runs(directory)

    def test_it_stops_when_the_last_one_is_killed(self, directory: Path) -> None:
        use = Use(directory)
        assert runs(directory)
        use.kill()
        eventually(lambda: not runs(directory), "the guard has stopped the server")
        assert not (directory / "postmaster.pid").exists()
        again = Use(directory)
        assert answers(again.url)
        assert again.end() == ""

    def test_one_that_comes_after_a_crash_of_the_server_starts_it_again(self, directory: Path) -> None:
        first = Use(directory)
        server = embedded.postmaster(directory)
        assert server is not None
        server.kill()
        second = Use(directory)
        assert answers(second.url)
        first.kill()
        assert answers(second.url)
        assert second.end() == ""
        assert not runs(directory)


class TestCluster:
    def test_it_depends_on_no_locale_and_listens_on_no_network(self, new: Path) -> None:
        use = Use(new)
        with psycopg.connect(use.url) as connection:
            found = connection.execute(
                "SELECT datlocprovider, datlocale, datcollate, current_setting('listen_addresses'),"
                " current_setting('lc_messages'), current_setting('TimeZone'), upper('ü')"
                " FROM pg_database WHERE datname = current_database()"
            ).fetchone()
        assert found == ("b", "C.UTF-8", "C", "", "C", "UTC", "Ü")
        assert use.end() == ""

    def test_one_of_another_version_is_refused_in_one_line(self, directory: Path) -> None:
        (directory / "PG_VERSION").write_text("16\n")
        refused = Use(directory)
        assert refused.url == ""
        assert re.fullmatch(r"its data is of PostgreSQL 16, and this one is 18: .+\n", refused.end())

    def test_one_that_trusts_everybody_does_so_no_longer(self, directory: Path) -> None:
        (directory / "pg_hba.conf").write_text("local all all trust\n")
        use = Use(directory)
        with psycopg.connect(use.url) as connection:
            rules = connection.execute("SELECT type, auth_method FROM pg_hba_file_rules").fetchall()
        assert rules == [("local", "peer")]
        assert use.end() == ""

    def test_the_reason_of_a_failure_is_the_servers_own(self, directory: Path) -> None:
        (directory / "postgresql.auto.conf").write_text("nonsense = 1\n")
        refused = Use(directory)
        assert refused.url == ""
        assert re.fullmatch(r"FATAL: .+ contains errors; see .+/postgres/log\n", refused.end())
        assert "nonsense" in (directory / "log").read_text()


# Only root can be another user, and only root's server runs as one.
if os.geteuid() == 0:

    @pytest.fixture
    def stranger() -> Iterator[int]:
        """The id of another user of the machine, who is made for the test."""
        with another_user() as user:
            yield user.pw_uid

    @pytest.fixture
    def shut() -> Iterator[Path]:
        """A folder that only root may enter."""
        folder = Path(tempfile.mkdtemp(prefix="convoyclone-shut-", dir="/tmp"))
        yield folder
        shutil.rmtree(folder)

    def as_other(uid: int, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, user=uid, group=uid, extra_groups=[], cwd="/", capture_output=True, text=True, check=False
        )

    class TestRoot:
        def test_its_folder_stays_shut_to_all_but_the_servers_user(self, shut: Path, stranger: int) -> None:
            use = Use(shut / "postgres")
            assert answers(use.url)
            assert stat.S_IMODE(shut.stat().st_mode) & 0o007 == 0
            assert as_other(stranger, "test", "-x", str(shut)).returncode == 1
            server = (shut / "postgres").stat().st_uid
            assert server not in (0, stranger)
            assert as_other(server, "test", "-x", str(shut)).returncode == 0
            assert as_other(server, "test", "-r", str(shut)).returncode == 1
            assert use.end() == ""

        def test_another_user_cannot_reach_the_socket_nor_log_in(self, shut: Path, stranger: int) -> None:
            use = Use(shut / "postgres")
            path = shut / "postgres" / ".s.PGSQL.5432"
            connect = (interpreter(stranger), "-c", CONNECT, str(path))
            assert "Permission denied" in as_other(stranger, *connect).stderr
            # And if all folders and the socket were open to everyone:
            for opened in (shut, shut / "postgres", path):
                opened.chmod(0o777)
            assert "Peer authentication failed" in as_other(stranger, *connect).stdout
            (shut / "postgres").chmod(0o700)
            assert use.end() == ""

        def test_of_a_long_folder_too(self, shut: Path, stranger: int) -> None:
            """The socket is in a folder of its own then, which others can see and not enter."""
            shut.chmod(0o755)
            long = shut / ("long" * 20) / ("long" * 20)
            long.mkdir(parents=True)
            modes = {folder: folder.stat().st_mode for folder in (shut, long.parent, long)}
            use = Use(long / "postgres")
            assert answers(use.url)
            sockets = Path((long / "postgres" / "postmaster.pid").read_text("utf-8").splitlines()[4])
            assert long not in sockets.parents
            status = sockets.stat()
            assert stat.S_IMODE(status.st_mode) == 0o700
            assert status.st_uid == (long / "postgres").stat().st_uid not in (0, stranger)
            path = sockets / ".s.PGSQL.5432"
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
            connect = (interpreter(stranger), "-c", CONNECT, str(path))
            assert "Permission denied" in as_other(stranger, *connect).stderr
            # And if the folder and the socket were open to everyone:
            for opened in (sockets, path):
                opened.chmod(0o777)
            assert "Peer authentication failed" in as_other(stranger, *connect).stdout
            with psycopg.connect(use.url) as connection:
                rules = connection.execute("SELECT type, auth_method FROM pg_hba_file_rules").fetchall()
            assert rules == [("local", "peer")]
            assert {folder: folder.stat().st_mode for folder in modes} == modes
            assert use.end() == ""
            assert not sockets.exists()

        def test_where_folders_have_no_access_lists_it_is_refused(
            self, shut: Path, stranger: int, monkeypatch: pytest.MonkeyPatch
        ) -> None:
            def refuse(*_: object) -> None:
                raise OSError(errno.ENOTSUP, "not supported")

            monkeypatch.setattr(os, "setxattr", refuse)
            mode = shut.stat().st_mode
            with pytest.raises(CannotStart, match=f"its user cannot enter {shut}, which is shut to others"):
                let_pass(shut / "postgres", stranger)
            assert shut.stat().st_mode == mode

        def test_an_ordinary_users_cluster_is_run_as_that_user(self, shut: Path, stranger: int) -> None:
            assert Use(shut / "postgres").end() == ""
            for path in (shut / "postgres", *(shut / "postgres").rglob("*")):
                os.chown(path, stranger, stranger)
            use = Use(shut / "postgres")
            assert answers(use.url)
            server = embedded.postmaster(shut / "postgres")
            assert server is not None
            assert server.uids().effective == stranger
            assert use.end() == ""

        def test_a_cluster_that_belongs_to_root_is_refused(self, shut: Path) -> None:
            assert Use(shut / "postgres").end() == ""
            os.chown(shut / "postgres", 0, 0)
            refused = Use(shut / "postgres")
            assert refused.url == ""
            assert refused.end().startswith("its folder belongs to root; give it back: chown -R pgserver: ")
