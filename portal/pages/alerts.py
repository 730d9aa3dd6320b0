"""Save whom a customer wants to be told how an endpoint is."""

from django.http import HttpResponse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from portal import operations
from portal.alerts import CHANNELS, chosen_alerts, read_chosen, save_alerts
from portal.pages.shell import PageRequest, page, show
from portal.templatetags.alerts import alerts_context
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT, VIEW_SECRET


@page
@require_POST
def alert_settings(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Save the form, and show it again."""
    access.require(MANAGE_ENDPOINT)
    found = operations.find_endpoint(access, endpointID)
    posted = {name: request.POST.get(name, "").replace("\0", "") for name in CHANNELS}
    kept = None if access.may(VIEW_SECRET) else chosen_alerts(found)
    chosen, wrong = read_chosen(posted, request.POST.getlist("on"), kept=kept)
    if not wrong:
        save_alerts(access, endpointID, chosen)
    context = alerts_context(access, found, chosen) | {"wrong": wrong}
    context["done"] = "" if wrong else gettext("Your choice of alerts was saved.")
    return show(request, access, "portal/alerts.html", context, status=422 if wrong else 200)
