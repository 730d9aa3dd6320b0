"""Answer `/` in the demo with a page of links, and redirect short addresses to the pages that they mean."""

import json
from typing import Any

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from convoyclone.demo_page import HEADERS, MARK_URL, STYLE
from core.client_address import is_of_this_machine


@require_safe
def welcome(request: HttpRequest) -> HttpResponse:
    """Answer the demo's page of links, and 404 where there is no demo.

    The portal's link opens without a password, so that only a browser on this machine gets it.
    """
    demo = _demo()
    shown = demo if is_of_this_machine(request) else {}
    context = {name: shown.get(name, "") for name in ("portal_url", "owner_id", "receiver_url")}
    context |= {"style": STYLE, "mark": MARK_URL}
    response = render(request, "convoyclone/welcome.html", context)
    for name, value in HEADERS.items():
        response[name] = value
    return response


@require_safe
def readme(_: HttpRequest) -> HttpResponseBase:
    """Answer the text of the README, and 404 where there is no demo."""
    _demo()
    return FileResponse((settings.BASE_DIR / "README.md").open("rb"), content_type="text/plain; charset=utf-8")


def _demo() -> dict[str, Any]:
    """Return the description of the demo. Raises Http404 where there is none."""
    path = settings.DATA_DIR / "quickstart.json"
    if not settings.DEMO or not path.exists():
        raise Http404
    demo: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return demo
