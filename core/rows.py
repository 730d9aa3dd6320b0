"""Run statements that are written out (docs/adr/0003)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, connections

from core.postgres.base import DatabaseWrapper

Row = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]


def read_rows(statement: str, parameters: Parameters) -> list[Row]:
    """Return all rows of a statement, sent in PostgreSQL's binary format, by the cursor that the connection keeps."""
    return _database().read_rows(statement, parameters)


def run(statement: str) -> None:
    """Run a statement without parameters and rows, by the same cursor."""
    _database().run(statement)


def array_text(values: Iterable[str | float | None]) -> str:
    """Return PostgreSQL's text of an array of ids, numbers or words of our own code: of values that need no quotes.

    psycopg looks for a converter for each value of a list, which takes several times as long.
    """
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def _database() -> DatabaseWrapper:
    return cast(DatabaseWrapper, connections[DEFAULT_DB_ALIAS])
