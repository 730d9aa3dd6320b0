"""The requirements: every package pinned, with hashes, and as the files say that people write."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = [ROOT / "requirements.txt", ROOT / "requirements-dev.txt", *sorted((ROOT / "tests/clients").glob("*.txt"))]
_pin = re.compile(r"^([A-Za-z0-9._-]+)(\[[a-z, ]+\])?==([A-Za-z0-9.]+)")


def entries(path: Path) -> list[list[str]]:
    """The lines of each package, without comments: its pin, then its hashes."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.lstrip().startswith("#")]
    found: list[list[str]] = []
    for line in lines:
        if line.startswith(" "):
            found[-1].append(line.strip())
        else:
            found.append([line])
    return found


def pins(path: Path) -> dict[str, str]:
    """The versions by the names of packages, in the form in which all spellings of a name are the same."""
    found = [_pin.match(line) for line in path.read_text("utf-8").splitlines()]
    return {re.sub(r"[-_.]+", "-", match[1]).lower(): match[3] for match in found if match}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_package_has_one_version_and_hashes(path: Path) -> None:
    assert entries(path)
    for pin, *hashes in entries(path):
        assert _pin.match(pin), pin
        assert hashes, pin
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}( \\)?", each) for each in hashes), pin


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_they_are_what_is_written(path: Path) -> None:
    """After a change of a .in file, script/lock writes them again."""
    written, locked = pins(path.with_suffix(".in")), pins(path)
    assert written
    assert written.items() <= locked.items()


def test_tests_and_server_have_the_same_versions() -> None:
    server, tests = pins(FILES[0]), pins(FILES[1])
    assert server.items() <= tests.items()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_index_is_named(path: Path) -> None:
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted", path.read_text("utf-8"))
