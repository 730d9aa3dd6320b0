"""Find dead citations of the contract in the code, and dead links in the documentation.

A docstring or comment cites a rule as `Contract: docs/contract/deliveries.md#resend`. A number of a section or a
code such as D3 is refused: nobody could look it up. Run it as `python -m script.checks.contract`.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent

_CITATION = re.compile(r"docs/[\w./-]+\.md(?:#[\w-]+)?")
_CITED = rf"{_CITATION.pattern}(?:,? (?:and )?{_CITATION.pattern})*(?=[.,;:)]?(?:\s|$))"
_CONTRACT = re.compile(rf"\bContracts?:(?! {_CITED})")
_SECTION = re.compile(r"\b(?:[Ss]ections?|[Rr]ules?|[Dd]efects?|part) (?:[A-Z]?\d[\d.]*|[A-Z])(?=\W|$)")
_CODE = re.compile(r"(?<![\w+%.-])[A-Z]\d{1,2}(?![\w-])")
_CODE_IN_NAME = re.compile(r"[Tt]est_?[a-zA-Z]\d{1,2}(?:_|[A-Z])")

_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_INLINE_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_ANCHOR = re.compile(r"<a id=\"([^\"]+)\">")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)

#: Return the anchors of a Markdown file, given its path in the repository; None where there is no such file.
AnchorsOf = Callable[[str], set[str] | None]


class Prose(NamedTuple):
    """A docstring or a comment, with the line on which it begins."""

    line: int
    text: str


def prose_of(source: str) -> Iterator[Prose]:
    """Yield the docstrings and comments of a Python module; comments on adjoining lines are one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                yield Prose(node.body[0].lineno, text)
    block: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if block and token.start[0] != last + 1:
                yield Prose(last - len(block) + 1, "\n".join(block))
                block = []
            block.append(token.string.lstrip("#: "))
            last = token.start[0]
    if block:
        yield Prose(last - len(block) + 1, "\n".join(block))


def problems_in_code(source: str, anchors_of: AnchorsOf) -> Iterator[tuple[int, str]]:
    """Yield line and problem for each citation in a Python module that leads nowhere."""
    for line, text in prose_of(source):
        # The standards of the internet have sections too.
        own = re.sub(r"(?:RFC|BCP) \d+(?:, | )?\(?(?:section )?[\d.]*", "", text)
        for pattern, problem in (
            (_CONTRACT, "does not cite docs/contract/<page>.md#<anchor>"),
            (_SECTION, "cites by number: cite docs/contract/<page>.md#<anchor>"),
            (_CODE, "is a code that is nowhere in the repository"),
        ):
            flat = " ".join(own.split())
            for found in pattern.finditer(flat):
                yield line, f'"{flat[found.start() : found.end() + 30].strip()}" {problem}'
        for citation in _CITATION.findall(text):
            if problem := dead(citation, anchors_of):
                yield line, problem
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and _CODE_IN_NAME.match(node.name):
            yield node.lineno, f"{node.name} has a code in its name"


def problems_in_page(markdown: str, page: str, anchors_of: AnchorsOf) -> Iterator[tuple[int, str]]:
    """Yield line and problem for each dead link in a Markdown file and each anchor that is there twice.

    `page` is its path in the repository.
    """
    text = _without_code(markdown)
    for anchor, times in Counter(_ANCHOR.findall(text)).items():
        if times > 1:
            yield 1, f"#{anchor} is there {times} times"
    for found in _LINK.finditer(text):
        if not re.match(r"[a-z]+:|//", found[1]):
            line = text.count("\n", 0, found.start()) + 1
            if problem := dead(_resolved(found[1], page), anchors_of):
                yield line, problem


def anchors_in(markdown: str) -> set[str]:
    """Return the anchors of a Markdown file: those that are written out, and those that GitHub makes of headings."""
    text = _FENCE.sub("", markdown)
    slugs = set()
    for heading in _HEADING.findall(text):
        plain = re.sub(r"<[^>]*>|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slugs.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return slugs | set(_ANCHOR.findall(text))


def dead(citation: str, anchors_of: AnchorsOf) -> str:
    """Return why `path#anchor` leads nowhere; empty where it leads somewhere."""
    path, _, anchor = citation.partition("#")
    anchors = anchors_of(path)
    if anchors is None:
        return f"there is no {path}"
    return f"there is no #{anchor} in {path}" if anchor and anchor not in anchors else ""


def _resolved(link: str, page: str) -> str:
    """Return a link of a page as a path in the repository, with its anchor."""
    path, mark, anchor = link.partition("#")
    if not path:
        return f"{page}{mark}{anchor}"
    parts: list[str] = []
    for part in [*page.split("/")[:-1], *path.split("/")]:
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) + mark + anchor


def _without_code(markdown: str) -> str:
    """Return the text with its code blanked, so that lines keep their numbers."""
    blanked = _FENCE.sub(lambda found: "\n" * found[0].count("\n"), markdown)
    return _INLINE_CODE.sub("``", blanked)


@cache
def _anchors_of(path: str) -> set[str] | None:
    file = ROOT / path
    if not file.exists():
        return None
    return anchors_in(file.read_text()) if file.suffix == ".md" else set()


def main() -> None:
    """Print each problem of the repository's files, and exit with 1 where there is one."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - the git of the machine
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    problems = []
    for path in sorted({Path(name) for name in listed.stdout.decode().split("\0") if name}):
        if not (ROOT / path).is_file():
            continue
        if path.suffix == ".py" and path.parts[:2] != ("script", "checks"):
            found = problems_in_code((ROOT / path).read_text(), _anchors_of)
        elif path.suffix == ".md":
            found = problems_in_page((ROOT / path).read_text(), str(path), _anchors_of)
        else:
            continue
        problems += [f"{path}:{line}: {problem}" for line, problem in found]
    print("\n".join(problems), end="\n" if problems else "")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
