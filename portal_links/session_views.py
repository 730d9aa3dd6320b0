"""Portal sessions for the company: who has access now, and the end of it. In Convoy's envelope."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from core.api.envelope import success
from core.api.pagination import read_page
from core.api.values import wire_time
from portal_links import openapi, sessions
from portal_links.models import PortalSession
from projects.convoy_view import ConvoyView


class PortalSessions(ConvoyView):
    """The portal sessions of a project."""

    @openapi.list_portal_sessions
    def get(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Answer a page, newest first, of those that `ownerId`, `portalLinkId` and `active` leave.

        `ownerId` finds the sessions of the owner's links too. `active` is true or false.
        """
        query, now = request.query_params, timezone.now()
        rows = PortalSession.objects.for_project(projectID).select_related("portal_link")
        rows = rows.defer("code_digest", "token_digest", "portal_link__token", "portal_link__token_digest")
        if owner_id := query.get("ownerId", "").strip():
            rows = rows.of_owner(owner_id)
        if link_id := query.get("portalLinkId", "").strip():
            rows = rows.filter(portal_link_id=link_id)
        match query.get("active", "").lower():
            case "true":
                rows = rows.active(now)
            case "false":
                rows = rows.exclude(pk__in=rows.active(now).values("pk"))
        page = read_page(request, rows)
        content = [session_document(session) for session in page.rows]
        return success("Portal sessions fetched successfully", {"content": content, "pagination": page.pagination})


class RevokePortalSession(ConvoyView):
    """The end of a portal session."""

    not_found = {"PUT": (404, "Resource not found")}

    @openapi.revoke_portal_session
    def put(self, request: Request, projectID: str, sessionID: str) -> HttpResponse:  # noqa: N803
        """Revoke the session: its next request is refused. A body is ignored."""
        sessions.revoke_session(projectID, sessionID)
        return success("Portal session revoked successfully")


def session_document(session: PortalSession) -> dict[str, Any]:
    """A session as the API shows it: everything but its code and token, which are not kept."""
    return {
        "uid": session.uid,
        "project_id": session.project_id,
        "owner_id": session.current_owner_id,
        "portal_link_id": session.portal_link_id,
        "surface": session.surface,
        "capabilities": sorted(session.current_capabilities),
        "metadata": session.metadata,
        "reference": session.reference,
        "minted_by": session.minted_by_id,
        "created_at": wire_time(session.created_at),
        "expires_at": wire_time(session.expires_at),
        "opened_at": session.opened_at and wire_time(session.opened_at),
        "opened_from": session.opened_from,
        "last_used_at": session.last_used_at and wire_time(session.last_used_at),
        "last_used_from": session.last_used_from,
        "revoked_at": session.revoked_at and wire_time(session.revoked_at),
    }
