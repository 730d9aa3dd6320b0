"""The customer's pages. For now one: what a portal link shows."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal_links.operations import opened_link


@require_safe
def portal(request: HttpRequest) -> HttpResponse:
    """The project's name and the endpoints in the scope of the link that the URL's token opens.

    Every token that opens nothing gets the same 404 page.
    """
    link = opened_link(request.GET.get("token", ""), request.GET.get("auth_token", ""))
    if link is None:
        response = render(request, "portal/not_found.html", status=404)
    else:
        context = {"link": link, "endpoints": link.scope()}
        response = render(request, "portal/portal.html", context)
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return response
