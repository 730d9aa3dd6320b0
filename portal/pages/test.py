"""Show the Test page of an endpoint: send a test event, rehearse a rotation, and debug a signature."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import retarget

from core.storable_text import typed
from deliveries.health import endpoint_health
from endpoints.models import Endpoint
from events.exceptions import NoOverlap, TooManyTests
from events.models import EventDelivery
from events.trials import schema_of
from portal import event_operations, operations
from portal.debugger.findings import MAX_BODY, MAX_HEADERS, MAX_SECRET, Pasted
from portal.debugger.judging import judge
from portal.debugger.words import difference_text, lines, said
from portal.endpoint_head import TEST, endpoint_head
from portal.pages.shell import PageRequest, page, read_number, show
from portal.routes import url_of
from portal.trials import (
    Types,
    find_sent,
    known_secrets,
    payload_text,
    test_result,
    test_types,
    wrong_json,
)
from portal_links.access import Access
from portal_links.capabilities import SEND_TEST, VIEW_DELIVERIES
from subscriptions.examples import make_example

MAX_TYPE = 255
#: The page asks for the outcome once a second, for this long at most.
SECONDS_OF_POLLS = 120


@page
@require_http_methods(["GET", "HEAD", "POST"])
def test_endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show the form with an example payload. On POST, send a test event and show that it is under way."""
    access.require(SEND_TEST)
    found = operations.find_endpoint(access, endpointID)
    if request.method == "POST":
        return _send(request, access, found)
    health = endpoint_health([found.pk])[found.pk]
    types = test_types(access, health)
    chosen = typed(request.GET, "type") or types.first
    context = endpoint_head(access, found, TEST, health) | _form(
        access, types, chosen, number=read_number(request.GET, "number", digits=6)
    )
    return show(request, access, "portal/test.html", context)


@page
@require_safe
def test_example(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show another example payload of a type."""
    access.require(SEND_TEST)
    found = operations.find_endpoint(access, endpointID)
    chosen = typed(request.GET, "type")
    context = {"endpoint": found} | _payload(access, chosen, number=read_number(request.GET, "number", digits=6))
    return show(request, access, "portal/test_payload.html", context)


@page
@require_safe
def test_outcome(request: PageRequest, access: Access, endpointID: str, deliveryID: str) -> HttpResponse:  # noqa: N803
    """Show the outcome of a test event; the page asks until it is settled."""
    access.require(SEND_TEST)
    found = operations.find_endpoint(access, endpointID)
    template = "portal/rehearsal_answer.html" if "rehearsal" in request.GET else "portal/test_answer.html"
    return show(request, access, template, _outcome(access, found, deliveryID))


@page
@require_POST
def rehearse(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Send a test event that is signed with the newest secret only, and show that it is under way."""
    access.require(SEND_TEST)
    found = operations.find_endpoint(access, endpointID)
    health = endpoint_health([found.pk])[found.pk]
    event_type = test_types(access, health).first
    try:
        sent = event_operations.send_test_event(access, found.pk, event_type=event_type, is_rehearsal=True)
    except (NoOverlap, TooManyTests) as error:
        return show(request, access, "portal/rehearsal_answer.html", {"problem": _refusal(error)}, status=error.status)
    return show(request, access, "portal/rehearsal_answer.html", _outcome(access, found, sent.pk))


@page
@require_POST
def debug_signature(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show what is wrong with a pasted request. Nothing of it is kept, and the secret is not shown again."""
    access.require(SEND_TEST)
    found = operations.find_endpoint(access, endpointID)
    posted = request.POST
    too_long = len(posted.get("hdr", "")) > MAX_HEADERS or len(posted.get("raw", "")) > MAX_BODY
    if too_long or len(posted.get("secret", "")) > MAX_SECRET:
        return show(request, access, "portal/debug_found.html", {"problem": gettext("That is too long to check.")})
    own = posted.get("which") == "mine"
    verdict = judge(
        Pasted(posted.get("hdr", ""), posted.get("raw", ""), posted.get("secret", "") if own else None),
        secrets=known_secrets(access, found),
        find_sent=lambda uid: find_sent(access, found, uid),
        signature=found.project.config["signature"],
        now=timezone.now(),
    )
    context: dict[str, Any] = {"said": said(verdict), "lines": lines(verdict), "difference": verdict.difference}
    if verdict.difference is not None:
        context["difference_text"] = difference_text(verdict.difference.at, verdict.difference.received)
        context["off"] = [_first_apart(verdict.difference.sent), _first_apart(verdict.difference.received)]
    return show(request, access, "portal/debug_found.html", context)


def _send(request: PageRequest, access: Access, found: Endpoint) -> HttpResponse:
    chosen, text = typed(request.POST, "type"), request.POST.get("body", "")
    wrong = wrong_json(text)
    if len(text.encode(errors="replace")) > settings.MAX_REQUEST_BODY_BYTES:
        wrong = gettext("The payload is too long.")
    problem = "" if 0 < len(chosen) <= MAX_TYPE else gettext("Choose an event type.")
    if not (wrong or problem):
        try:
            sent = event_operations.send_test_event(access, found.pk, event_type=chosen, raw=text.encode())
        except TooManyTests as error:
            problem = _refusal(error)
        else:
            return show(request, access, "portal/test_answer.html", _outcome(access, found, sent.pk))
    health = endpoint_health([found.pk])[found.pk]
    context = endpoint_head(access, found, TEST, health) | _form(access, test_types(access, health), chosen, text=text)
    context |= {"wrong": wrong, "problem": problem}
    # The whole page, with the values that were typed: the form is not in the part that an answer replaces.
    return retarget(show(request, access, "portal/test.html", context, status=422), "#page")


def _form(access: Access, types: Types, chosen: str, *, number: int = 0, text: str | None = None) -> dict[str, Any]:
    payload = _payload(access, chosen, number=number, text=text)
    return {"types": types, "chosen": chosen, "is_own": chosen not in [*types.heard, *types.others]} | payload


def _payload(access: Access, chosen: str, *, number: int, text: str | None = None) -> dict[str, Any]:
    schema = schema_of(access.project.pk, chosen)
    body = payload_text(make_example(schema, number=number)) if text is None else text
    return {"chosen": chosen, "body": body, "next": number + 1, "has_schema": schema is not None}


def _outcome(access: Access, found: Endpoint, delivery_id: str) -> dict[str, Any]:
    result = test_result(access, found, delivery_id)
    is_rehearsal = result.delivery.test == EventDelivery.Test.REHEARSAL
    return {
        "endpoint": found,
        "result": result,
        "is_rehearsal": is_rehearsal,
        "polls": not result.is_settled and result.waited < SECONDS_OF_POLLS,
        "delivery_url": url_of(access, "portal-delivery", delivery_id) if access.may(VIEW_DELIVERIES) else "",
    }


def _refusal(error: NoOverlap | TooManyTests) -> str:
    """Say in the page's words why no test event was sent."""
    if isinstance(error, NoOverlap):
        return gettext("The previous secret has ended: everything is signed with the new one only.")
    words = ngettext(
        "You have sent many tests. Wait %(count)s second for the next.",
        "You have sent many tests. Wait %(count)s seconds for the next.",
        error.seconds,
    )
    return words % {"count": error.seconds}


def _first_apart(text: str) -> tuple[str, str]:
    """Split a text after its first character, for which a visible sign stands where it is a blank or the like."""
    return {" ": "·", "\n": "↵", "\r": "↵", "\t": "⇥"}.get(text[:1], text[:1]), text[1:]
