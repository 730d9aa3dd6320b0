"""The customer's pages: each view reads the input, calls one operation and renders the next page."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from core.exceptions import InvalidInput
from endpoints.models import Endpoint
from endpoints.secrets import is_live
from portal import operations
from portal.pages.forms import OVERLAPS, rotation
from portal.pages.shell import PageRequest, at, page, show
from portal.verification import snippets
from portal_links.access import Access
from portal_links.capabilities import ROTATE_SECRET

PAGE_SIZE = 50
CANNOT = "This cannot be done now: {}."


@page
@require_safe
def endpoints(request: PageRequest, access: Access) -> HttpResponse:
    """Show the list: the endpoints with `q` in their name or URL, older than the endpoint `after`."""
    return show(request, access, "portal/endpoints.html", list_context(access, **_query(request)))


@page
@require_safe
def endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show one endpoint without the values of its secrets."""
    found = operations.find_endpoint(access, endpointID)
    return show(request, access, "portal/endpoint.html", _about(found))


@page
@require_POST
def pause_endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Pause an active endpoint."""
    try:
        changed = operations.pause_endpoint(access, endpointID)
    except InvalidInput as error:
        return _not_done(request, access, endpointID, error)
    return show_endpoint(
        request, access, changed, done="The endpoint is paused: it gets no webhooks until you resume it."
    )


@page
@require_POST
def activate_endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Activate an endpoint that is not active."""
    try:
        changed = operations.activate_endpoint(access, endpointID)
    except InvalidInput as error:
        return _not_done(request, access, endpointID, error)
    return show_endpoint(request, access, changed, done="The endpoint is active again.")


@page
@require_POST
def reveal_secret(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show the values of an endpoint's live secrets."""
    secrets = [
        secret | {"until": secret["expires_at"] and datetime.fromisoformat(secret["expires_at"])}
        for secret in operations.reveal_secrets(access, endpointID)
    ]
    return show(request, access, "portal/secrets.html", {"secrets": secrets})


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
        return _not_done(request, access, endpointID, error)
    hours = sent.get("expiration", 0)
    rest = f"The previous secret stays valid for {OVERLAPS.get(hours, f'{hours} hours')}." if hours else ""
    return show_endpoint(request, access, changed, done=f"There is a new signing secret. {rest}")


@page
@require_POST
def delete_endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Delete an endpoint."""
    operations.delete_endpoint(access, endpointID)
    response = show(
        request, access, "portal/endpoints.html", {"done": "The endpoint was deleted."} | list_context(access, "", "")
    )
    return at(request, reverse("portal-endpoints", args=[access.project.pk]), response)


def _query(request: PageRequest) -> dict[str, str]:
    """Return the list's parameters, without NUL characters, which no stored text can hold."""
    return {name: request.GET.get(name, "").replace("\x00", "").strip() for name in ("q", "after")}


def list_context(access: Access, q: str, after: str) -> dict[str, Any]:
    """Return the context of the list: the endpoints with `q` in their name or URL, older than `after`."""
    rows = access.endpoints().only("uid", "name", "url", "description", "status")
    if q:
        rows = rows.filter(Q(name__icontains=q) | Q(url__icontains=q))
    if after:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    return {"endpoints": shown, "q": q, "after": after, "next": shown[-1].pk if len(found) > PAGE_SIZE else ""}


def _about(found: Endpoint) -> dict[str, Any]:
    """Return the context of the page of one endpoint. It holds no value of a secret."""
    now = timezone.now()
    live = [secret for secret in found.secrets if is_live(secret, now)]
    signature = found.project.config["signature"]
    # Deliveries are signed with every version. The receiver needs to check one, and the last is the newest.
    version = signature["versions"][-1]
    code = snippets(
        advanced=found.advanced_signatures,
        header=signature["header"],
        hash=version["hash"],
        encoding=version["encoding"],
    )
    shown = found.authentication or {}
    return {
        "endpoint": found,
        "secret_since": datetime.fromisoformat(live[-1]["created_at"]),
        "older_until": [datetime.fromisoformat(secret["expires_at"]) for secret in reversed(live[:-1])],
        "header": signature["header"],
        "authentication": shown.get("type", ""),
        "sent_as": (shown.get(shown.get("type", "")) or {}).get("header_name", ""),
        "has_certificate": found.mtls_client_cert is not None,
        "snippets": code,
        "overlaps": OVERLAPS,
    }


def show_endpoint(request: PageRequest, access: Access, changed: Endpoint, *, done: str) -> HttpResponse:
    """Show the page of an endpoint after a change, with the message `done`."""
    response = show(request, access, "portal/endpoint.html", {"done": done} | _about(changed))
    return at(request, reverse("portal-endpoint", args=[access.project.pk, changed.pk]), response)


def _not_done(request: PageRequest, access: Access, endpoint_id: str, error: InvalidInput) -> HttpResponse:
    """Show the endpoint in its present state, and the reason why it was not changed."""
    found = operations.find_endpoint(access, endpoint_id)
    context = {"problem": CANNOT.format(error.message.rstrip("."))} | _about(found)
    response = show(request, access, "portal/endpoint.html", context, status=409)
    return at(request, reverse("portal-endpoint", args=[access.project.pk, found.pk]), response)
