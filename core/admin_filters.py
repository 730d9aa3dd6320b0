"""Filter the operators' lists by a typed value or by time. No filter reads a table to learn its choices."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from core.ulid import first_ulid_at

#: The choices of Since: what is asked for, its title, and its age.
PERIODS = {
    "15m": ("Last 15 minutes", timedelta(minutes=15)),
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
}


class Since(admin.SimpleListFilter):
    """A filter by age, read off the ids, which are ordered by time."""

    title = "time"
    parameter_name = "since"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the periods."""
        return [(name, words) for name, (words, _) in PERIODS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows that are younger than the chosen period."""
        if self.value() not in PERIODS:
            return queryset
        return queryset.filter(pk__gte=first_ulid_at(timezone.now() - PERIODS[str(self.value())][1]))


class Typed(admin.SimpleListFilter):
    """A filter with a field in which the value is typed: a list of choices would have to read them all."""

    template = "operators/typed_filter.html"
    #: The lookup that is given the value, where `queryset` does not do something else.
    lookup = ""
    hint = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return one line, without which Django would leave the filter out."""
        return [("", self.hint)]

    def value(self) -> str:
        """Return the typed value; blank where there is none. PostgreSQL stores no NUL."""
        return (super().value() or "").replace("\x00", "").strip()

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Return the field: its value, and the rest of the query that the form has to repeat."""
        rest = {name: value for name, value in changelist.params.items() if name not in (self.parameter_name, "p")}
        yield {
            "value": self.value(),
            "rest": [(name, one) for name, many in rest.items() for one in _each(many)],
            "hint": self.hint,
            "without": changelist.get_query_string(remove=[self.parameter_name]),
        }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows with the typed value."""
        return queryset.filter(**{self.lookup: self.value()}) if self.value() else queryset


def typed(parameter: str, title: str, lookup: str = "", hint: str = "") -> type[Typed]:
    """Return a filter of the rows whose `lookup` (by default `parameter`) is the typed value."""
    given = {"parameter_name": parameter, "title": title, "lookup": lookup or parameter, "hint": hint}
    return type("TypedFilter", (Typed,), given)


ByProject = typed("project", "project", "project_id", "Id of a project")
ByOwner = typed("owner", "owner", "owner_id", "An owner_id, whole")
ByType = typed("type", "event type", "event_type", "A type, whole")
ByEndpoint = typed("endpoint", "endpoint", "endpoint_id", "Id of an endpoint")


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
