"""What every page of the portal has in common: the credential, the frame around it and the headers.

There are no cookies: the credential is in the page's own script, which sends it as a bearer token.
So another site's request is nobody's, and the pages work in a frame where third-party cookies are
blocked. A browser that comes by itself (a reload, a deep link) brings no credential and gets the
shell, whose script then asks for the same address again, with it.
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
    """Make a view of `view(request, access, **names of the path)`, which is called with a credential only.

    A DomainError that it raises becomes a page with a readable message. POST needs no CSRF token:
    nothing that a browser sends by itself authenticates it.
    """

    @csrf_exempt
    @wraps(view)
    def guarded(request: PageRequest, projectID: str, **names: str) -> HttpResponse:  # noqa: N803
        if "\x00" in request.path_info:
            return not_found(request)
        credential = _bearer(request)
        access = find_access(credential, address=client_address(request)) if credential else None
        if access is not None and access.project.pk == projectID:
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
    """A page: the whole of it, or for htmx the part that changes, from the same template.

    `shown` is whose page it is: a customer's, a project's without one, or nobody's.
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
    """Have the address bar say `path`, which is what a reload of the page is to ask for."""
    here = request.htmx.current_url_abs_path
    return replace_url(response, path) if here == path else push_url(response, path)


def not_found(request: PageRequest) -> HttpResponse:
    """The page for whatever opens nothing. It says nothing about why."""
    return show(request, None, "portal/not_found.html", status=404)


def secured(response: HttpResponse, project: Project | None) -> HttpResponse:
    """The headers of every answer of the portal."""
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
    """The origin of a project's logo, as the policy can hold it; blank where there is no such logo."""
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
            message = "Your access does not include this. Whoever gave you the link can change that."
        case NotFound():
            message = "There is no such endpoint here. It may have been deleted."
        case _:
            message = error.message
    # Whatever part of the page was asked for, this is about all of it.
    return retarget(show(request, access, "portal/refused.html", {"message": message}, status=error.status), "#page")
