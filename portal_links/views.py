"""The portal-link operations of the Convoy API. Contract: portal-links section 1."""

from datetime import date

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.bodies import BadFormat, BadInput, read_body
from core.api.envelope import success
from core.api.pagination import read_page
from core.api.parameters import texts
from core.api.versioning import client_version
from portal_links import documents, openapi, operations
from portal_links.models import PortalLink
from portal_links.serializers import CreatePortalLinkRequest, UpdatePortalLinkRequest
from projects.convoy_view import ConvoyView

NOT_FOUND = (404, "Resource not found")

OWNER_ID_OPTIONAL = date(2025, 11, 24)


class PortalLinks(ConvoyView):
    """The portal links of a project."""

    @openapi.list_portal_links
    def get(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Answer a page, newest first, of those that `ownerId`, `q` (in the name) and `endpointId` leave."""
        rows = PortalLink.objects.for_project(projectID)
        if owner_id := request.query_params.get("ownerId", "").strip():
            rows = rows.filter(owner_id=owner_id)
        if q := request.query_params.get("q", "").strip():
            rows = rows.filter(name__icontains=q)
        endpoint_ids = texts(request, "endpointId")
        if endpoint_ids:
            rows = rows.with_endpoints(projectID, endpoint_ids)
        page = read_page(request, rows)
        content = documents.portal_links(projectID, page.rows, only=endpoint_ids, reveal=self.caller.can_write)
        return success("Portal links fetched successfully", {"content": content, "pagination": page.pagination})

    @openapi.create_portal_link
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Create a portal link for an owner, for a list of endpoints, or for both."""
        sent = read_body(request, CreatePortalLinkRequest)
        if not sent.get("owner_id") and not sent.get("endpoints"):
            old_client = client_version(request) < OWNER_ID_OPTIONAL
            raise BadFormat if old_client else BadInput
        created = operations.create_portal_link(projectID, minted_by=self.caller.key_id, **sent)
        data = documents.link_document(created.link, created.endpoints, reveal=True, auth_key=created.auth_key)
        return success("Portal link created successfully", data, 201)


class PortalLinkDetail(ConvoyView):
    """One portal link."""

    not_found = {"GET": NOT_FOUND, "PUT": NOT_FOUND}

    @openapi.get_portal_link
    def get(self, request: Request, projectID: str, portalLinkID: str) -> HttpResponse:  # noqa: N803
        """Answer the link with the endpoints of its scope."""
        data = documents.portal_link(projectID, portalLinkID, reveal=self.caller.can_write)
        return success("Portal link fetched successfully", data)

    @openapi.update_portal_link
    def put(self, request: Request, projectID: str, portalLinkID: str) -> HttpResponse:  # noqa: N803
        """Replace the link's name, scope and right to manage."""
        sent = read_body(request, UpdatePortalLinkRequest)
        operations.update_portal_link(projectID, portalLinkID, **sent)
        data = documents.portal_link(projectID, portalLinkID, reveal=True)
        return success("Portal link updated successfully", data, 202)


class RevokePortalLink(ConvoyView):
    """The end of a portal link."""

    not_found = {"PUT": NOT_FOUND}

    @openapi.revoke_portal_link
    def put(self, request: Request, projectID: str, portalLinkID: str) -> HttpResponse:  # noqa: N803
        """Revoke the link: every token that opens it stops at once. A body is ignored."""
        operations.revoke_portal_link(projectID, portalLinkID)
        return success("Portal link revoked successfully")


class RefreshPortalLinkToken(ConvoyView):
    """Tokens for refresh links."""

    reads = ()
    not_found = {"GET": (400, "portal link not found")}

    @openapi.refresh_token
    def get(self, request: Request, projectID: str, portalLinkID: str) -> HttpResponse:  # noqa: N803
        """Mint a token that opens the link for an hour; `data` is the bare token."""
        token = operations.mint_refresh_token(projectID, portalLinkID, minted_by=self.caller.key_id)
        return success("Portal link fetched successfully", token)
