"""Show the switches (pauses, workers, discarded backlogs), and turn one once the operator has confirmed it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from core.admin_display import customer_url
from core.exceptions import DomainError
from core.storable_text import typed
from endpoints.exceptions import EndpointNotFound
from endpoints.models import Endpoint
from operators.figures import discards, pauses, workers
from operators.rights import may_look, may_use
from projects.exceptions import ProjectNotFound
from projects.models import Project
from switches import operations
from switches.discards import COUNTED_AT_MOST, Backlog, count_backlog, discard_backlog, undo_discard
from switches.exceptions import DiscardNotFound, WorkerNotFound
from switches.models import UNDO, Discard, Worker

UNDO_HOURS = UNDO.total_seconds() // 3600
#: The fields of the forms, with their longest values.
FIELDS = {"project": 26, "owner": 255, "endpoint": 26, "type": 255, "row": 26, "from": 8}

Given = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Switch:
    """An act of an operator with the switches."""

    #: Returns the row whose history has the act. Raises DomainError where there is no such row.
    of: Callable[[Given], Model]
    #: Returns the question about that row and the given values.
    question: Callable[[Any, Given], str]
    do: Callable[[Given], object]
    #: Returns a text that says what was done to that row.
    done: Callable[[Any, Given], str]


def _project(given: Given) -> Project:
    project = Project.objects.live().filter(pk=given["project"]).first()
    if project is None:
        raise ProjectNotFound
    return project


def _worker(given: Given) -> Worker:
    worker = Worker.objects.filter(pk=given["row"]).first()
    if worker is None:
        raise WorkerNotFound
    return worker


def _discard(given: Given) -> Discard:
    discard = Discard.objects.filter(pk=given["row"], project__deleted_at=None).first()
    if discard is None:
        raise DiscardNotFound
    return discard


def _backlog(given: Given) -> Backlog:
    return Backlog(
        project_id=given["project"],
        owner_id=given["owner"],
        endpoint_id=given["endpoint"],
        event_type=given["type"],
    )


def _of_backlog(given: Given) -> Project:
    project = _project(given)
    if given["endpoint"] and not Endpoint.objects.filter(project=project, pk=given["endpoint"]).exists():
        raise EndpointNotFound
    return project


def _whose(project: Project, given: Given) -> str:
    return f"{given['owner']} in {project.name}" if given["owner"] else f"the project {project.name}"


def _narrowed(given: Given) -> str:
    parts = [f"to the endpoint {given['endpoint']}"] if given["endpoint"] else []
    return " ".join([*parts, *([f"of the type {given['type']}"] if given["type"] else [])])


def _discard_question(project: Project, given: Given) -> str:
    number = count_backlog(_backlog(given))
    if number is None:
        what = "More deliveries than can be counted"
    elif number >= COUNTED_AT_MOST:
        what = f"{COUNTED_AT_MOST:,} deliveries or more"
    else:
        what = f"{number:,} {'delivery' if number == 1 else 'deliveries'}"
    narrowed = _narrowed(given)
    return (
        f"{what} of {_whose(project, given)}{' ' + narrowed if narrowed else ''} in the queue. Discard what waits? "
        f"It can be undone for {UNDO_HOURS:.0f} hours."
    )


def _undo_question(discard: Discard, _: Given) -> str:
    return (
        f"Restore {discard.discarded:,} discarded deliveries? Those that were sent again in the meantime stay as they "
        "are; the others are sent when they are due, most of them at once."
    )


SWITCHES = {
    "pause": Switch(
        _project,
        lambda project, given: (
            f"Pause all deliveries of {_whose(project, given)}? Events are still taken in, and wait. Within a second "
            "nothing more is sent; requests that have begun end."
        ),
        lambda given: operations.pause_deliveries(given["project"], given["owner"]),
        lambda project, given: f"Paused the deliveries of {_whose(project, given)}.",
    ),
    "resume": Switch(
        _project,
        lambda project, given: f"Resume the deliveries of {_whose(project, given)}? What waits is sent now.",
        lambda given: operations.resume_deliveries(given["project"], given["owner"]),
        lambda project, given: f"Resumed the deliveries of {_whose(project, given)}.",
    ),
    "drain": Switch(
        _worker,
        lambda worker, _: f"Drain the worker {worker}? It claims nothing more and finishes what it sends.",
        lambda given: operations.drain_worker(given["row"]),
        lambda worker, _: f"Drained the worker {worker}.",
    ),
    "refill": Switch(
        _worker,
        lambda worker, _: f"Let the worker {worker} claim again?",
        lambda given: operations.refill_worker(given["row"]),
        lambda worker, _: f"The worker {worker} claims again.",
    ),
    "discard": Switch(
        _of_backlog,
        _discard_question,
        lambda given: discard_backlog(_backlog(given)),
        lambda project, given: f"Workers are discarding the backlog of {_whose(project, given)}.",
    ),
    "undo": Switch(
        _discard,
        _undo_question,
        lambda given: undo_discard(given["row"]),
        lambda _discard, _given: "Workers are restoring what was discarded.",
    ),
}


@require_http_methods(["GET", "HEAD", "POST"])
def switches(request: HttpRequest) -> HttpResponseBase:
    """Show the switches, or turn one."""
    if not may_look(request):
        raise PermissionDenied
    if request.method == "POST":
        return _turn(request)
    context = {
        "title": "Switches",
        "pauses": pauses(),
        "workers": workers(timezone.now()),
        "discards": discards(),
        "may": may_use(request),
        "given": {name: request.GET.get(name, "")[:most] for name, most in FIELDS.items()},
        "undo_hours": UNDO_HOURS,
    }
    return TemplateResponse(request, "operators/switches.html", admin.site.each_context(request) | context)


def _turn(request: HttpRequest) -> HttpResponseBase:
    """Turn a switch, once it is confirmed."""
    name = request.POST.get("act", "")
    if name not in SWITCHES:
        raise Http404
    if name not in may_use(request):
        raise PermissionDenied
    switch = SWITCHES[name]
    given = {field: typed(request.POST, field) for field in FIELDS}
    back = _back(given)
    if any(len(given[field]) > most for field, most in FIELDS.items()):
        messages.error(request, "That is too long.")
        return redirect(back)
    try:
        of = switch.of(given)
        if "confirmed" not in request.POST:
            question, sent = switch.question(of, given), {"act": name, **given}
            url = reverse("admin:switches")
            asked = {"title": question, "trail": "Switches", "url": url, "back": back, "sent": sent}
            return TemplateResponse(request, "operators/confirm_act.html", admin.site.each_context(request) | asked)
        done = switch.done(of, given)
        switch.do(given)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        LogEntry.objects.log_actions(  # type: ignore[call-overload]  # a list of one row is enough
            user_id=request.user.pk, queryset=[of], action_flag=CHANGE, change_message=done, single_object=True
        )
        messages.success(request, done)
    return redirect(back)


def _back(given: Given) -> str:
    """Return the address of the page from which a form came."""
    if given["from"] == "customer" and given["owner"] and given["project"]:
        return customer_url(given["project"], given["owner"])
    return reverse("admin:switches")
