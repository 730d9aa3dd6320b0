"""A clone of the project with a virtual environment of its own, made without a network, and a user to run it."""

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

from tests.server import ROOT

NOT_CLONED = shutil.ignore_patterns(".git", ".venv", ".data", "__pycache__", ".*_cache", ".hypothesis")


def make_clone(folder: Path, *, uid: int | None = None) -> Path:
    """Make a clone in `folder`, which `uid` can run where that is another user. Returns `folder`.

    The installed packages are linked, file by file, so that every path below `folder` is its own.
    """
    shutil.copytree(ROOT, folder, ignore=NOT_CLONED)
    if uid is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, uid, uid)
    # As a user makes one in a shell; the packages come from the environment that runs the tests.
    subprocess.run([interpreter(uid), "-m", "venv", "--without-pip", folder / ".venv"], check=True, cwd="/", timeout=60)
    packages = next((folder / ".venv").glob("lib/python*/site-packages"))
    shutil.copytree(
        sysconfig.get_path("purelib"),
        packages,
        symlinks=True,
        copy_function=_link,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("pginstall"),
    )
    if (clients := Path(sys.prefix, "clients")).exists():
        shutil.copytree(clients, folder / ".venv" / "clients", symlinks=True, copy_function=_link)
    installed = "".join(path.read_text("utf-8") for path in sorted(folder.glob("requirements*.txt")))
    for name in ("requirements.txt", "requirements-dev.txt"):
        (folder / ".venv" / f".installed-{name}").write_text(installed, "utf-8")
    return folder


def _link(source: str, target: str) -> None:
    """Link a file that everyone may read, and copy any other."""
    if Path(source).stat().st_mode & 0o004:
        try:
            os.link(source, target)
            return
        except OSError:
            pass  # another file system
    shutil.copy2(source, target)
    Path(target).chmod(Path(target).stat().st_mode | 0o044)


def interpreter(uid: int | None) -> str:
    """The interpreter of these tests, or one of its version that `uid` can run: ours may be below /root."""
    ours: str = sys._base_executable  # type: ignore[attr-defined]
    if uid is None:
        return ours
    name = f"python3.{sys.version_info.minor}"
    for python in (ours, *(f"{folder}/{name}" for folder in ("/usr/local/bin", "/usr/bin"))):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run([python, "-c", ""], user=uid, group=uid, extra_groups=[], cwd="/", check=True)
            return python
    raise AssertionError(f"there is no {name} that another user can run")


@contextlib.contextmanager
def another_user() -> Iterator[pwd.struct_passwd]:
    """A new user of the machine, until the block ends. Only root can make one."""
    name = f"convoytest{secrets.token_hex(4)}"
    _change_users("useradd", "--no-create-home", "--user-group", name)
    try:
        yield pwd.getpwnam(name)
    finally:
        _change_users("userdel", name)


def _change_users(*command: str, seconds: float = 60) -> None:
    """Run a command that fails while another process changes the list of users."""
    deadline = time.monotonic() + seconds
    while True:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        assert time.monotonic() < deadline, f"{command[0]} failed for {seconds} s: {done.stderr}"
        time.sleep(0.1)
