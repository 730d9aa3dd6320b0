"""Edit the filter of an event type: rows of conditions or JSON, tried on recent events while it is written."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.exceptions import InvalidInput
from core.highlight import highlighted
from core.json_text import json_text
from endpoints.models import Endpoint
from portal import operations
from portal.endpoint_head import SETTINGS
from portal.filter_trial import counted, own_event, recent_events, try_filter
from portal.filter_words import COMPARISONS, filter_words, operator_names
from portal.pages.endpoint_form import show_settings
from portal.pages.shell import PageRequest, at, page, show
from portal.trials import wrong_json
from portal_links.access import Access
from portal_links.capabilities import MANAGE_SUBSCRIPTIONS, VIEW_PAYLOADS
from projects.models import EVERY_TYPE
from subscriptions.choice import deciding, filters_of
from subscriptions.exceptions import FilterNotFound, FilterRefused
from subscriptions.filters import check, check_can_match
from subscriptions.filters.rows import WITHOUT_VALUE, Comparison, Row, RowRefused, Rows, to_conditions, to_rows

ROWS, JSON = "1", "2"
#: The most rows of a form, and the most fields that its list offers.
MOST_ROWS = 100
MOST_FIELDS = 50
_BY_NAME = {each.value: each for each in Comparison}


@dataclass(slots=True)
class Draft:
    """A filter as it stands in the form. `rows` is None where rows cannot hold the conditions on the body."""

    conditions: dict[str, Any]
    rows: Rows | None
    headers: Rows | None
    edited_as: str = ROWS
    #: The view, rows or JSON, that was edited last.
    source: str = ROWS
    json: str = ""
    #: The reason why it cannot be saved, and the number of the row that it is about.
    problem: str = ""
    wrong_row: int | None = None
    wrong_header: int | None = None
    kept: list[str] = field(default_factory=list)


@page
@require_safe
def choose_filter(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show the editor for the event type that was chosen in the settings."""
    access.require(MANAGE_SUBSCRIPTIONS)
    found = operations.find_endpoint(access, endpointID)
    event_type = request.GET.get("event_type", "").replace("\x00", "")
    if not event_type:
        # The filter would have no address.
        raise FilterNotFound
    return _show(request, access, found, event_type)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def edit_filter(request: PageRequest, access: Access, endpointID: str, eventType: str) -> HttpResponse:  # noqa: N803
    """Show the filter of an event type, and save or remove it on POST."""
    access.require(MANAGE_SUBSCRIPTIONS)
    found = operations.find_endpoint(access, endpointID)
    if request.method != "POST":
        return _show(request, access, found, eventType)
    stored = _stored(access, found, eventType)
    draft = Draft({}, Rows([]), Rows([])) if "remove" in request.POST else read_draft(request.POST, stored)
    if not draft.problem:
        try:
            operations.update_conditions(access, found.uid, eventType, draft.conditions)
        except InvalidInput as error:
            draft.problem = _sentence(error.message)
        else:
            done = gettext("The filter was saved.") if draft.conditions else gettext("The filter was removed.")
            return show_settings(request, access, found.uid, done=done)
    return _show(request, access, found, eventType, draft)


