"""Make the cluster of the embedded PostgreSQL, the folder of its data, and check that its version fits."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from convoyclone.embedded_user import (
    VERSION,
    CannotStart,
    Owner,
    let_pass,
    program_folder,
    short_folder,
    signals_waiting,
    spawn,
)

INITDB_SECONDS = 60

_INITDB = [
    *("--username=postgres", "--auth=peer", "--no-instructions"),
    # UTF-8 without a locale of the machine: it may lack any but C.
    *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
]


def check_version(directory: Path) -> None:
    """Refuse a cluster of another major version of PostgreSQL. Raises CannotStart."""
    version = (directory / "PG_VERSION").read_text(encoding="utf-8").strip()
    if version != VERSION:
        raise CannotStart(
            f"its data is of PostgreSQL {version}, and this one is {VERSION}: move the folder away, or start a"
            f" PostgreSQL {version} on it yourself and name that in DATABASE_URL"
        )


def initialise(directory: Path, owner: Owner | None) -> None:
    """Make the folder of a new cluster, whole or not at all. Raises CannotStart.

    A killed initdb leaves a folder that looks complete, and on which no server starts.
    """
    prefix = f"{directory.name}.partial-"
    for leftover in directory.parent.iterdir():
        if leftover.name.startswith(prefix):
            shutil.rmtree(leftover, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=prefix, dir=directory.parent))
    try:
        if owner is not None:
            os.chown(partial, owner.uid, owner.gid)
        with _programs_for_a_shell(owner) as programs:
            _initdb([str(programs / "initdb"), *_INITDB, f"--pgdata={partial}"], owner)
        partial.rename(directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _initdb(command: list[str], owner: Owner | None) -> None:
    process = None
    try:
        with signals_waiting():
            process = spawn(command, owner, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, errors = process.communicate(timeout=INITDB_SECONDS)
    except BaseException:
        if process is not None:
            # With the servers that it has started for a moment.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        raise
    if process.returncode:
        raise CannotStart(f"initdb failed: {errors.decode(errors='replace')}")


@contextlib.contextmanager
def _programs_for_a_shell(owner: Owner | None) -> Iterator[Path]:
    """Yield the folder of the programs, or of copies where its own path means something to a shell.

    initdb hands the path of `postgres` to a shell in double quotes, and does not escape it.
    """
    programs = program_folder()
    if set('"$`\\\n').isdisjoint(str(programs)):
        yield programs
        return
    wheel = programs.parent.parent
    folder = short_folder(owner)
    try:
        for needed in (programs.parent, wheel.with_name(f"{wheel.name}.libs")):
            if needed.exists():
                shutil.copytree(needed, folder / needed.relative_to(wheel.parent), symlinks=True)
        copies = folder / programs.relative_to(wheel.parent)
        if owner is not None:
            let_pass(copies, owner.uid)
        yield copies
    finally:
        shutil.rmtree(folder, ignore_errors=True)
