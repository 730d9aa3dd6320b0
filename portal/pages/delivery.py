"""Show one delivery to the customer, send it again, and share it by a link."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from core.exceptions import InvalidInput
from core.highlight import highlighted
from deliveries import links
from events.models import Event, EventDelivery
from outbound.states import Status
from portal import deliveries
from portal.delivery_page import (
    delivery_context,
    details,
    find_attempt,
    find_delivery,
    seen,
)
from portal.endpoint_head import OVERVIEW
from portal.pages.shell import PageRequest, page, show
from portal_links.access import Access
from portal_links.capabilities import CREATE_ATTEMPTS, VIEW_DELIVERIES, VIEW_PAYLOADS
from portal_links.exceptions import CapabilityMissing
from portal_links.models import delivery_link_url

ONE = "portal-delivery"


@page
@require_safe
def delivery(request: PageRequest, access: Access, deliveryID: str) -> HttpResponse:  # noqa: N803
    """Show the delivery. With `seen`, a poll, show its status and attempts, or answer 204 where they are the same."""
    found, endpoint = find_delivery(access, deliveryID)
    if request.GET.get("seen") == seen(found):
        return HttpResponse(status=204)
    context = _context(access, found, endpoint)
    template = "portal/delivery_part.html" if "seen" in request.GET else "portal/delivery.html"
    return show(request, access, template, context)


@page
@require_safe
def delivery_attempt(
    request: PageRequest,
    access: Access,
    deliveryID: str,  # noqa: N803
    attemptID: str,  # noqa: N803
) -> HttpResponse:
    """Show the request and the response of one attempt."""
    access.require(VIEW_PAYLOADS)
    found, _endpoint = find_delivery(access, deliveryID)
    return show(request, access, "portal/attempt_details.html", {"details": details(find_attempt(found, attemptID))})


@page
@require_safe
def delivery_payload(request: PageRequest, access: Access, deliveryID: str) -> HttpResponse:  # noqa: N803
    """Show all of a payload that the page has cut."""
    access.require(VIEW_PAYLOADS)
    found, _endpoint = find_delivery(access, deliveryID)
    data = Event.objects.filter(pk=found.event_id).values_list("data", flat=True).first()
    return show(request, access, "portal/payload.html", {"payload": highlighted(data or "", whole=True)})


@page
@require_POST
def retry_delivery(request: PageRequest, access: Access, deliveryID: str) -> HttpResponse:  # noqa: N803
    """Send the delivery at once, or again; one that was delivered only where the customer has confirmed it."""
    problem = ""
    try:
        deliveries.retry_delivery(access, deliveryID, again="again" in request.POST)
    except InvalidInput as error:
        problem = _why_not(error)
    found, endpoint = find_delivery(access, deliveryID)
    context = {"problem": problem, "is_answer": True} | _context(access, found, endpoint)
    return show(request, access, "portal/delivery_part.html", context, status=409 if problem else 200)


@page
@require_POST
def share_delivery(request: PageRequest, access: Access, deliveryID: str) -> HttpResponse:  # noqa: N803
    """Make a link that shows this delivery to whoever has it, and show its address once."""
    _check_may_share(access)
    made = links.create_link(
        access.project.pk,
        deliveryID,
        shows_payload=access.may(VIEW_PAYLOADS),
        customer=access.customer,
        ends_at=access.expires_at,
        scope=access.endpoints(),
    )
    found, _endpoint = find_delivery(access, deliveryID)
    context = {"made": made.link, "made_url": delivery_link_url(access.project.pk, made.token), "is_answer": True}
    return show(request, access, "portal/share.html", context | _shared(access, found))


@page
@require_POST
def end_share(
    request: PageRequest,
    access: Access,
    deliveryID: str,  # noqa: N803
    linkID: str,  # noqa: N803
) -> HttpResponse:
    """End a link of the customer's to this delivery."""
    _check_may_share(access)
    links.revoke_link(access.project.pk, deliveryID, linkID, customer=access.customer, scope=access.endpoints())
    found, _endpoint = find_delivery(access, deliveryID)
    context = {"done": gettext("The link has ended."), "is_answer": True} | _shared(access, found)
    return show(request, access, "portal/share.html", context)


def _check_may_share(access: Access) -> None:
    """Raise Forbidden where the customer may not see deliveries, and in an operator's preview."""
    access.require(VIEW_DELIVERIES)
    if access.is_preview:
        raise CapabilityMissing


def _context(access: Access, found: EventDelivery, endpoint: Any) -> dict[str, Any]:
    context = delivery_context(access, found, endpoint) | _shared(access, found)
    url = reverse(ONE, args=[access.project.pk, found.pk])
    may_retry = access.may(CREATE_ATTEMPTS) and not found.test and found.status != Status.PROCESSING
    return context | {
        "may_retry": may_retry,
        "may_share": not access.is_preview,
        "endpoint_url": reverse(OVERVIEW, args=[access.project.pk, endpoint.pk]),
        "poll_url": "" if context["is_final"] else f"{url}?seen={context['seen']}",
    }


def _shared(access: Access, found: EventDelivery) -> dict[str, Any]:
    """Return the customer's links to a delivery that work now."""
    now = timezone.now()
    own = links.links_of(access.project.pk, found.pk, customer=access.customer)
    return {
        "delivery": found,
        "links": [link for link in own if link.revoked_at is None and link.expires_at > now],
        "shows_payload": access.may(VIEW_PAYLOADS),
        "hides_from_all": access.project.portal_hides_payloads,
    }


def _why_not(error: InvalidInput) -> str:
    if isinstance(error, deliveries.AskFirst):
        return gettext("Nothing was sent: this was delivered meanwhile.")
    if "endpoint" in error.message:
        return gettext("Nothing was sent: the endpoint is paused or disabled.")
    return gettext("Nothing was sent: it is being sent already, or was delivered meanwhile.")
