"""Refuse a file of code that is too long to be read in one sitting: it is split by concern.

The limit, and the files that are excepted, are in pyproject.toml ([tool.sizes]).
Run it as `python -m script.checks.sizes`.
"""

import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
#: The ends of the names of files of code; a command, such as script/lint, has none.
SUFFIXES = {".py", ".js", ".css", ".html", ""}


def too_long(lines_of: Mapping[str, int], rule: Mapping[str, Any]) -> Iterator[str]:
    """Yield path and number of lines of each file of code over `rule["lines"]`, given the lines of each path.

    The patterns in `rule["excepted"]` name files that may be longer, as a shell would: a `*` stands for slashes too.
    """
    for path, lines in lines_of.items():
        is_excepted = any(fnmatch(path, pattern) for pattern in rule["excepted"])
        if lines > rule["lines"] and Path(path).suffix in SUFFIXES and not is_excepted:
            yield f"{path} has {lines} lines, and may have {rule['lines']}: split it by concern"


def main() -> None:
    """Print each file that is too long, and exit with 1 where there is one."""
    rule = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["sizes"]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - the git of the machine
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    paths = sorted({name for name in listed.stdout.decode().split("\0") if (ROOT / name).is_file()})
    lines_of = {path: (ROOT / path).read_bytes().count(b"\n") for path in paths}
    sys.exit("\n".join(too_long(lines_of, rule)) or None)


if __name__ == "__main__":
    main()
