"""Save a customer's choice of alerts, and let the reader of an e-mail address confirm it."""

from django.http import HttpResponse
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from portal import operations
from portal.alert_addresses import TooManyAsked, confirm_address, find_asked
from portal.alerts import CHANNELS, chosen_alerts, read_chosen, save_alerts
from portal.pages.shell import PageRequest, not_found, page, show
from portal.templatetags.alerts import alerts_context
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT, VIEW_SECRET
from projects.models import Project


@page
@require_POST
def alert_settings(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Save the form, and show it again."""
    access.require(MANAGE_ENDPOINT)
    found = operations.find_endpoint(access, endpointID)
    posted = {name: request.POST.get(name, "").replace("\0", "") for name in CHANNELS}
    kept = None if access.may(VIEW_SECRET) else chosen_alerts(found)[0]
    chosen, wrong = read_chosen(posted, request.POST.getlist("on"), kept=kept)
    if not wrong:
        try:
            save_alerts(access, endpointID, chosen)
        except TooManyAsked:
            wrong["email"] = gettext("Too many addresses were asked to confirm today. Try again tomorrow.")
    is_waiting = not wrong and bool(chosen.on) and chosen_alerts(found)[1]
    context = alerts_context(access, found, chosen, is_waiting) | {"wrong": wrong}
    context["done"] = "" if wrong else gettext("Your choice of alerts was saved.")
    return show(request, access, "portal/alerts.html", context, status=422 if wrong else 200)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_alert_address(request: PageRequest, projectID: str, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show who wants to send alerts to the reader of a link, and confirm the address on POST.

    Programs that check mails open links too, so opening it confirms nothing. The token is all that it takes.
    """
    if "\0" in request.path_info:
        return not_found(request)
    project = Project.objects.live().filter(pk=projectID).first()
    token = (request.POST if request.method == "POST" else request.GET).get("token", "")
    row = None if project is None else find_asked(project, endpointID, token)
    if project is None or row is None:
        return not_found(request)
    if request.method == "POST":
        confirm_address(row)
    context = {"token": token, "email": row.chosen["email"], "is_done": request.method == "POST"}
    return show(request, project, "portal/alert_confirm.html", context)
