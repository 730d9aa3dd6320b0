"""The list of a customer's endpoints, the overview of one, and what its buttons do."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from core.exceptions import InvalidInput
from core.storable_text import typed
from endpoints.models import Endpoint
from endpoints.timeouts import timeout_of
from portal import operations
from portal.endpoint_head import DELIVERIES, OVERVIEW, SETTINGS, TEST
from portal.listing import list_context
from portal.overview import overview
from portal.pages.rotation import OVERLAPS, rotation
from portal.pages.shell import PageRequest, at, page, show
from portal.routes import url_of
from portal.says import says_context
from portal.words import counted, span
from portal_links.access import Access
from portal_links.capabilities import MANAGE_SUBSCRIPTIONS, ROTATE_SECRET, SEND_TEST


@page
@require_safe
def endpoints(request: PageRequest, access: Access) -> HttpResponse:
    """Show the list. With `seen`, a poll, show the statuses that differ, or answer 204 where none does."""
    asked = {name: typed(request.GET, name) for name in ("q", "status", "after")}
    context = list_context(access, **asked)
    if "seen" not in request.GET:
        return show(request, access, "portal/endpoints.html", context)
    if request.GET["seen"] == context["seen"]:
        return HttpResponse(status=204)
    return show(request, access, "portal/endpoints_live.html", context | {"is_poll": True})


@page
@require_safe
def endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show the overview. With `seen`, a poll, show the sentence, or answer 204 where it is still the same."""
    found = operations.find_endpoint(access, endpointID)
    if "seen" not in request.GET:
        return show(request, access, "portal/endpoint.html", _page_context(access, found, typed(request.GET, "period")))
    context = says_context(access, found)
    if request.GET["seen"] == context["seen"]:
        return HttpResponse(status=204)
    return show(request, access, "portal/says.html", context | {"is_poll": True})


@page
@require_POST
def pause_endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Pause an active endpoint."""
    try:
        changed = operations.pause_endpoint(access, endpointID)
    except InvalidInput as error:
        return _refused(request, access, endpointID, error)
    done = gettext("The endpoint is paused: nothing is sent to it until you resume it.")
    return show_endpoint(request, access, changed, done=done)


@page
@require_POST
def activate_endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Activate an endpoint that is not active and, where it is asked for, send what it has missed."""
    try:
        if request.POST.get("missed") == "send":
            sent = operations.activate_and_send_missed(access, endpointID)
            changed = operations.find_endpoint(access, endpointID)
        else:
            sent, changed = 0, operations.activate_endpoint(access, endpointID)
    except InvalidInput as error:
        return _refused(request, access, endpointID, error)
    done = gettext("The endpoint is active again.")
    if sent:
        words = ngettext(
            "The endpoint is active again. %(count)s event that was missed is being sent.",
            "The endpoint is active again. %(count)s events that were missed are being sent.",
            sent,
        )
        done = words % {"count": counted(sent)}
    return show_endpoint(request, access, changed, done=done)


@page
@require_POST
def reveal_secret(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show the values of an endpoint's live secrets."""
    secrets = [
        secret | {"until": secret["expires_at"] and datetime.fromisoformat(secret["expires_at"])}
        for secret in operations.reveal_secrets(access, endpointID)
    ]
    found = operations.find_endpoint(access, endpointID)
    return show(request, access, "portal/secrets.html", {"secrets": secrets, "endpoint": found})


@page
@require_POST
def rotate_secret(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Replace the current secret."""
    access.require(ROTATE_SECRET)  # before the input is read
    sent, wrong = rotation(request.POST)
    try:
        if wrong:
            raise InvalidInput(wrong)
        changed = operations.expire_secret(access, endpointID, **sent)
    except InvalidInput as error:
        return _refused(request, access, endpointID, error)
    hours = sent.get("expiration", 0)
    done = gettext("There is a new signing secret.")
    if hours:
        words = gettext("There is a new signing secret. The previous one stays valid for %(time)s.")
        done = words % {"time": OVERLAPS.get(hours) or span(hours * 3600)}
    return show_endpoint(request, access, changed, done=done)


@page
@require_POST
def delete_endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Delete an endpoint."""
    operations.delete_endpoint(access, endpointID)
    context = {"done": gettext("The endpoint was deleted.")} | list_context(access)
    response = show(request, access, "portal/endpoints.html", context)
    return at(request, reverse("portal-endpoints", args=[access.project.pk]), response)


def show_endpoint(request: PageRequest, access: Access, changed: Endpoint, *, done: str) -> HttpResponse:
    """Show the overview of an endpoint after a change, with the message `done`."""
    response = show(request, access, "portal/endpoint.html", {"done": done} | _page_context(access, changed))
    return at(request, reverse(OVERVIEW, args=[access.project.pk, changed.pk]), response)


def _refused(request: PageRequest, access: Access, endpoint_id: str, error: InvalidInput) -> HttpResponse:
    """Show the endpoint in its present state, and the reason why it was not changed."""
    found = operations.find_endpoint(access, endpoint_id)
    problem = gettext("This cannot be done now: %(reason)s.") % {"reason": error.message.rstrip(".")}
    context = {"problem": problem} | _page_context(access, found)
    response = show(request, access, "portal/endpoint.html", context, status=409)
    return at(request, reverse(OVERVIEW, args=[access.project.pk, found.pk]), response)


def _page_context(access: Access, found: Endpoint, period: str = "") -> dict[str, Any]:
    """Return the context of the overview."""
    context = overview(access, found, period) | says_context(access, found)
    settings = url_of(access, SETTINGS, found.pk)
    return context | {
        "overlaps": OVERLAPS,
        "timeout": span(timeout_of(found.http_timeout)),
        "its_deliveries_url": url_of(access, DELIVERIES, found.pk),
        "test_url": url_of(access, TEST, found.pk) if access.may(SEND_TEST) else "",
        "events_url": f"{settings}#events" if access.may(MANAGE_SUBSCRIPTIONS) else "",
        "settings_url": settings,
    }
