"""Answer the page of the API reference, which reads the OpenAPI document in the browser."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

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
