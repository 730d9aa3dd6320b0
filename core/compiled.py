"""Compile a query of the ORM once, and run it with other values, where every request asks it.

The ORM takes several times as long to compile a query over three tables as PostgreSQL takes to answer it. The query's
conditions stay those of the models and their QuerySets, of which a written-out statement would be a second copy.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression
from django.db.models.sql.compiler import SQLCompiler

from core.encryption import EncryptedJSONField, Stored
from core.rows import Row, read_rows

M = TypeVar("M", bound=models.Model)
#: The fields of which psycopg reads the binary format as another type than theirs.
_CONVERTERS: dict[type, Callable[[Any], Any]] = {models.GenericIPAddressField: str, EncryptedJSONField: Stored}


class _Place(NamedTuple):
    """The place of a value among those of a compiled statement."""

    name: str


class Parameter(Expression):
    """A value of a query that is given by its name when the query runs."""

    def __init__(self, name: str, field: "models.Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self._place = _Place(name)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """Return a placeholder, and the place that CompiledQuery.rows() fills."""
        return "%s", (self._place,)


#: The moment of a query: a time, or a parameter.
Moment = datetime | Parameter


class CompiledQuery:
    """A query that is built and compiled when it is first run, because that needs a database."""

    def __init__(self, build: "Callable[[], models.QuerySet[Any, Any]]") -> None:
        self._build = build

    @cached_property
    def _compiled(self) -> tuple[str, Sequence[Any]]:
        statement, values = self._build().query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
        return statement, values

    def rows(self, **parameters: Any) -> list[Row]:
        """Run the query with a value for each Parameter, and return its rows as `read_rows` reads them."""
        statement, values = self._compiled
        return read_rows(statement, [parameters[it.name] if isinstance(it, _Place) else it for it in values])


class Columns(Generic[M]):
    """The columns of a model in a compiled query, and the instances that their values make.

    Columns that are left out are deferred: a first use of their field reads it.
    """

    def __init__(self, model: type[M], *, without: Sequence[str]) -> None:
        fields = [field for field in model._meta.concrete_fields if field.attname not in without]
        self._model = model
        self._names = [field.attname for field in fields]
        self._converted = [
            (at, _CONVERTERS[type(field)]) for at, field in enumerate(fields) if type(field) in _CONVERTERS
        ]

    def paths(self, relation: str = "") -> list[str]:
        """Return the columns by their names in a query over a model that is related by `relation`, or over this one."""
        return [f"{relation}__{name}" if relation else name for name in self._names]

    def take(self, values: Iterator[Any]) -> M:
        """Return the instance of the next values, which are those of `paths`."""
        own = list(islice(values, len(self._names)))
        for at, convert in self._converted:
            own[at] = None if own[at] is None else convert(own[at])
        return self._model.from_db(DEFAULT_DB_ALIAS, self._names, own)