@page
@require_POST
def try_out(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show what the filter of the form would do with recent events, in words and as JSON. Nothing is saved."""
    access.require(MANAGE_SUBSCRIPTIONS)
    found = operations.find_endpoint(access, endpointID)
    event_type = request.POST.get("event_type", "").replace("\x00", "")
    draft = read_draft(request.POST, _stored(access, found, event_type))
    return show(request, access, "portal/filter_tried.html", _tried(access, found, event_type, draft, request.POST))


def read_draft(data: QueryDict, stored: dict[str, Any]) -> Draft:
    """Return the filter that a form holds; conditions on query and path, for which it has no fields, are kept."""
    edited_as = JSON if data.get("as") == JSON else ROWS
    # The view that was edited last counts: a customer may switch before the server has written the other one.
    source = data.get("latest", edited_as)
    kept = {scope: stored[scope] for scope in ("query", "path") if stored.get(scope)}
    draft = Draft(kept, None, None, edited_as, json=data.get("json", ""), kept=list(kept))
    body: dict[str, Any] = {}
    try:
        if source == JSON:
            body = _parsed(draft.json)
            check(body)
            check_can_match(body)
            draft.rows = to_rows(body)
        else:
            draft.rows = _read_rows(data, "", is_any=data.get("any") == "1")
            body = to_conditions(draft.rows)
            check(body)
            check_can_match(body)
    except RowRefused as error:
        draft.problem, draft.wrong_row = _row_words(error), error.index
    except FilterRefused as error:
        draft.problem = _sentence(error.message)
    headers: dict[str, Any] = {}
    if "header_as" in data:
        # Conditions on headers that rows cannot hold are kept.
        headers = stored.get("headers") or {}
    else:
        draft.headers = _read_rows(data, "header_", is_any=False)
        try:
            headers = to_conditions(draft.headers)
            check(headers, wildcards=False)
            check_can_match(headers)
        except RowRefused as error:
            draft.problem, draft.wrong_header = draft.problem or _row_words(error), error.index
        except FilterRefused as error:
            draft.problem = draft.problem or _sentence(error.message)
    draft.conditions |= {scope: given for scope, given in (("body", body), ("headers", headers)) if given}
    if source != JSON and not draft.problem:
        draft.json = _pretty(body)
    draft.source = JSON if source == JSON else ROWS
    return draft


def _read_rows(data: QueryDict, prefix: str, *, is_any: bool) -> Rows:
    """Return the rows of a form but for those without any text."""
    columns = (data.getlist(f"{prefix}{name}") for name in ("field", "comparison", "value"))
    rows = []
    for name, comparison, value in list(zip(*columns, strict=False))[:MOST_ROWS]:
        known = _BY_NAME.get(comparison, Comparison.IS)
        if name.strip() or (value.strip() and known not in WITHOUT_VALUE):
            rows.append(Row(name.strip(), known, value))
    return Rows(rows, is_any)


def _stored(access: Access, endpoint: Endpoint, event_type: str) -> dict[str, Any]:
    """Return the conditions that decide on a type now. Raises NotFound where the endpoint does not listen to it."""
    row = deciding(filters_of(access.project.uid, endpoint.uid), event_type)
    if row is None:
        raise FilterNotFound
    return dict(row.conditions)


def _show(
    request: PageRequest, access: Access, endpoint: Endpoint, event_type: str, draft: Draft | None = None
) -> HttpResponse:
    stored = _stored(access, endpoint, event_type)
    if draft is None:
        rows, headers = to_rows(stored.get("body") or {}), to_rows(stored.get("headers") or {})
        headers = None if headers is not None and headers.is_any else headers
        json = _pretty(stored.get("body") or {})
        kept = [scope for scope in ("query", "path") if stored.get(scope)]
        view = ROWS if rows is not None else JSON
        draft = Draft(stored, rows, headers, view, view, json, kept=kept)
    samples = _tried(access, endpoint, event_type, draft, request.POST)
    context = samples | {
        "header_rows": _form_rows(draft.headers, draft.wrong_header),
        "keeps_headers": draft.headers is None and bool(draft.conditions.get("headers")),
        "operators": operator_names(),
        "has_filter": bool(stored),
    }
    response = show(request, access, "portal/filter.html", context, status=422 if draft.problem else 200)
    return at(request, reverse("portal-filter", args=[access.project.pk, endpoint.pk, event_type]), response)


def _tried(access: Access, endpoint: Endpoint, event_type: str, draft: Draft, data: QueryDict) -> dict[str, Any]:
    """Return the context of what a filter would do, and of the filter in words and as JSON."""
    recent = recent_events(access, event_type)
    own = data.get("own", "")
    given = own_event(access, own) if own.strip() else ""
    trials = [] if draft.problem else try_filter(draft.conditions, recent)
    return {
        "endpoint": endpoint,
        "event_type": event_type,
        "is_all": event_type == EVERY_TYPE,
        "draft": draft,
        "words": "" if draft.problem else filter_words(draft.conditions, is_long=True),
        "shown_json": highlighted(draft.json).markup if draft.json else "",
        "comparisons": [(each.value, label) for each, label in COMPARISONS.items()],
        "rows": _form_rows(draft.rows, draft.wrong_row),
        "trials": trials,
        "counted": counted(trials),
        "has_recent": bool(recent),
        "sees_payloads": access.may(VIEW_PAYLOADS),
        "own": own,
        "own_problem": given if isinstance(given, str) else "",
        "own_trials": [] if isinstance(given, str) or draft.problem else try_filter(draft.conditions, [given]),
        "fields": _fields([sample.body for sample in recent]),
        "settings_url": reverse(SETTINGS, args=[access.project.pk, endpoint.pk]),
    }


def _form_rows(rows: Rows | None, wrong: int | None) -> list[dict[str, Any]]:
    """Return the rows for the form, at least an empty one."""
    shown = list(rows.rows if rows is not None else ()) or [Row("", Comparison.IS)]
    return [{"row": row, "is_wrong": index == wrong} for index, row in enumerate(shown)]


def _fields(bodies: list[Any]) -> list[str]:
    """Return the names of fields that recent payloads have, for the list of the form."""
    found: dict[str, None] = {}
    for body in bodies:
        level = [("", body)]
        for _ in range(3):
            below = []
            for prefix, value in level:
                if isinstance(value, list) and value:
                    value, prefix = value[0], f"{prefix}$."
                if not isinstance(value, dict):
                    continue
                for name, inner in list(value.items())[:MOST_FIELDS]:
                    if isinstance(inner, (dict, list)):
                        below.append((f"{prefix}{name}.", inner))
                    else:
                        found[f"{prefix}{name}"[:255]] = None
            level = below[:MOST_FIELDS]
    return list(found)[:MOST_FIELDS]


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text) if text.strip() else {}
    except orjson.JSONDecodeError:
        raise FilterRefused(wrong_json(text)) from None
    if not isinstance(value, dict):
        raise FilterRefused(gettext("A filter is a JSON object."))
    return value


def _pretty(conditions: dict[str, Any]) -> str:
    return json_text(conditions, is_indented=True) if conditions else ""


def _row_words(error: RowRefused) -> str:
    words = {
        "a condition needs a field": gettext("Name the field of each condition."),
        "this comparison needs a number": gettext("This comparison needs a number."),
        "the name of a field does not begin with $": gettext("The name of a field does not begin with $."),
    }
    return words.get(error.message, _sentence(error.message))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
