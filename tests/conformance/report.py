"""Write what a conformance run has found, as text (Markdown) and as a page.

`python -m tests.conformance.report` writes that of this version, docs/conformance.md, from the recorded answers and the
reasons: the run in the suite holds the server to both.
"""

from collections.abc import Iterator, Mapping
from html import escape

from tests.conformance.compare import Difference, read_recordings
from tests.conformance.reasons import read_reasons, shown
from tests.conformance.run import Outcome
from tests.conformance.tables import FOLDER, Request, Wait, read_tables

OF_THIS_VERSION = FOLDER.parent.parent / "docs" / "conformance.md"
TITLE = "This version beside Convoy"
Tables = Mapping[str, list[Request | Wait]]
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:15px/1.5 system-ui;max-width:75rem;margin:2rem auto;padding:0 1rem}}table{{border-collapse:collapse}}
td,th{{border:1px solid #8884;padding:.2rem .5rem;text-align:left;vertical-align:top}}code{{overflow-wrap:anywhere}}
</style>
{content}
</html>
"""


def as_text(title: str, outcome: Outcome, tables: Tables) -> str:
    """Return the report in Markdown: the totals, what differs without a reason, and the rows that explain the rest."""
    lines = [
        f"# {title}",
        "",
        *_legend(),
        "",
        "| table | sent | same | explained | unexplained |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(row)} |" for row in _totals(outcome, tables)]
    lines += ["", "## Unexplained", ""]
    lines += [
        f"- `{one.code}` `{one.field}`: `{shown(one.recorded)}` → `{shown(one.here)}` ({version})"
        for one, version in outcome.unexplained.items()
    ] or ["None."]
    lines += ["", "## Explained", "", "Each row is one of [compatibility.md](compatibility.md).", ""]
    lines += ["| row | requests |", "|---|---|"]
    for row, found in _by_row(outcome).items():
        section, _, what = row.partition(": ")
        lines.append(f"| {section}: {what} | {', '.join(sorted({one.code for one in found}))} |")
    return "\n".join(lines) + "\n"


def as_page(title: str, outcome: Outcome, tables: Tables) -> str:
    """Return the report as an HTML page, which has each difference with both values."""
    titles = {one.code: one.title for entries in tables.values() for one in entries if isinstance(one, Request)}
    parts = [f"<h1>{escape(title)}</h1>", *(f"<p>{escape(line)}</p>" for line in _legend() if line)]
    parts.append(_table(["table", "sent", "same", "explained", "unexplained"], _totals(outcome, tables)))
    parts.append("<h2>Unexplained</h2>")
    parts.append(_differences(list(outcome.unexplained), titles) if outcome.unexplained else "<p>None.</p>")
    parts.append("<h2>Explained</h2>")
    for row, found in _by_row(outcome).items():
        summary = f"{escape(row)} ({len({one.code for one in found})} requests)"
        parts.append(f"<details><summary>{summary}</summary>{_differences(found, titles)}</details>")
    return _PAGE.format(title=escape(title), content="\n".join(parts))


def _legend() -> Iterator[str]:
    yield "Each field of an answer is compared with what Convoy v26.7.3 has answered, or v24.6.4 where v26 wants a"
    yield "licence. Ids, times, secrets and signatures count as equal. *Explained* answers differ only where a row of"
    yield "docs/compatibility.md says so, for this request, this field and these two values. A request without a"
    yield "recorded answer is sent for what later ones need of it."


def _totals(outcome: Outcome, tables: Tables) -> Iterator[list[str]]:
    sums = [0, 0, 0, 0]
    for name, entries in tables.items():
        codes = {one.code for one in entries if isinstance(one, Request)}
        row = [
            len(codes),
            *(len(codes.intersection(found)) for found in (outcome.same, outcome.differing, outcome.wrong)),
        ]
        sums = [total + number for total, number in zip(sums, row, strict=True)]
        yield [name.replace("_", " "), *map(str, row)]
    yield ["**all**", *map(str, sums)]


def _by_row(outcome: Outcome) -> dict[str, list[Difference]]:
    rows: dict[str, list[Difference]] = {}
    for one, (_, row) in outcome.explained.items():
        rows.setdefault(row, []).append(one)
    return dict(sorted(rows.items()))


def _differences(found: list[Difference], titles: Mapping[str, str]) -> str:
    rows = (
        [
            f"{one.code} {titles.get(one.code, '')}",
            *(f"\0{shown(value, 300)}" for value in (one.field, one.recorded, one.here)),
        ]
        for one in found
    )
    return _table(["request", "field", "recorded", "here"], rows)


def _table(head: list[str], rows: Iterator[list[str]]) -> str:
    """Return an HTML table. A cell that begins with NUL is code."""

    def cell(value: str) -> str:
        return f"<td><code>{escape(value[1:])}</code></td>" if value.startswith("\0") else f"<td>{escape(value)}</td>"

    body = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>{body}</table>"


def of_this_version() -> str:
    """Return the report of a server that differs where the reasons say so, and nowhere else."""
    reasons = read_reasons()
    differing = {reason.difference.code for reason in reasons}
    same = [code for code in read_recordings() if code not in differing]
    outcome = Outcome(same, {reason.difference: (reason.version, reason.row) for reason in reasons})
    return as_text(TITLE, outcome, read_tables())


if __name__ == "__main__":
    OF_THIS_VERSION.write_text(of_this_version(), encoding="utf-8")
