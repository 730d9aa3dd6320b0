"""Answer the page of the API reference, which reads the OpenAPI document in the browser, and its guides."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from convoyclone.api_tags import FOLDER, PAGES

HEADERS = {
    # The reference writes its styles into the page; its scripts come from this server's files only.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
        "img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
}


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """Answer the API reference."""
    response = render(request, "convoyclone/reference.html")
    for name, value in HEADERS.items():
        response[name] = value
    return response


@require_safe
def guide(request: HttpRequest, page: str) -> HttpResponseBase:
    """Answer the text of a guide that the reference links to, and 404 where the installation has no docs/."""
    if page not in PAGES or not (FOLDER / page).is_file():
        raise Http404
    return FileResponse((FOLDER / page).open("rb"), content_type="text/plain; charset=utf-8")
