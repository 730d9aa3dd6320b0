"""The pages to which portal links and sessions lead in the admin: the preview, and what they open and why."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from core.admin import OperatorAdmin
from portal_links import sessions
from portal_links.capabilities import WORDS
from portal_links.models import PortalLink, PortalSession, session_url
from portal_links.scope import Scope

#: The endpoints, and the ids without one, that a page of a scope shows.
SCOPE_ROWS = 100


def preview(page: OperatorAdmin, request: HttpRequest, row: PortalLink | PortalSession) -> HttpResponse:
    """Redirect to the portal of a link, or of a session's link or owner, as its customer sees it."""
    link = row if isinstance(row, PortalLink) else row.portal_link
    operator = request.user.get_username()
    session, token = sessions.preview_portal(row.project_id, operator=operator, owner_id=row.owner_id, link=link)
    page.log_change(request, row, "Previewed the portal.")
    return HttpResponseRedirect(session_url(session.project_id, token=token))


def show_scope(
    page: OperatorAdmin, request: HttpRequest, row: PortalLink | PortalSession, scope: Scope
) -> TemplateResponse:
    """Show the capabilities of a link or session, and SCOPE_ROWS of its endpoints, with the reason of each."""
    after = request.GET.get("after", "").replace("\x00", "")
    older = scope.endpoints.filter(pk__lt=after) if after else scope.endpoints
    found = list(older.only("uid", "name", "status", "owner_id")[: SCOPE_ROWS + 1])
    context = {
        "title": "Who can see what, and why",
        "opts": page.opts,
        "row": row,
        "scope": scope,
        "capabilities": [
            {"words": WORDS[each.name], "allowed": each.is_allowed, "reason": each.reason}
            for each in scope.capabilities
        ],
        "endpoints": found[:SCOPE_ROWS],
        "next": found[SCOPE_ROWS - 1].pk if len(found) > SCOPE_ROWS else "",
        "after": after,
        "missing": scope.missing[:SCOPE_ROWS],
    }
    return TemplateResponse(request, "operators/scope.html", page.admin_site.each_context(request) | context)
