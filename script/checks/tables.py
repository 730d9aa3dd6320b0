"""Refuse SQL in a lower app that names a table of an upper one: import-linter cannot see it.

The layers are those of the import contract in pyproject.toml. Run it as `python -m script.checks.tables`.
"""

import ast
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def floors(pyproject: str) -> dict[str, int]:
    """Return each app's floor by its name, 0 for the highest, from the text of a pyproject.toml."""
    (contract,) = tomllib.loads(pyproject)["tool"]["importlinter"]["contracts"]
    return {app: floor for floor, layer in enumerate(contract["layers"]) for app in layer.split(" | ")}


def upper_tables(source: str, app: str, floor_of: dict[str, int], app_of: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Yield line and table where a text in `source`, a module of `app`, names a table of an app that is not below it.

    `app_of` has the app of each table. An app beside this one, on the same floor, is not below it either.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for word in re.findall(r"\w+", node.value):
                owner = app_of.get(word, app)
                if owner != app and floor_of[owner] <= floor_of[app]:
                    yield node.lineno, word


def main() -> None:
    """Print each place, and exit with 1 where there is one."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoyclone.settings")
    import django

    django.setup()
    from django.apps import apps

    floor_of = floors((ROOT / "pyproject.toml").read_text())
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in floor_of]
    app_of = {model._meta.db_table: model._meta.app_label for model in models}
    found = [
        f"{path.relative_to(ROOT)}:{line}: {app} lies below {app_of[table]}, and names its table {table}"
        for app in floor_of
        for path in sorted((ROOT / app).rglob("*.py"))
        for line, table in upper_tables(path.read_text(), app, floor_of, app_of)
    ]
    sys.exit("\n".join(found) or None)


if __name__ == "__main__":
    main()
