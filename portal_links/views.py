"""Answer the portal-link operations of the Convoy API. Contract: docs/contract/portal-links.md#operations."""

from datetime import date
from functools import partial

from rest_framework.request import Request

from core.api.bodies import BadFormat, BadInput, read_body
from core.api.documents import PageOf
from core.api.pagination import read_page
from core.api.parameters import texts
from core.api.versioning import client_version
from core.exceptions import FieldError
from portal_links import documents, openapi, operations
from portal_links.documents import PortalLinkDocument
from portal_links.reads import links_of
from portal_links.serializers import CreatePortalLinkRequest, UpdatePortalLinkRequest
from projects.convoy_view import ConvoyView

OWNER_ID_OPTIONAL = date(2025, 11, 24)


class PortalLinks(ConvoyView):
    """List and create the portal links of a project."""

    proves = ("POST",)

    @openapi.list_portal_links
    def get(self, request: Request, projectID: str) -> PageOf[PortalLinkDocument]:  # noqa: N803
        """Return a page of the links that match `ownerId`, `q` (in the name) and `endpointId`, newest first."""
        endpoint_ids = texts(request, "endpointId")
        rows = links_of(
            projectID,
            owner_id=request.query_params.get("ownerId", "").strip(),
            name=request.query_params.get("q", "").strip(),
            endpoint_ids=endpoint_ids,
        )
        page = read_page(request, rows)
        shown = partial(documents.portal_links, projectID, only=endpoint_ids, reveal=self.caller.can_write)
        return page.measured(shown)

    @openapi.create_portal_link
    def post(self, request: Request, projectID: str) -> PortalLinkDocument:  # noqa: N803
        """Create a portal link for an owner, for a list of endpoints, or for both."""
        sent = read_body(request, CreatePortalLinkRequest)
        if not sent.get("owner_id") and not sent.get("endpoints"):
            old_client = client_version(request) < OWNER_ID_OPTIONAL
            errors = [FieldError(field="owner_id", message="required where `endpoints` is not sent")]
            raise BadFormat(errors=errors) if old_client else BadInput(errors=errors)
        created = operations.create_portal_link(projectID, minted_by=self.caller.key_id, proof=self.proof(), **sent)
        return documents.created_document(created.link, created.endpoints, created.auth_key)


class PortalLinkDetail(ConvoyView):
    """One portal link."""

    proves = ("GET",)

    @openapi.get_portal_link
    def get(self, request: Request, projectID: str, portalLinkID: str) -> PortalLinkDocument:  # noqa: N803
        """Return the link with the endpoints of its scope."""
        return documents.portal_link(projectID, portalLinkID, reveal=self.caller.can_write, proof=self.proof())

    @openapi.update_portal_link
    def put(self, request: Request, projectID: str, portalLinkID: str) -> PortalLinkDocument:  # noqa: N803
        """Replace the link's name, scope and right to manage."""
        sent = read_body(request, UpdatePortalLinkRequest)
        operations.update_portal_link(projectID, portalLinkID, **sent)
        return documents.portal_link(projectID, portalLinkID, reveal=True)


class RevokePortalLink(ConvoyView):
    """Revoke a portal link."""

    @openapi.revoke_portal_link
    def put(self, request: Request, projectID: str, portalLinkID: str) -> None:  # noqa: N803
        """Revoke the link: every token that opens it stops working at once. A body is ignored."""
        operations.revoke_portal_link(projectID, portalLinkID)


class RefreshPortalLinkToken(ConvoyView):
    """Mint tokens of refresh links."""

    # A GET that stores a token.
    reads = ()

    @openapi.refresh_token
    def get(self, request: Request, projectID: str, portalLinkID: str) -> str:  # noqa: N803
        """Mint a token that opens the link for an hour, and return it as it is."""
        return operations.mint_refresh_token(projectID, portalLinkID, minted_by=self.caller.key_id)
