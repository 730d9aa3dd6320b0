"""List and revoke portal sessions, with a project's API key and in Convoy's envelope."""

from django.utils import timezone
from rest_framework.request import Request

from core.api.documents import PageOf
from core.api.pagination import Bytes, JsonBytes, read_page
from portal_links import openapi, sessions
from portal_links.documents import PortalSessionDocument, session_document
from portal_links.models import PortalSession
from projects.convoy_view import ConvoyView

#: The bytes of a session in a list, as far as they vary.
_BYTES = JsonBytes("metadata") + Bytes("reference")


class PortalSessions(ConvoyView):
    """List the portal sessions of a project."""

    @openapi.list_portal_sessions
    def get(self, request: Request, projectID: str) -> PageOf[PortalSessionDocument]:  # noqa: N803
        """Return a page of the sessions that match `ownerId`, `portalLinkId` and `active`, newest first.

        `ownerId` finds the sessions of the owner's links too. `active` is true or false.
        """
        query, now = request.query_params, timezone.now()
        rows = PortalSession.objects.for_project(projectID)
        if owner_id := query.get("ownerId", "").strip():
            rows = rows.of_owner(owner_id)
        if link_id := query.get("portalLinkId", "").strip():
            rows = rows.filter(portal_link_id=link_id)
        match query.get("active", "").lower():
            case "true":
                rows = rows.active(now)
            case "false":
                rows = rows.inactive(now)
        page = read_page(request, rows.only("pk"), size=_BYTES)
        return page.of([session_document(session) for session in page.read(rows.listed())])


class RevokePortalSession(ConvoyView):
    """Revoke a portal session."""

    @openapi.revoke_portal_session
    def put(self, request: Request, projectID: str, sessionID: str) -> None:  # noqa: N803
        """Revoke the session: its next request is refused. A body is ignored."""
        sessions.revoke_session(projectID, sessionID)
