"""Keep the tables of docs/compatibility.md that have each operation of other products' packages, and what it does here.

The operations are read from the package's source, and the answer from the route table: an operation works where a route
leads to a view that has its method. What does not work needs a reason. Run it as
`python -m script.checks.sdk_operations`, and with `--update` to write the tables.
"""

import ast
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple, TypeGuard

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "compatibility.md"
WORKS = "works"


class Package(NamedTuple):
    """A package on the registry, and the reasons for which operations of it do not work here."""

    name: str
    #: The folder of the modules that have its operations, within the package.
    folder: str
    #: By the name of an operation, or of a module for all of its operations: why it is refused.
    reasons: Mapping[str, str]


class Found(NamedTuple):
    """An operation of a package: its name, such as `endpoint.create`, and its call."""

    name: str
    method: str
    path: str

    @property
    def module(self) -> str:
        """Return the module that has it."""
        return self.name.partition(".")[0]


_INGEST = "Receiving webhooks of others is not what this server does."
_STREAM = "There are no streams: read events with `message.list`, or have them sent to an endpoint."
_OPERATIONAL = "Meta events, which the project's configuration turns on, take their place."
_TRANSFORMATIONS = "There are no transformations: 400."
SVIX = Package(
    "svix",
    "api",
    {
        "authentication.stream_portal_access": _STREAM,
        "authentication.stream_logout": _STREAM,
        "authentication.stream_expire_all": _STREAM,
        "authentication.get_stream_poller_token": _STREAM,
        "authentication.rotate_stream_poller_token": _STREAM,
        "autoconfig_subscription": "Applications choose by endpoints of their own.",
        "connector": "There are no connectors.",
        "destination": _STREAM,
        "destination_transformation": _STREAM,
        "endpoint.transformation_partial_update": _TRANSFORMATIONS,
        "endpoint_transformation": _TRANSFORMATIONS,
        "environment": "Back up the database, and make projects by Convoy's API.",
        "health": "Ask `/healthz` or `/readyz`.",
        "ingest_authentication": _INGEST,
        "ingest_endpoint": _INGEST,
        "ingest_endpoint_transformation": _INGEST,
        "ingest_source": _INGEST,
        "integration": "Make an API key that is bound to an `owner_id`.",
        "message.bulk_expunge_content": "Expunge one message at a time, or by the project's retention.",
        "message.expunge_all_contents": "Expunge one message at a time, or by the project's retention.",
        "message_poller": _STREAM,
        "operational_webhook_endpoint": _OPERATIONAL,
        "statistics": "Figures are in the portal, the admin and `/metrics`.",
        "streaming": _STREAM,
        "streaming_event_type": _STREAM,
        "streaming_events": _STREAM,
        "streaming_sink": _STREAM,
        "streaming_sink_transformation": _STREAM,
        "streaming_stream": _STREAM,
    },
)
PACKAGES = (SVIX,)


def operations_of(package: Package) -> list[Found]:
    """Return the operations of a package, by module and in the order of their definition."""
    spec = importlib.util.find_spec(package.name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(package.name)
    folder = Path(spec.submodule_search_locations[0], package.folder)
    return [found for path in sorted(folder.glob("*.py")) for found in operations_in(path.read_text(), path.stem)]


def operations_in(source: str, module: str) -> Iterator[Found]:
    """Yield the operations in the source of a module: the methods that make a call. Asynchronous twins are left out."""
    for owner in ast.parse(source).body:
        if not isinstance(owner, ast.ClassDef) or owner.name.startswith("Async") or owner.name.endswith("Async"):
            continue
        for function in filter(_is_function, owner.body):
            for call in ast.walk(function):
                if isinstance(call, ast.Call):
                    said = {each.arg: _text(each.value) for each in call.keywords if each.arg in ("method", "path")}
                    if said.get("method") and said.get("path"):
                        yield Found(f"{module}.{function.name}", said["method"].upper(), said["path"])


def _is_function(node: ast.stmt) -> TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef)


def _text(value: ast.expr) -> str:
    """Return a text in source, in which what is filled in stands in braces; "" for anything else."""
    if isinstance(value, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "{id}" for part in value.values)
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def works(found: Found) -> bool:
    """Return whether a route leads from the call to a view that has its method."""
    from django.urls import Resolver404, resolve

    from projects.convoy_view import UnknownPath

    try:
        view = resolve(re.sub(r"\{\w+\}", "x", found.path)).func
    except Resolver404:
        return False
    cls = getattr(view, "cls", None)
    return cls is not None and not issubclass(cls, UnknownPath) and hasattr(cls, found.method.lower())


def rows(package: Package, found: Iterable[Found]) -> list[str]:
    """Return the rows of a package's table: one an operation, and one for modules of which nothing works.

    Raises KeyError for an operation that is refused without a reason, and ValueError for a reason that is not needed.
    """
    lines, used = [], set()
    for module, group in groupby(found, key=lambda one: one.module):
        several = list(group)
        if module in package.reasons and not any(map(works, several)):
            used.add(module)
            names = ", ".join(f"`{one.name.partition('.')[2]}`" for one in several)
            lines.append(f"| `{module}`: {names} | `{_common(several)}` | {package.reasons[module]} |")
            continue
        for one in several:
            if works(one):
                lines.append(f"| `{one.name}` | `{one.method} {one.path}` | {WORKS} |")
            else:
                used.add(one.name)
                lines.append(f"| `{one.name}` | `{one.method} {one.path}` | {package.reasons[one.name]} |")
    if superfluous := package.reasons.keys() - used:
        raise ValueError(f"reasons that no operation needs: {', '.join(sorted(superfluous))}")
    return lines


def _common(several: list[Found]) -> str:
    """Return the path that some calls begin with."""
    return os.path.commonpath([one.path for one in several]).rstrip("/") or several[0].path


def with_table(page: str, package: Package, lines: list[str]) -> str:
    """Return the page with the rows between the package's marks."""
    table = "\n".join(["| operation | call | here |", "|---|---|---|", *lines])
    begin, end = f"<!-- operations of {package.name} -->", f"<!-- end of {package.name} -->"
    before, _, rest = page.partition(begin)
    if end not in rest:
        raise ValueError(f"docs/compatibility.md has no marks for the operations of {package.name}")
    return f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"


def main() -> None:
    """Write the tables, or exit with 1 where they are not what they should be."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoyclone.settings")
    import django

    django.setup()
    page = written = PAGE.read_text("utf-8")
    for package in PACKAGES:
        page = with_table(page, package, rows(package, operations_of(package)))
    if "--update" in sys.argv:
        PAGE.write_text(page, "utf-8")
    elif page != written:
        sys.exit("docs/compatibility.md: run python -m script.checks.sdk_operations --update")


if __name__ == "__main__":
    main()
