"""Answer the operations on links to a delivery. Contract: docs/contract/deliveries.md#delivery-links."""

from datetime import datetime

from rest_framework.request import Request

from deliveries import openapi
from deliveries.links import DeliveryLinkDocument, create_link, delivery_link_document, links_of, revoke_link
from deliveries.views import DeliveryView


class LinkView(DeliveryView):
    """Reads the links of the path's project; the portal narrows them to a customer's own."""

    @property
    def customer(self) -> str | None:
        """Return the customer whose links these are; None for those of everybody."""
        return None

    @property
    def ends_at(self) -> datetime | None:
        """Return the end of the caller's own access; None where it has none."""
        return None


class DeliveryLinks(LinkView):
    """List and make links to a delivery."""

    @openapi.list_links
    def get(self, request: Request, eventDeliveryID: str, **_: str) -> list[DeliveryLinkDocument]:  # noqa: N803
        """Answer the newest ones."""
        found = links_of(self.project_id, eventDeliveryID, customer=self.customer, scope=self.scope)
        return [delivery_link_document(link) for link in found]

    @openapi.create_link
    def post(self, request: Request, eventDeliveryID: str, **_: str) -> DeliveryLinkDocument:  # noqa: N803
        """Make a link, and answer its address."""
        made = create_link(
            self.project_id,
            eventDeliveryID,
            shows_payload=self.shows_payload,
            customer=self.customer or "",
            ends_at=self.ends_at,
            scope=self.scope,
        )
        return delivery_link_document(made.link, token=made.token)


class RevokeDeliveryLink(LinkView):
    """Revoke a link to a delivery."""

    @openapi.revoke_link
    def put(self, request: Request, eventDeliveryID: str, linkID: str, **_: str) -> None:  # noqa: N803
        """End the link; a body is ignored."""
        revoke_link(self.project_id, eventDeliveryID, linkID, customer=self.customer, scope=self.scope)
