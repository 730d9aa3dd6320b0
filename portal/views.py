"""The customer's pages: each view reads the input, calls one operation and renders the next page."""

from datetime import datetime
from typing import Any

import orjson
from django.db.models import Q
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.client_address import client_address
from core.exceptions import InvalidInput, NotFound
from core.tokens import matches
from endpoints.models import Endpoint
from endpoints.secrets import is_live
from portal import operations, theme
from portal.forms import OVERLAPS, EndpointForm, rotation
from portal.pages import PageRequest, at, not_found, page, secured, show
from portal.verification import snippets
from portal_links.access import Access, find_access
from portal_links.capabilities import MANAGE_ENDPOINT, ROTATE_SECRET, VIEW_SECRET
from portal_links.exceptions import CodeExpired, CodeUsed
from portal_links.sessions import open_session
from projects.models import Project

PAGE_SIZE = 50
CANNOT = "This cannot be done now: {}."


@require_safe
@xframe_options_exempt
def portal(request: PageRequest) -> HttpResponse:
    """Show the list of endpoints at Convoy's URL, without JavaScript too.

    Every token that opens nothing gets the same 404 page.
    """
    access = _opened(request)
    if access is None:
        return not_found(request)
    return show(request, access, "portal/endpoints.html", {"loaded": True} | _list(access, "", ""))


@csrf_exempt
@require_POST
@xframe_options_exempt
def open_link(request: PageRequest, projectID: str) -> HttpResponse:  # noqa: N803
    """Exchange a single-use code for a token; or show a page that says why the code is not valid."""
    project = None if "\x00" in projectID else Project.objects.live().filter(pk=projectID).first()
    code = request.POST.get("code", "")
    if project is None or not code.isascii():
        return not_found(request)
    try:
        _, token = open_session(project.pk, code, address=client_address(request))
    except (CodeUsed, CodeExpired) as error:
        context = {"used": isinstance(error, CodeUsed)}
        return show(request, project, "portal/spent.html", context, status=error.status)
    except NotFound:
        return not_found(request)
    return secured(HttpResponse(orjson.dumps({"token": token}), content_type="application/json"), project)


@require_safe
@xframe_options_exempt
def theme_css(request: PageRequest, projectID: str) -> HttpResponse:  # noqa: N803
    """Answer the stylesheet of the project's colours."""
    project = None if "\x00" in projectID else Project.objects.live().filter(pk=projectID).first()
    if project is None:
        return not_found(request)
    return secured(HttpResponse(theme.stylesheet(project.portal_primary_color), content_type="text/css"), project)


@page
@require_safe
def endpoints(request: PageRequest, access: Access) -> HttpResponse:
    """Show the list: the endpoints with `q` in their name or URL, older than the endpoint `after`."""
    return show(request, access, "portal/endpoints.html", _list(access, **_query(request)))


@page
@require_http_methods(["GET", "HEAD", "POST"])
def new_endpoint(request: PageRequest, access: Access) -> HttpResponse:
    """Show the form for a new endpoint, and create the endpoint on POST."""
    access.require(MANAGE_ENDPOINT)
    form = EndpointForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            made = operations.create_receiving_endpoint(access, **form.sent)
        except InvalidInput as error:
            form.add_refusal(error.field, error.message)
        else:
            return _detail(request, access, made, done=f"The endpoint was created. {_received(access)}")
    return show(request, access, "portal/form.html", {"form": form}, status=422 if form.errors else 200)


def _received(access: Access) -> str:
    """Say which events a new endpoint receives."""
    if not operations.subscribes_all(access):
        return "It receives nothing until it is subscribed to events."
    if access.owner_id:
        return "It receives all events that are sent to you."
    return "It receives the events that are sent to it and those that are sent to everyone."


@page
@require_safe
def endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Show one endpoint without the values of its secrets."""
    found = operations.find_endpoint(access, endpointID)
    return show(request, access, "portal/endpoint.html", _about(found))


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
            return _detail(request, access, changed, done="Your changes were saved.")
    context = {"form": form, "endpoint": found}
    return show(request, access, "portal/form.html", context, status=422 if form.errors else 200)


@page
@require_POST
def pause_endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Pause an active endpoint."""
    try:
        changed = operations.pause_endpoint(access, endpointID)
    except InvalidInput as error:
        return _not_done(request, access, endpointID, error)
    return _detail(request, access, changed, done="The endpoint is paused: it gets no webhooks until you resume it.")


@page
@require_POST
def activate_endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Activate an endpoint that is not active."""
    try:
        changed = operations.activate_endpoint(access, endpointID)
    except InvalidInput as error:
        return _not_done(request, access, endpointID, error)
    return _detail(request, access, changed, done="The endpoint is active again.")


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
    return _detail(request, access, changed, done=f"There is a new signing secret. {rest}")


@page
@require_POST
def delete_endpoint(request: PageRequest, access: Access, endpointID: str) -> HttpResponse:  # noqa: N803
    """Delete an endpoint."""
    operations.delete_endpoint(access, endpointID)
    response = show(
        request, access, "portal/endpoints.html", {"done": "The endpoint was deleted."} | _list(access, "", "")
    )
    return at(request, reverse("portal-endpoints", args=[access.project.pk]), response)


def _opened(request: PageRequest) -> Access | None:
    """Return the access that Convoy's URL gives by its static token, or for a refresh link by the `PRT.` token."""
    token, auth_token = request.GET.get("token", ""), request.GET.get("auth_token", "")
    access = find_access(auth_token or token, address=client_address(request))
    if access is None or access.link is None or not matches(token, access.link.token_digest):
        return None
    return access


def _query(request: PageRequest) -> dict[str, str]:
    """Return the list's parameters, without NUL characters, which no stored text can hold."""
    return {name: request.GET.get(name, "").replace("\x00", "").strip() for name in ("q", "after")}


def _list(access: Access, q: str, after: str) -> dict[str, Any]:
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


def _detail(request: PageRequest, access: Access, changed: Endpoint, *, done: str) -> HttpResponse:
    response = show(request, access, "portal/endpoint.html", {"done": done} | _about(changed))
    return at(request, reverse("portal-endpoint", args=[access.project.pk, changed.pk]), response)


def _not_done(request: PageRequest, access: Access, endpoint_id: str, error: InvalidInput) -> HttpResponse:
    """Show the endpoint in its present state, and the reason why it was not changed."""
    found = operations.find_endpoint(access, endpoint_id)
    context = {"problem": CANNOT.format(error.message.rstrip("."))} | _about(found)
    response = show(request, access, "portal/endpoint.html", context, status=409)
    return at(request, reverse("portal-endpoint", args=[access.project.pk, found.pk]), response)
