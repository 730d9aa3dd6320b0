"""Open the portal: Convoy's URL, single-use codes, and the stylesheet of the project's look."""

import orjson
from django.http import HttpResponse
from django.utils import translation
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from core.client_address import client_address
from core.exceptions import NotFound
from core.tokens import matches
from portal import theme
from portal.listing import list_context
from portal.look import read_language
from portal.pages.shell import PageRequest, not_found, page, secured, show
from portal_links.access import Access, find_access
from portal_links.exceptions import CodeExpired, CodeUsed
from portal_links.sessions import open_session, revoke_session
from projects.models import Project


@require_safe
@xframe_options_exempt
def portal(request: PageRequest) -> HttpResponse:
    """Show the list of endpoints at Convoy's URL, without JavaScript too.

    Every token that opens nothing gets the same 404 page.
    """
    access = _opened(request)
    if access is None:
        return not_found(request)
    with translation.override(read_language(request, access.project)):
        return show(request, access, "portal/endpoints.html", {"loaded": True} | list_context(access))


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
    """Answer the stylesheet of the project's look."""
    project = None if "\x00" in projectID else Project.objects.live().filter(pk=projectID).first()
    if project is None:
        return not_found(request)
    asked = theme.asked_color(request.GET.get("primaryColor", ""))
    css = theme.stylesheet(
        asked or project.portal_primary_color,
        dark_color="" if asked else project.portal_dark_color,
        font=project.portal_font,
        family=theme.asked_family(request.GET.get("fontFamily", "")),
    )
    return secured(HttpResponse(css, content_type="text/css"), project)


@page
@require_POST
def end_session(request: PageRequest, access: Access) -> HttpResponse:
    """End the session for its holder. A static link has none: the page forgets its token, and the link still opens."""
    if access.session is not None:
        revoke_session(access.project.pk, access.session.pk)
    return trigger_client_event(show(request, access.project, "portal/no_session.html"), "portal-ended")


def _opened(request: PageRequest) -> Access | None:
    """Return the access that Convoy's URL gives by its static token, or for a refresh link by the `PRT.` token."""
    token, auth_token = request.GET.get("token", ""), request.GET.get("auth_token", "")
    access = find_access(auth_token or token, address=client_address(request))
    if access is None or access.link is None or not matches(token, access.link.token_digest):
        return None
    return access
