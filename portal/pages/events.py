"""Show the event catalogue, and the page of one event type."""

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from core.exceptions import InvalidInput
from core.storable_text import typed
from portal.catalogue import catalogue, event_type_context, find_event_type, listen, move_listeners
from portal.pages.shell import PageRequest, at, page, show
from portal.routes import url_of
from portal.words import number
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT, MANAGE_SUBSCRIPTIONS, VIEW_DELIVERIES
from projects.models import EventType

MAX_QUERY = 200


@page
@require_safe
def event_catalogue(request: PageRequest, access: Access) -> HttpResponse:
    """Show the event types with `q` in them, those with `mine` that an endpoint listens to, or those of a `group`."""
    asked = {name: request.GET.get(name, "").replace("\0", "").strip()[:MAX_QUERY] for name in ("q", "group")}
    context = catalogue(access, is_mine="mine" in request.GET, **asked)
    return show(request, access, "portal/catalogue.html", context)


@page
@require_safe
def event_type(request: PageRequest, access: Access, eventType: str) -> HttpResponse:  # noqa: N803
    """Show one event type."""
    return _show(request, access, find_event_type(access, eventType))


@page
@require_POST
def add_to_endpoint(request: PageRequest, access: Access, eventType: str) -> HttpResponse:  # noqa: N803
    """Let one more endpoint listen to the event type."""
    access.require(MANAGE_SUBSCRIPTIONS)
    found = find_event_type(access, eventType)
    try:
        changed = listen(access, typed(request.POST, "to"), found.name)
    except InvalidInput as error:
        return _show(request, access, found, problem=error.message, status=409)
    done = gettext("%(endpoint)s listens to %(type)s now.") % {"endpoint": changed.name, "type": found.name}
    return _show(request, access, found, done=done)


@page
@require_POST
def move_endpoints(request: PageRequest, access: Access, eventType: str) -> HttpResponse:  # noqa: N803
    """Let the endpoints that listen to a deprecated type listen to its replacement."""
    access.require(MANAGE_SUBSCRIPTIONS)
    found = find_event_type(access, eventType)
    try:
        count = move_listeners(access, found)
    except InvalidInput as error:
        return _show(request, access, found, problem=error.message, status=409)
    words = ngettext("%(count)s endpoint was moved.", "%(count)s endpoints were moved.", count)
    return _show(request, access, found, done=words % {"count": number(count)})


def _show(
    request: PageRequest, access: Access, found: EventType, *, done: str = "", problem: str = "", status: int = 200
) -> HttpResponse:
    deliveries_url = url_of(access, "portal-deliveries") if access.may(VIEW_DELIVERIES) else ""
    context = event_type_context(access, found) | {
        "done": done,
        "problem": problem,
        "deliveries_of_type": deliveries_url,
        "may_add_endpoint": access.may(MANAGE_ENDPOINT),
    }
    response = show(request, access, "portal/event_type.html", context, status=status)
    if request.method == "POST":
        return at(request, reverse("portal-event-type", args=[access.project.pk, found.name]), response)
    return response
