"""Complete the documentation's site: pages of whole folders, the operations of the API, and the product's mark.

MkDocs calls the functions by their names (mkdocs.yml).
"""

import re
from pathlib import Path
from typing import Any

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
#: The sections that have every page of a folder.
FOLDERS = {"Contract": "contract", "Decisions": "adr"}
_METHODS = ("get", "post", "put", "patch", "delete")
_README = re.compile(r"\]\(((?:\.\./)*)\.\./README\.md(#settings)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages that the navigation does not name: folders in their sections, all else below Operate."""
    docs = Path(config.docs_dir)
    nav: list[dict[str, list[str]]] = config.nav  # type: ignore[assignment]  # a plain list of our own file
    named = {page for section in nav for pages in section.values() for page in pages}
    for section in nav:
        for title, pages in section.items():
            if title in FOLDERS:
                found = sorted(
                    docs.glob(f"{FOLDERS[title]}/*.md"), key=lambda page: (page.name != "README.md", page.name)
                )
                pages += [page.relative_to(docs).as_posix() for page in found]
            if title == "Operate":
                pages += sorted({page.name for page in docs.glob("*.md")} - named)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the mark and the page of operations."""
    mark = ROOT / "core" / "static" / "core" / "mark.svg"
    files.append(File.generated(config, "images/mark.svg", abs_src_path=str(mark)))
    document = yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))
    files.append(File.generated(config, "reference.md", content=reference(document)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead links to the README, which is no page of the site, to the page that has its text here."""
    return _README.sub(lambda found: f"]({found[1]}{'settings' if found[2] else 'index'}.md)", markdown)


def reference(document: dict[str, Any]) -> str:
    """Return a page with a table of operations for each tag of an OpenAPI document."""
    rows: dict[str, list[str]] = {tag["name"]: [] for tag in document.get("tags", [])}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if operation := item.get(method):
                tag = operation.get("tags", ["Other"])[0]
                row = f"| `{method.upper()}` | `{path}` | {_cell(operation.get('summary', ''))} |"
                rows.setdefault(tag, []).append(row)
    tags = document.get("tags", [])
    titles = {tag["name"]: tag.get("x-displayName", tag["name"]) for tag in tags}
    described = {tag["name"]: tag.get("description", "").replace("(/api/docs/guides/", "(") for tag in tags}
    parts = [
        "# API reference",
        "Every operation, by what it is about. A running server has them with each field, at `/api/docs`, and the same "
        "as OpenAPI at `/api/schema`. Paths are below `/api`, unless they begin with the address of another API. "
        "[The contract](contract/README.md) has the rules.",
    ]
    for tag, lines in rows.items():
        if lines:
            parts += [
                f"## {titles.get(tag, tag)}",
                described.get(tag, ""),
                "\n".join(["| | path | does |", "|---|---|---|", *lines]),
            ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
