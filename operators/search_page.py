"""Answer the search box of the start page: lead to the one row that is meant, or list what was found."""

from django.contrib import admin, messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from core.api.time_limit import TookTooLong, time_limit
from core.storable_text import typed
from operators.rights import may_see
from operators.search import MOST, Group, find, straight_to

SECONDS = 3
TOO_LONG = f"The search was given up after {SECONDS} seconds. Type more of what you look for."
LONGEST = 2_048


@require_safe
def search(request: HttpRequest) -> HttpResponseBase:
    """Show what the text `q` finds, or lead to the one row that it means."""
    text = typed(request.GET, "q")[:LONGEST]
    groups: list[Group] = []
    try:
        with time_limit(SECONDS, TOO_LONG):
            groups = find(text, lambda model: may_see(request, model))
    except TookTooLong as error:
        messages.error(request, error.message)
    if url := straight_to(groups):
        return redirect(url)
    context = {"title": "Search", "text": text, "groups": groups, "most": MOST}
    return TemplateResponse(request, "operators/search.html", admin.site.each_context(request) | context)
