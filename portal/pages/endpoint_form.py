"""Show the forms of an endpoint: a new one with its events, and the settings of one that exists."""

from typing import Any

from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from core.exceptions import InvalidInput
from endpoints.models import Endpoint
from endpoints.timeouts import timeout_of
from portal import operations, preflight
from portal.endpoint_head import SETTINGS, endpoint_head
from portal.event_tree import SOME, Choice, Known, event_tree, known_types
from portal.filter_words import filter_words
from portal.pages.endpoints import show_endpoint
from portal.pages.forms import EndpointForm
from portal.pages.shell import PageRequest, at, page, show
from portal.routes import url_of
from portal.sentences import retried_for, retries_words
from portal.words import group_of, span
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT, MANAGE_SUBSCRIPTIONS, VIEW_SECRET
from portal_links.exceptions import TooManyChecks
from projects.models import EVERY_TYPE, Project
from subscriptions.choice import filters_of
from subscriptions.models import Filter

#: The most types without a filter that the settings list, so that one can be added.
MOST_TO_FILTER = 200


@page
@require_http_methods(["GET", "HEAD", "POST"])
def new_endpoint(request: PageRequest, access: Access) -> HttpResponse:
    """Show the form for a new endpoint, and create the endpoint with its subscription on POST."""
    access.require(MANAGE_ENDPOINT)
    form = EndpointForm(request.POST if request.method == "POST" else None, access=access)
    known = known_types(access.project) if operations.may_choose(access) else []
    choice = Choice.of_form(request.POST) if form.is_bound else Choice()
    if form.is_bound:
        types = _chosen(choice, known) if operations.may_choose(access) else []
        problem = "" if types or not operations.may_choose(access) else _nothing_chosen()
        if form.is_valid() and not problem:
            try:
                made = operations.create_receiving_endpoint(access, event_types=types, **form.sent)
            except InvalidInput as error:
                form.add_refusal(error.field, error)
            else:
                return show_endpoint(request, access, made, done=_created(access, choice))
        context = _form_context(access, form, choice, known, problem)
        return show(request, access, "portal/endpoint_new.html", context | _example(access), status=422)
    context = _form_context(access, form, choice, known)
    return show(request, access, "portal/endpoint_new.html", context | _example(access))


