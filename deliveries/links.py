"""Make, list and revoke links to a delivery: the operations that check that it exists.

Contract: docs/contract/deliveries.md#delivery-links.
"""

from datetime import datetime
from typing import Annotated, TypedDict

from core.actors import ActorKind
from core.api.documents import Example, Keywords, Time, Uid, component
from core.api.values import wire_time
from deliveries.exceptions import DeliveryNotFound
from endpoints.models import Scope
from events.models import EventDelivery, of_present_owner
from portal_links.delivery_links import DeliveryNamed, MadeLink, create_delivery_link, revoke_delivery_link
from portal_links.models import DeliveryLink, delivery_link_url

TOKEN = f"PDL.{'x' * 64}"
#: The newest ones are listed; a link works for a day.
MOST_LINKS = 100


class MakerDocument(TypedDict):
    """The maker of a link."""

    kind: Annotated[
        str,
        "The kind of credential that made the link.",
        Keywords(enum=[kind.value for kind in ActorKind]),
        Example(ActorKind.PORTAL_SESSION.value),
    ]
    name: Annotated[str, "The name at that time.", Example("acme")]


@component("models.DeliveryLink")
class DeliveryLinkDocument(TypedDict):
    """A link that shows one delivery for a day, and not longer than its maker has access."""

    uid: Annotated[Uid, Example("01M80K2B4D6F8G0H2J4K6M8N0P")]
    project_id: Uid
    delivery_id: Annotated[Uid, "The id of the delivery that the link shows.", Example("01K4T0ZA7Q3X9W5V1T7R3P9N5M")]
    url: Annotated[str, "The address that opens it: shown once, when the link is made, and empty afterwards."]
    shows_payload: Annotated[bool, "Whether it shows payload, headers and answers, unless the project hides them."]
    made_by: MakerDocument
    created_at: Annotated[Time, Example("2026-11-22T09:00:00Z")]
    expires_at: Annotated[Time, "When the link ends by itself.", Example("2026-11-23T09:00:00Z")]
    revoked_at: Annotated[str | None, "Null: it is not revoked."]


def create_link(
    project_id: str,
    delivery_id: str,
    *,
    shows_payload: bool,
    customer: str = "",
    ends_at: datetime | None = None,
    scope: Scope = None,
) -> MadeLink:
    """Make a link to a delivery that ends at `ends_at` at the latest.

    Raises NotFound for a delivery that does not exist, or is out of the `scope`.
    """
    delivery = _named(project_id, delivery_id, scope)
    return create_delivery_link(delivery, shows_payload=shows_payload, customer=customer, ends_at=ends_at)


def links_of(
    project_id: str, delivery_id: str, *, customer: str | None = None, scope: Scope = None
) -> list[DeliveryLink]:
    """Return the newest links to a delivery, ended ones too; with `customer` that customer's own. Raises NotFound."""
    delivery = _named(project_id, delivery_id, scope)
    rows = DeliveryLink.objects.of_delivery(project_id, delivery.uid).defer("token_digest")
    return list((rows if customer is None else rows.filter(customer=customer))[:MOST_LINKS])


def revoke_link(
    project_id: str, delivery_id: str, link_id: str, *, customer: str | None = None, scope: Scope = None
) -> DeliveryLink:
    """Revoke a link to a delivery. Raises NotFound."""
    return revoke_delivery_link(_named(project_id, delivery_id, scope), link_id, customer=customer)


def delivery_link_document(link: DeliveryLink, *, token: str = "") -> DeliveryLinkDocument:
    """Return the document of a link; with the token that it has been made with, its address."""
    return {
        "uid": link.uid,
        "project_id": link.project_id,
        "delivery_id": link.delivery_id,
        "url": delivery_link_url(link.project_id, token) if token else "",
        "shows_payload": link.shows_payload,
        "made_by": {"kind": link.made_by.get("kind", ActorKind.SERVER), "name": link.made_by.get("name", "")},
        "created_at": wire_time(link.created_at),
        "expires_at": wire_time(link.expires_at),
        "revoked_at": None if link.revoked_at is None else wire_time(link.revoked_at),
    }


def _named(project_id: str, delivery_id: str, scope: Scope) -> DeliveryNamed:
    rows = EventDelivery.objects.filter(project_id=project_id, pk=delivery_id)
    if scope is not None:
        rows = rows.filter(of_present_owner(), endpoint__in=scope.order_by().values("pk"))
    found = rows.values_list("endpoint__owner_id", "endpoint_id", "event_type").first()
    if found is None:
        raise DeliveryNotFound
    return DeliveryNamed(project_id, delivery_id, *found)
