"""The customer's pages. For now one: what a portal link shows."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from convoyclone.client_address import client_address
from convoyclone.tokens import matches
from portal_links.access import Access, find_access


@require_safe
def portal(request: HttpRequest) -> HttpResponse:
    """The project's name and the endpoints in the scope of the link that the URL's token opens.

    Every token that opens nothing gets the same 404 page.
    """
    access = _opened(request)
    if access is None:
        response = render(request, "portal/not_found.html", status=404)
    else:
        response = render(request, "portal/portal.html", {"access": access, "endpoints": access.endpoints()})
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return response


def _opened(request: HttpRequest) -> Access | None:
    """What Convoy's URL opens: its static token, or with a refresh link its `PRT.` token beside it."""
    token, auth_token = request.GET.get("token", ""), request.GET.get("auth_token", "")
    access = find_access(auth_token or token, address=client_address(request))
    if access is None or access.link is None or not matches(token, access.link.token_digest):
        return None
    return access
