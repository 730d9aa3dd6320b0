"""Read the reasons for differences from the recorded answers: reasons/, a file for each table of requests.

A heading names a row of docs/compatibility.md by its section and its first cell. Each line below it names a field, its
recorded value, its value here, the version that was recorded, and the codes of the requests that it explains:

    ## Endpoints: `metadata`

    body.data.metadata: absent → {} [v26: CODE CODE …]

A line explains these requests only, and only these two values.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.conformance.compare import Difference
from tests.conformance.tables import FOLDER, TABLES

COMPATIBILITY = Path("docs/compatibility.md")
_LINE = re.compile(r"(.+?): (.+) → (.+) \[(v\d+): ([^\]]+)\]")


class Reason(NamedTuple):
    """A row of docs/compatibility.md, and one difference that it explains."""

    row: str
    version: str
    difference: Difference


def read_reasons() -> list[Reason]:
    """Return the reasons of every table, in their order."""
    texts = ((name, (FOLDER / "reasons" / f"{name}.txt").read_text()) for name in TABLES)
    return [reason for name, text in texts for reason in parse_reasons(text, name)]


def parse_reasons(text: str, name: str = "") -> list[Reason]:
    """Return the reasons of a file. Raises ValueError where a line is none of those above."""
    reasons = []
    row = ""
    for line in text.splitlines():
        if line.startswith("## "):
            row = line.removeprefix("## ")
        elif line and not line.startswith("# "):
            if not (found := _LINE.fullmatch(line)) or not row:
                raise ValueError(f"{name}: no reason has a line {line!r}")
            field, recorded, here, version, codes = found.groups()
            reasons += [Reason(row, version, Difference(code, field, recorded, here)) for code in codes.split()]
    return reasons


def written(reasons: Iterable[Reason]) -> str:
    """Return reasons as a file has them: by row, the codes of one difference in one line."""
    rows: dict[str, dict[tuple[str, str, str, str], list[str]]] = {}
    for row, version, one in reasons:
        codes = rows.setdefault(row, {}).setdefault((one.field, one.recorded, one.here, version), [])
        codes.append(one.code)
    return "\n\n".join(
        f"## {row}\n\n"
        + "\n".join(
            f"{field}: {recorded} → {here} [{version}: {' '.join(codes)}]"
            for (field, recorded, here, version), codes in lines.items()
        )
        for row, lines in rows.items()
    )


def explained(reasons: Iterable[Reason]) -> Mapping[tuple[str, Difference], str]:
    """Return the row that explains each difference of a version. Raises ValueError where two do."""
    rows: dict[tuple[str, Difference], str] = {}
    for row, version, one in reasons:
        if other := rows.get((version, one)):
            raise ValueError(f"{one} has two reasons: {other}, and {row}")
        rows[version, one] = row
    return rows


def documented_rows(text: str) -> set[str]:
    """Return the rows of the tables of docs/compatibility.md as headings of reasons name them: `Section: cell`."""
    section, rows = "", set()
    for line in text.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| ") and "---" not in line:
            rows.add(f"{section}: {line.split(' | ')[0].removeprefix('| ')}")
    return rows


def shown(value: str, longest: int = 120) -> str:
    """Return a value for people: cut where it is long."""
    return value if len(value) <= longest else f"{json.dumps(value[: longest - 2], ensure_ascii=False)[1:-1]} …"
