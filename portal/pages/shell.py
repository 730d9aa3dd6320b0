"""Check the credential of a page of the portal, and render the page with its frame and headers.

There are no cookies: the page's own script holds the credential and sends it as a bearer token. So a request from
another site has no credential, and the pages work in a frame where third-party cookies are blocked. A browser that
loads an address by itself (a reload, a deep link) sends no credential and gets the shell, whose script then requests
the same address with the credential.
"""

from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any, Concatenate, cast
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django_htmx.http import push_url, replace_url, retarget
from django_htmx.middleware import HtmxDetails

from core.actors import set_actor
from core.addresses import validate_origin
from core.client_address import client_address
from core.exceptions import DomainError, Forbidden, NotFound
from core.share import TooBusy
from portal.look import read_language, read_look
from portal_links.access import Access, count_access, find_access
from portal_links.capabilities import WORDS
from projects.authentication import bearer_token
from projects.models import EVERY_TYPE, EventType, Project


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
        credential = bearer_token(request)
        access = find_access(credential, address=client_address(request)) if credential else None
        if access is not None and access.project.pk == projectID:
            set_actor(access.actor)
            with translation.override(read_language(request, access.project)):
                try:
                    count_access(access)
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
    appearance = shown.link.appearance if isinstance(shown, Access) and shown.link is not None else ""
    look = read_look(request, project, appearance=appearance)
    logo = "" if project is None else shown_logo(project.logo_url)
    context = dict(context or {}) | {
        "base": "portal/fragment.html" if request.htmx else "portal/base.html",
        "project": project,
        "title": "Webhooks" if project is None else project.portal_name or project.name,
        "allowed_origins": " ".join([] if project is None else project.portal_allowed_origins),
        "logo_url": look.icon_url or logo,
        "dark_logo_url": "" if project is None or look.icon_url else shown_logo(project.portal_dark_logo_url),
        "theme": look.theme,
        "look": look.query,
        "is_framed": look.is_framed,
        "is_bare": look.is_bare,
    }
    if isinstance(shown, Access):
        context |= {
            "access": shown,
            "who": shown.customer_name or shown.owner_id or (shown.link.name if shown.link else ""),
            "allowed": [words for capability, words in WORDS.items() if shown.may(capability)],
            "forbidden": [words for capability, words in WORDS.items() if not shown.may(capability)],
            "section": _section(request, shown.project),
            # Read by whole pages alone: a part of a page, which may be polled, has no menu.
            "has_catalogue": SimpleLazyObject(partial(has_catalogue, shown.project)),
        }
    language = read_language(request, project)
    with translation.override(language):
        response = render(request, template, context, status=status)
    response["Content-Language"] = language
    return secured(response, project, icon=look.icon_url)


def has_catalogue(project: Project) -> bool:
    """Return whether the project has event types to show. One statement."""
    return EventType.objects.filter(project=project, deprecated_at=None).exclude(name=EVERY_TYPE).exists()


def _section(request: PageRequest, project: Project) -> str:
    """Return the entry of the menu to which a page belongs."""
    rest = request.path_info.removeprefix(f"/portal/{project.pk}/").partition("/")[0]
    return {"deliveries": "deliveries", "events": "catalogue", "activity": ""}.get(rest, "endpoints")


def read_number(values: Mapping[str, str], name: str, *, digits: int = 9, otherwise: int = 0) -> int:
    """Return a number that a request sends, of so many digits at most; `otherwise` where it is not one."""
    text = values.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else otherwise


def at(request: PageRequest, path: str, response: HttpResponse) -> HttpResponse:
    """Set the address bar to `path`, so that a reload of the page requests it."""
    here = request.htmx.current_url_abs_path
    return replace_url(response, path) if here == path else push_url(response, path)


def not_found(request: PageRequest) -> HttpResponse:
    """Render the page for an address or a token that opens nothing. It does not tell the reason."""
    return show(request, None, "portal/not_found.html", status=404)


def unavailable(request: HttpRequest) -> HttpResponse:
    """Render the page for the time in which the database does not answer. No statement."""
    return show(cast(PageRequest, request), None, "portal/unavailable.html", status=503)


def secured(response: HttpResponse, project: Project | None, *, icon: str = "") -> HttpResponse:
    """Set the headers that every answer of the portal has. `icon` is an image that the host page has asked for."""
    shown = [icon] if project is None else [project.logo_url, project.portal_dark_logo_url, icon]
    ancestors = ["'self'", *([] if project is None else project.portal_allowed_origins)]
    # The icons of the stylesheet are data: images, which cannot run anything.
    images = ["'self'", "data:", *dict.fromkeys(filter(None, map(origin_of, shown)))]
    response["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src {' '.join(images)}; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors {' '.join(ancestors)}"
    )
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def shown_logo(url: str) -> str:
    """Return the address of a logo; blank where the policy cannot allow it."""
    return url if origin_of(url) else ""


def origin_of(url: str) -> str:
    """Return the origin of an image for the Content-Security-Policy; blank where the policy cannot hold it."""
    try:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}".lower()
        validate_origin(origin)
    except (ValueError, ValidationError):
        return ""
    return origin


def _refused(request: PageRequest, access: Access, error: DomainError) -> HttpResponse:
    match error:
        case Forbidden():
            message = gettext("Your access does not include this. The person who gave you the link can change that.")
        case NotFound():
            message = gettext("This does not exist. It may have been deleted.")
        case TooBusy():
            message = gettext("Too much is being loaded at once. Wait a moment and try again.")
        case _:
            message = error.message
    # The message replaces the whole page, even where htmx asked for a part of it.
    response = show(request, access, "portal/refused.html", {"message": message}, status=error.status)
    for name, value in error.headers.items():
        response[name] = value
    return retarget(response, "#page")
