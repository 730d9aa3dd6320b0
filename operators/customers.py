"""Show a customer to an operator, and act for the customer."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from activity.models import Activity
from core.admin_display import customer_url
from core.api.time_limit import TookTooLong, time_limit
from core.exceptions import DomainError, NotFound
from endpoints.models import Endpoint
from events.models import EventDelivery
from operators.acts import ACTS
from operators.customer_page import (
    Customer,
    activity_rows,
    endpoint_rows,
    failure_rows,
    link_rows,
    session_rows,
)
from operators.rights import may_act, may_see, may_use
from portal_links import sessions
from portal_links.models import PortalLink, PortalSession, session_url
from projects.models import Project
from switches.models import Pause

SECONDS = 4
TOO_LONG = f"This customer has too many rows to be shown in {SECONDS} seconds. Use the lists instead."
LONGEST_OWNER = 255


@require_http_methods(["GET", "HEAD", "POST"])
def customer(request: HttpRequest, project_id: str, owner_id: str = "") -> HttpResponseBase:
    """Show the page of a customer, or do what its buttons ask for. An owner that no path holds is in the query."""
    if not may_see(request, Endpoint):
        raise PermissionDenied
    owner_id = owner_id or request.GET.get("owner", "")
    if not owner_id or "\x00" in owner_id + project_id or len(owner_id) > LONGEST_OWNER:
        raise Http404
    found = Customer(get_object_or_404(Project.objects.live(), pk=project_id), owner_id)
    if request.method == "POST":
        return _act(request, found)
    return _show(request, found)


def _show(request: HttpRequest, found: Customer) -> HttpResponseBase:
    context: dict[str, Any] = {
        "title": found.owner_id,
        "customer": found,
        "url": customer_url(found.project.pk, found.owner_id),
        "may": {name for name, act in ACTS.items() if act.may(request)},
        "may_preview": may_act(request, PortalSession),
        "may_switch": may_use(request),
        "pauses": set(
            Pause.objects.filter(project=found.project, owner_id__in=["", found.owner_id]).values_list(
                "owner_id", flat=True
            )
        ),
        "sees": {
            "deliveries": may_see(request, EventDelivery),
            "links": may_see(request, PortalLink),
            "sessions": may_see(request, PortalSession),
            "activity": may_see(request, Activity),
        },
    }
    try:
        with time_limit(SECONDS, TOO_LONG):
            context["endpoints"], context["has_more"] = endpoint_rows(found)
            sees = context["sees"]
            context["failures"] = failure_rows(found) if sees["deliveries"] else []
            context["links"] = link_rows(found) if sees["links"] else []
            context["sessions"] = session_rows(found) if sees["sessions"] else []
            context["activity"] = activity_rows(found) if sees["activity"] else []
    except TookTooLong as error:
        context["too_long"] = error.message
    context |= admin.site.each_context(request)
    return TemplateResponse(request, "operators/customer.html", context, status=504 if "too_long" in context else 200)


def _act(request: HttpRequest, found: Customer) -> HttpResponseBase:
    """Do what was asked for, once it is confirmed. Raises Http404 for a row that is not the customer's."""
    name, uid = request.POST.get("act", ""), request.POST.get("row", "").replace("\x00", "")
    if name == "preview":
        return _preview(request, found)
    if name not in ACTS:
        raise Http404
    act = ACTS[name]
    if not act.may(request):
        raise PermissionDenied
    try:
        row = act.find(found, uid)
    except NotFound:
        raise Http404 from None
    url = customer_url(found.project.pk, found.owner_id)
    try:
        if "confirmed" not in request.POST:
            question, sent = act.question(found, row), {"act": name, "row": uid}
            asked = {"title": question, "trail": found.owner_id, "url": url, "back": url, "sent": sent}
            return TemplateResponse(request, "operators/confirm_act.html", admin.site.each_context(request) | asked)
        done = act.run(found, row)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        _log(request, found, row, done)
        messages.success(request, done)
    return redirect(url)


def _preview(request: HttpRequest, found: Customer) -> HttpResponseBase:
    """Redirect to the portal as the customer sees it, for reading only."""
    if not may_act(request, PortalSession):
        raise PermissionDenied
    operator = request.user.get_username()
    session, token = sessions.preview_portal(found.project.pk, operator=operator, owner_id=found.owner_id)
    _log(request, found, session, "Previewed the portal.")
    return HttpResponseRedirect(session_url(session.project_id, token=token))


def _log(request: HttpRequest, found: Customer, row: Any, done: str) -> None:
    """Write Django's own log too: of the row, or else of the project."""
    of = row or found.project
    page: Any = admin.site.get_model_admin(type(of))
    page.log_change(request, of, f"{done} (customer {found.owner_id})")
