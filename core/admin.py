"""Build the operators' pages on operations instead of row writes, with lists that stay fast.

No page counts, sorts or searches a whole table, however many rows it has (docs/operations.md has the figures).
"""

import json
import operator
from collections.abc import Callable, Iterable
from functools import cached_property, reduce
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import model_ngettext
from django.contrib.auth import get_permission_codename
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.db.models import BooleanField, CharField, F, Func, Model, Q, QuerySet, Value
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core.api.time_limit import TookTooLong, time_limit
from core.exceptions import DomainError

NOTHING = SafeString("-")
#: The characters of a payload or a response that a page shows.
SHOWN_CHARACTERS = 100_000
LIST_SECONDS = 5
TOO_LONG = "There are too many rows to find these in 5 seconds. Choose a project too, or search by an id."
#: The most rows that a list has and that one action changes. Each is a field of its form, and Django accepts 1,000.
MOST_ROWS = 500
MOST_REFUSALS = 20
#: The most texts in a field that holds several.
MOST_ITEMS = 200
#: The rows that a search names by their ids.
MOST_FOUND = 5_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # not generic at run time
    """Pages of the newest MOST_ROWS rows. To know the exact number of rows, PostgreSQL would read all of them."""

    most_rows = MOST_ROWS

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most `most_rows`."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[: self.most_rows].count()


class RowChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic at run time
    """A row by its id."""

    def to_python(self, value: Any) -> Any:
        """Return the row. Raises ValidationError."""
        if isinstance(value, str) and "\x00" in value:
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice", params={"value": ""})
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the form shows again, whose widget looks the row up as well."""
        return data.replace("\x00", "") if isinstance(data, str) else data


class BoundedArray(SimpleArrayField):
    """Texts with commas between them. Django would check each of 150,000, and write a message for each."""

    def to_python(self, value: Any) -> Any:
        """Return the texts. Raises ValidationError."""
        if isinstance(value, str) and value.count(self.delimiter) >= MOST_ITEMS:
            raise ValidationError(f"Enter at most {MOST_ITEMS} items.", code="max_length")
        return super().to_python(value)


class OperatorAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """An admin page whose rows are only changed by actions."""

    ordering = ["-pk"]
    sortable_by = ()
    formfield_overrides = {ArrayField: {"form_class": BoundedArray}}
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "operators/change_list.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may run actions, which needs Django's permission to change."""
        codename = get_permission_codename("change", self.opts)
        return request.user.has_perm(f"{self.opts.app_label}.{codename}")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return a field that refuses an id with NUL as one that no row has: PostgreSQL would refuse the statement."""
        return super().formfield_for_foreignkey(db_field, request, **{"form_class": RowChoice} | kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list, or run an action on it.

        The statements are planned for their values: PostgreSQL's plan for any value would read the whole table where
        the value searched for is rare.
        """
        if request.method != "GET":
            return super().changelist_view(request, extra_context)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan")
            return super().changelist_view(request, extra_context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows that one of `search_fields` finds by the whole text, spaces included."""
        if not search_term:
            return queryset, False
        found = (Q(**{lookup: search_term}) for lookup in self.get_search_fields(request))
        return queryset.filter(reduce(operator.or_, found)), False

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Show or save the form, and show a refusal of its operation as a message."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as error:
            self.message_user(request, error.message, messages.ERROR)
            return redirect(request.get_full_path())

    def run(
        self,
        request: HttpRequest,
        selected: QuerySet[Any],
        operation: Callable[[Any], object],
        done: str,
        *,
        question: str = "",
    ) -> HttpResponseBase | None:
        """Run `operation` on each selected row, and report how many rows it was `done` to and why others refused.

        With a `question`, ask for confirmation first. Returns the page that asks, else None.
        """
        rows = list(selected[: MOST_ROWS + 1])
        if len(rows) > MOST_ROWS:
            self.message_user(request, f"Select at most {MOST_ROWS} at once. Nothing was changed.", messages.ERROR)
            return None
        if question and "confirmed" not in request.POST:
            asked = {"title": question, "opts": self.opts, "rows": rows, "action": request.POST["action"]}
            return TemplateResponse(request, "operators/confirm.html", self.admin_site.each_context(request) | asked)
        refusals = []
        for row in rows:
            try:
                operation(row)
            except DomainError as error:
                refusals.append(f"{row} ({row.pk}): {error.message}")
            else:
                self.log_change(request, row, f"{done}.")
        if changed := len(rows) - len(refusals):
            self.message_user(request, f"{done}: {changed} {model_ngettext(self.opts, changed)}.", messages.SUCCESS)
        for refusal in refusals[:MOST_REFUSALS]:
            self.message_user(request, refusal, messages.ERROR)
        if len(refusals) > MOST_REFUSALS:
            self.message_user(request, f"And {len(refusals) - MOST_REFUSALS} more were refused.", messages.ERROR)
        return None

    def created_with_key(self, request: HttpRequest, row: Model, name: str, key: str) -> TemplateResponse:
        """Return the answer to the form that made a key, which is the only page that ever shows the key."""
        context = {
            "title": capfirst(f"{self.opts.verbose_name} created"),
            "opts": self.opts,
            "row": row,
            "name": name,
            "key": key,
        }
        return TemplateResponse(request, "operators/key_created.html", self.admin_site.each_context(request) | context)


class TimedAdmin(OperatorAdmin):
    """A list of millions of rows, which gives up a search that no index answers after LIST_SECONDS."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        if request.method != "GET":
            return super().changelist_view(request, extra_context)
        try:
            with time_limit(LIST_SECONDS, TOO_LONG):
                return super().changelist_view(request, extra_context)
        except TookTooLong as error:
            if request.GET:
                self.message_user(request, error.message, messages.ERROR)
                return redirect(request.path)
            # The list itself is too slow, and would lead to itself for ever.
            asked = {"title": capfirst(self.opts.verbose_name_plural), "opts": self.opts, "text": error.message}
            page = self.admin_site.each_context(request) | asked
            return TemplateResponse(request, "operators/too_long.html", page, status=error.status)


def by_ids(rows: QuerySet[Any], found: QuerySet[Any]) -> QuerySet[Any]:
    """Return those of `rows` that a search has `found`, by their ids unless these are more than MOST_FOUND.

    The ids are read off the indexes. If the search were a condition of the list, PostgreSQL would try it on all rows,
    from the newest on.
    """
    ids = list(found.order_by().values_list("pk", flat=True)[: MOST_FOUND + 1])
    return rows.filter(among("pk", ids)) if len(ids) <= MOST_FOUND else found


def among(name: str, ids: Iterable[str]) -> Func:
    """Return the condition that a column is one of the ids, sent as one array: IN sends a parameter for each."""
    array: Value = Value(list(ids), ArrayField(CharField()))
    return Func(F(name), array, template="%(expressions)s)", arg_joiner=" = ANY(", output_field=BooleanField())


def shown_text(text: str) -> SafeString:
    """Return a text as HTML, escaped and cut after SHOWN_CHARACTERS."""
    rest = len(text) - SHOWN_CHARACTERS
    note = format_html("<p>And {} characters more.</p>", rest) if rest > 0 else ""
    return format_html('<pre style="white-space: pre-wrap">{}</pre>{}', text[:SHOWN_CHARACTERS], note)


def shown_json(value: object) -> SafeString:
    """Return the value as indented JSON, or NOTHING where it is empty."""
    return format_html("<pre>{}</pre>", json.dumps(value, indent=2, ensure_ascii=False)) if value else NOTHING
