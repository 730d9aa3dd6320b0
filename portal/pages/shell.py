"""Check the credential of a page of the portal, and render the page with its frame and headers.

There are no cookies: the page's own script holds the credential and sends it as a bearer token. So a request from
another site has no credential, and the pages work in a frame where third-party cookies are blocked. A browser that
loads an address by itself (a reload, a deep link) sends no credential and gets the shell, whose script then requests
the same address with the credential.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django_htmx.http import push_url, replace_url, retarget
from django_htmx.middleware import HtmxDetails

from core.actors import set_actor
from core.addresses import validate_origin
from core.client_address import client_address
from core.exceptions import DomainError, Forbidden, NotFound
from portal_links.access import Access, find_access
from portal_links.capabilities import WORDS
from projects.models import Project


class PageRequest(HttpRequest):
    """A request after django-htmx's middleware."""

    htmx: HtmxDetails


View = Callable[Concatenate[PageRequest, Access, ...], HttpResponse]


def page(view: View) -> Callable[..., HttpResponse]:
    """Return a view that checks the credential and calls `view(request, access, **names of the path)`.

    Without a valid credential `view` is not called. A DomainError that it raises becomes a page with a readable
    message. POST needs no CSRF token, because nothing that a browser sends by itself is a credential.
    """

    @csrf_exempt
    @wraps(view)
    def guarded(request: PageRequest, projectID: str, **names: str) -> HttpResponse:  # noqa: N803
        if "\x00" in request.path_info:
            return not_found(request)
        credential = _bearer(request)
        access = find_access(credential, address=client_address(request)) if credential else None
        if access is not None and access.project.pk == projectID:
            set_actor(access.actor)
            try:
                return secured(view(request, access, **names), access.project)
            except DomainError as error:
                return secured(_refused(request, access, error), access.project)
        project = Project.objects.live().filter(pk=projectID).first()
        if project is None:
            return not_found(request)
        if not credential and request.method in ("GET", "HEAD"):
            return show(request, project, "portal/shell.html")
        response = show(request, project, "portal/no_session.html", status=401)
        response["WWW-Authenticate"] = "Bearer"
        return response

    return xframe_options_exempt(guarded)


def show(
    request: PageRequest, shown: Access | Project | None, template: str, context: Any = None, *, status: int = 200
) -> HttpResponse:
    """Render a template as a whole page, or for htmx as the part of it that changes.

    `shown` is the customer whose page it is, the project of a page without a customer, or None.
    """
    project = shown.project if isinstance(shown, Access) else shown
    context = dict(context or {}) | {
        "base": "portal/fragment.html" if request.htmx else "portal/base.html",
        "project": project,
        "title": "Webhooks" if project is None else project.portal_name or project.name,
        "allowed_origins": " ".join([] if project is None else project.portal_allowed_origins),
        "logo_url": project.logo_url if project is not None and logo_origin(project) else "",
    }
    if isinstance(shown, Access):
        context |= {
            "access": shown,
            "who": shown.owner_id or (shown.link.name if shown.link else ""),
            "allowed": [words for capability, words in WORDS.items() if shown.may(capability)],
            "forbidden": [words for capability, words in WORDS.items() if not shown.may(capability)],
        }
    return secured(render(request, template, context, status=status), project)


def at(request: PageRequest, path: str, response: HttpResponse) -> HttpResponse:
    """Set the address bar to `path`, so that a reload of the page requests it."""
    here = request.htmx.current_url_abs_path
    return replace_url(response, path) if here == path else push_url(response, path)


def not_found(request: PageRequest) -> HttpResponse:
    """Render the page for an address or a token that opens nothing. It does not tell the reason."""
    return show(request, None, "portal/not_found.html", status=404)


def secured(response: HttpResponse, project: Project | None) -> HttpResponse:
    """Set the headers that every answer of the portal has."""
    logo = "" if project is None else logo_origin(project)
    ancestors = ["'self'", *([] if project is None else project.portal_allowed_origins)]
    # The icons of the stylesheet are data: images, which cannot run anything.
    images = ["'self'", "data:", *([logo] if logo else [])]
    response["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src {' '.join(images)}; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors {' '.join(ancestors)}"
    )
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def logo_origin(project: Project) -> str:
    """Return the origin of a project's logo for the Content-Security-Policy; blank where the policy cannot hold it."""
    try:
        parts = urlsplit(project.logo_url)
        origin = f"{parts.scheme}://{parts.netloc}".lower()
        validate_origin(origin)
    except (ValueError, ValidationError):
        return ""
    return origin


def _bearer(request: HttpRequest) -> str:
    scheme, _, credential = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return credential if scheme.lower() == "bearer" else ""


def _refused(request: PageRequest, access: Access, error: DomainError) -> HttpResponse:
    match error:
        case Forbidden():
            message = "Your access does not include this. The person who gave you the link can change that."
        case NotFound():
            message = "This endpoint does not exist. It may have been deleted."
        case _:
            message = error.message
    # The message replaces the whole page, even where htmx asked for a part of it.
    return retarget(show(request, access, "portal/refused.html", {"message": message}, status=error.status), "#page")
