"""Read the requests of the conformance run: a table a noun, in requests/, in the order in which they are sent.

An entry of a table begins with the request's code and title. The lines below it are indented:

    CODE create full
      POST ~/endpoints {"name": "ep two", "url": "{RX}/ok/ep2"}
      keep ep2 = data.uid

The first has the method, the path, and the body as it is sent, or `(empty)` for one of no bytes. `~` is the path of
the project of the run, and `{name}` a value that is known by then (client.py). The others are optional:

    as instance | portal | nobody | TOKEN   the bearer token; without the line it is the project's key
    authorization VALUE                     the header Authorization, as it is
    type none | TYPE                        the Content-Type of the body; without the line application/json
    header NAME: VALUE                      a further header
    keep NAME = PATH, NAME = PATH           values of the answer that later requests name
    only NAME                               drop the rows of the answer that have another id: they are not of this run
    until has TEXT                          ask again until the answer has this text
    until final                             ask again until each delivery that the answer shows has a final status

A line `wait SECONDS` between two entries gives a server time that does its work after its answer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent
#: The tables, in the order in which they are sent.
TABLES = (
    "conventions",
    "projects",
    "endpoints",
    "event_types",
    "subscriptions",
    "filters",
    "conditions",
    "events",
    "deliveries",
    "meta_events",
    "portal_links",
    "portal_api",
    "revoked_links",
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a table, with the names in braces that are filled in when it is sent."""

    code: str
    title: str
    method: str
    path: str
    #: None for a request without a body.
    body: str | None
    #: `project`, `instance`, `portal`, `nobody` or a token.
    credential: str = "project"
    #: The header Authorization, in place of a credential.
    authorization: str | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    #: The paths in the answer, by the names of the values that are kept.
    keep: Mapping[str, str] = field(default_factory=dict)
    #: The name of the only row whose id counts.
    only: str = ""
    #: The condition that is waited for: `final` or `has TEXT`.
    until: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """A time for a server that does its work after its answer."""

    seconds: int


def read_tables() -> dict[str, list[Request | Wait]]:
    """Return the entries of each table, by its name."""
    tables = {name: list(read_table((FOLDER / "requests" / f"{name}.txt").read_text())) for name in TABLES}
    codes = [entry.code for entries in tables.values() for entry in entries if isinstance(entry, Request)]
    if repeated := {code for code in codes if codes.count(code) > 1}:
        raise ValueError(f"these codes have two requests: {', '.join(sorted(repeated))}")
    return tables


def read_table(text: str) -> Iterator[Request | Wait]:
    """Yield the entries of a table. Raises ValueError where a line is none of those above."""
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        if not lines:
            continue
        if lines[0].startswith("wait "):
            yield Wait(int(lines[0].removeprefix("wait ")))
        else:
            yield _request(*lines)


def _request(head: str, what: str, *options: str) -> Request:
    code, _, title = head.partition(" ")
    method, _, rest = what.strip().partition(" ")
    path, has_body, body = rest.partition(" ")
    return Request(
        code,
        title,
        method,
        path,
        (body if body != "(empty)" else "") if has_body else None,
        **dict(_option(option.strip()) for option in options),  # type: ignore[arg-type]
    )


def _option(line: str) -> tuple[str, object]:
    name, _, value = line.partition(" ")
    match name:
        case "as":
            return "credential", value
        case "authorization":
            return "authorization", value
        case "type":
            return "content_type", value
        case "header":
            header, _, content = value.partition(": ")
            return "headers", {header: content}
        case "keep":
            pairs = (pair.split(" = ") for pair in value.split(", "))
            return "keep", dict(pairs)
        case "only":
            return "only", value
        case "until" if value == "final" or value.startswith("has "):
            return "until", value
    raise ValueError(f"no table has a line {line!r}")
