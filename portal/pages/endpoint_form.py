"""Show the forms of an endpoint: a new one, and the settings of one that exists."""

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from core.exceptions import InvalidInput
from portal import operations
from portal.pages.endpoints import show_endpoint
from portal.pages.forms import EndpointForm
from portal.pages.shell import PageRequest, page, show
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT, VIEW_SECRET
from projects.models import EVERY_TYPE


@page
@require_http_methods(["GET", "HEAD", "POST"])
def new_endpoint(request: PageRequest, access: Access) -> HttpResponse:
    """Show the form for a new endpoint, and create the endpoint on POST."""
    access.require(MANAGE_ENDPOINT)
    form = EndpointForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            event_types = [EVERY_TYPE] if operations.may_choose(access) else []
            made = operations.create_receiving_endpoint(access, event_types=event_types, **form.sent)
        except InvalidInput as error:
            form.add_refusal(error.field, error.message)
        else:
            return show_endpoint(request, access, made, done=f"The endpoint was created. {_received(access)}")
    return show(request, access, "portal/form.html", {"form": form}, status=422 if form.errors else 200)


def _received(access: Access) -> str:
    """Say which events a new endpoint receives."""
    if not operations.may_choose(access):
        return "It receives nothing until it is subscribed to events."
    if access.owner_id:
        return "It receives all events that are sent to you."
    return "It receives the events that are sent to it and those that are sent to everyone."


@page
@require_http_methods(["GET", "HEAD", "POST"])
def edit_endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show the form of an endpoint, and update the endpoint on POST."""
    access.require(MANAGE_ENDPOINT)
    found = operations.find_endpoint(access, endpointID)
    posted = request.POST if request.method == "POST" else None
    form = EndpointForm(posted, endpoint=found, reveal=access.may(VIEW_SECRET))
    if form.is_bound and form.is_valid():
        try:
            changed = operations.update_endpoint(access, endpointID, **form.sent)
        except InvalidInput as error:
            form.add_refusal(error.field, error.message)
        else:
            return show_endpoint(request, access, changed, done="Your changes were saved.")
    context = {"form": form, "endpoint": found}
    return show(request, access, "portal/form.html", context, status=422 if form.errors else 200)