@page
@require_http_methods(["GET", "HEAD", "POST"])
def edit_endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show the settings of an endpoint, and change on POST what the customer may: the endpoint, its events or both."""
    if not access.may(MANAGE_SUBSCRIPTIONS):
        access.require(MANAGE_ENDPOINT)
    if request.method != "POST":
        return show_settings(request, access, endpointID)
    found = operations.find_endpoint(access, endpointID)
    form = _form_of(access, found, request.POST if access.may(MANAGE_ENDPOINT) else None)
    choice, types, problem = None, None, ""
    if operations.may_choose(access) and "which" in request.POST:
        choice = Choice.of_form(request.POST)
        types = _chosen(choice, known_types(access.project))
        before = {row.event_type for row in filters_of(access.project.uid, found.uid)}
        if set(types) == ({EVERY_TYPE} if EVERY_TYPE in before else before):
            types = None
        elif not types:
            problem = _nothing_chosen()
    if not problem and (not form.is_bound or form.is_valid()):
        try:
            _save(access, found, form, types)
        except InvalidInput as error:
            form.add_refusal(error.field, error)
        else:
            return show_settings(request, access, endpointID, done=gettext("Your changes were saved."))
    return show_settings(request, access, endpointID, form=form, choice=choice, problem=problem)


def show_settings(
    request: PageRequest,
    access: Access,
    endpoint_id: str,
    *,
    done: str = "",
    form: EndpointForm | None = None,
    choice: Choice | None = None,
    problem: str = "",
) -> HttpResponse:
    """Show the settings of an endpoint: as they are, or with the `form` and `choice` that could not be saved."""
    found = operations.find_endpoint(access, endpoint_id)
    filters = filters_of(access.project.uid, found.uid)
    known = known_types(access.project) if operations.may_choose(access) else []
    form = form or _form_of(access, found, None)
    choice = choice or Choice.of_types({row.event_type for row in filters})
    context = endpoint_head(access, found, SETTINGS) | _form_context(access, form, choice, known, problem, filters)
    context |= {"done": done} | _filters(access, found, filters, known)
    status = 422 if problem or form.errors else 200
    response = show(request, access, "portal/endpoint_settings.html", context, status=status)
    return at(request, reverse(SETTINGS, args=[access.project.pk, found.pk]), response)


def _form_of(access: Access, endpoint: Endpoint, data: QueryDict | None) -> EndpointForm:
    return EndpointForm(data, access=access, endpoint=endpoint, reveal=access.may(VIEW_SECRET))


@page
@require_POST
def check_url(request: PageRequest, access: Access) -> HttpResponse:
    """Look at the URL that a customer has typed, and show the findings."""
    access.require(MANAGE_ENDPOINT)
    url = request.POST.get("url", "").strip()
    try:
        found = preflight.check_url(access, url) if url else []
    except TooManyChecks as error:
        checks = {"checks": preflight.too_many(error.seconds)}
        response = show(request, access, "portal/checks.html", checks, status=error.status)
        response["Retry-After"] = str(error.seconds)
        return response
    return show(request, access, "portal/checks.html", {"checks": found})


@page
@require_POST
def event_types(request: PageRequest, access: Access) -> HttpResponse:
    """Show the tree of event types for a search or an opened group, with the choice as it stands on the page."""
    access.require(MANAGE_SUBSCRIPTIONS)
    known = known_types(access.project)
    choice = Choice.of_form(request.POST)
    tree = event_tree(
        known, choice.names(known), query=request.POST.get("q", "")[:255], opened=request.POST.getlist("opened")
    )
    return show(request, access, "portal/event_tree.html", {"tree": tree})


@transaction.atomic
def _save(access: Access, endpoint: Endpoint, form: EndpointForm, types: list[str] | None) -> None:
    """Save the form of an endpoint and its event types, where the form and `types` are given: both or neither."""
    if form.is_bound:
        operations.update_endpoint(access, endpoint.uid, **form.sent)
    if types is not None:
        operations.update_event_types(access, endpoint.uid, types)


def _chosen(choice: Choice, known: list[Known]) -> list[str]:
    """Return the event types of a form: `*` for all."""
    return sorted(choice.names(known)) if choice.which == SOME else [EVERY_TYPE]


def _nothing_chosen() -> str:
    return gettext("Choose at least one event type, or all events.")


def _created(access: Access, choice: Choice) -> str:
    """Say which events a new endpoint receives."""
    if not operations.may_choose(access):
        return gettext("The endpoint was added. It receives nothing until it is subscribed to events.")
    if choice.which == SOME:
        return gettext("The endpoint was added. It receives the events that you have chosen.")
    if access.owner_id:
        return gettext("The endpoint was added. It receives all events that are sent to you.")
    return gettext("The endpoint was added. It receives the events sent to it alone, and those sent to everyone.")


def _form_context(
    access: Access,
    form: EndpointForm,
    choice: Choice,
    known: list[Known],
    problem: str = "",
    filters: list[Filter] | None = None,
) -> dict[str, Any]:
    """Return the context of a form's fields and tree."""
    since: dict[str, str] = {}
    for row in filters or []:
        group = group_of(row.event_type)
        since[group] = max(since.get(group, ""), row.pk)
    wrong = len(form.errors) + bool(problem)
    labels = [str(field.label) for name, field in form.fields.items() if name in form.errors and field.label]
    labels += [gettext("Events")] if problem else []
    return {
        "form": form,
        "checks": preflight.private("", form.private_address) if form.private_address else [],
        "may_choose": operations.may_choose(access),
        "is_incoming": access.project.type == Project.Type.INCOMING,
        "tree": event_tree(known, choice.names(known), since=since),
        "which": choice.which,
        "events_problem": problem,
        "wrong": wrong,
        "wrong_labels": ", ".join(dict.fromkeys(labels)),
        "catalogue_url": url_of(access, "portal-catalogue"),
    }


def _filters(access: Access, endpoint: Endpoint, filters: list[Filter], known: list[Known]) -> dict[str, Any]:
    """Return the context of the list of filters, and of the choice of a type to add one."""
    filtered = [row for row in filters if row.conditions]
    taken = {row.event_type for row in filters}
    # A type without a filter of its own may get one, where the endpoint listens to it.
    names = [EVERY_TYPE, *(each.name for each in known if not each.is_deprecated)]
    names = names if EVERY_TYPE in taken else sorted(taken)
    free = [name for name in names if name not in {row.event_type for row in filtered}]
    return {
        "filters": [
            {
                "event_type": row.event_type,
                "is_all": row.event_type == EVERY_TYPE,
                "words": filter_words(row.conditions),
                "url": reverse("portal-filter", args=[access.project.pk, endpoint.pk, row.event_type]),
            }
            for row in filtered
        ],
        "free": free[:MOST_TO_FILTER],
        "has_more_free": len(free) > MOST_TO_FILTER,
    }


def _example(access: Access) -> dict[str, Any]:
    """Return the context of the note about requests: the header of the signature, and the number of attempts."""
    strategy = access.project.config["strategy"]
    attempts = strategy["retry_count"]
    return {
        "header": access.project.config["signature"]["header"],
        "timeout": span(timeout_of(0)),
        "retries": retries_words(attempts, retried_for(strategy["type"], strategy["duration"], attempts)),
    }
