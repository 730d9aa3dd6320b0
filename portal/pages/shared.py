"""Show one delivery to the holder of a link to it, who sees nothing else and changes nothing."""

from django.http import HttpResponse
from django.utils import translation
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from endpoints.models import Endpoint
from events.models import EventDelivery
from portal.delivery_page import OF_ENDPOINT, seen, shown_delivery
from portal.look import read_language
from portal.pages.shell import PageRequest, not_found, show
from portal_links.delivery_links import find_delivery_link
from portal_links.models import DeliveryLink
from projects.authentication import bearer_token
from projects.models import Project


@require_safe
@xframe_options_exempt
def shared_delivery(request: PageRequest, projectID: str) -> HttpResponse:  # noqa: N803
    """Show the delivery of the link whose token the request bears; or that the link has ended, or never was."""
    project = None if "\x00" in projectID else Project.objects.live().filter(pk=projectID).first()
    if project is None:
        return not_found(request)
    credential = bearer_token(request)
    if not credential:
        return show(request, project, "portal/shell.html")
    link = find_delivery_link(project.pk, credential)
    delivery = None if link is None else EventDelivery.objects.filter(project=project.pk, pk=link.delivery_id).first()
    if link is None or delivery is None:
        return show(request, project, "portal/link_ended.html", status=404)
    if request.GET.get("seen") == seen(delivery):
        return HttpResponse(status=204)
    return _shown(request, project, link, delivery)


def _shown(request: PageRequest, project: Project, link: DeliveryLink, delivery: EventDelivery) -> HttpResponse:
    endpoint = Endpoint.objects.only(*OF_ENDPOINT).get(pk=delivery.endpoint_id)
    shows_payload = link.shows_payload and not project.portal_hides_payloads
    # Outside of show(), as sentences are made here.
    with translation.override(read_language(request, project)):
        context = shown_delivery(project.pk, delivery, endpoint, shows_payload=shows_payload)
        context |= {"is_single": True, "link": link}
        context["poll_url"] = "" if context["is_final"] else f"{request.path}?seen={context['seen']}"
        template = "portal/delivery_part.html" if "seen" in request.GET else "portal/shared.html"
        return show(request, project, template, context)
