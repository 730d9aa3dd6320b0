"""Make, find and revoke links that show one delivery each. Contract: docs/contract/deliveries.md#delivery-links.

The apps above know what a delivery is, and check that it exists and is the caller's before they call these.
"""

from dataclasses import asdict
from datetime import timedelta
from typing import NamedTuple

from django.db.models import Q
from django.utils import timezone

from core.actors import Actor, current_actor
from core.tokens import digest, random_text
from portal_links.exceptions import DeliveryLinkNotFound
from portal_links.models import DeliveryLink

TOKEN_PREFIX = "PDL."
TOKEN_LENGTH = 64
LIFETIME = timedelta(hours=24)


class MadeLink(NamedTuple):
    """A link and its token, which is not stored."""

    link: DeliveryLink
    token: str


def create_delivery_link(
    project_id: str, delivery_id: str, *, shows_payload: bool, customer: str = "", actor: Actor | None = None
) -> MadeLink:
    """Make a link to a delivery that works for LIFETIME. `customer` is the maker in the portal, "" the company."""
    now = timezone.now()
    token = TOKEN_PREFIX + random_text(TOKEN_LENGTH)
    link = DeliveryLink(
        project_id=project_id,
        delivery_id=delivery_id,
        customer=customer,
        made_by=asdict(actor or current_actor()),
        shows_payload=shows_payload,
        token_digest=digest(token),
        created_at=now,
        expires_at=now + LIFETIME,
    )
    link.save(force_insert=True)
    return MadeLink(link, token)


def find_delivery_link(project_id: str, token: str) -> DeliveryLink | None:
    """Return the link of a project that a token opens now, with its project; None where it opens nothing."""
    if not token.startswith(TOKEN_PREFIX) or not token.isascii() or "\x00" in token:
        return None
    rows = DeliveryLink.objects.active(timezone.now()).filter(project_id=project_id, token_digest=digest(token))
    return rows.select_related("project").first()


def revoke_delivery_link(
    project_id: str, delivery_id: str, link_id: str, *, customer: str | None = None
) -> DeliveryLink:
    """Revoke a link to a delivery, with `customer` one of that customer's own. Raises NotFound, a second time too."""
    own = Q() if customer is None else Q(customer=customer)
    rows = DeliveryLink.objects.of_delivery(project_id, delivery_id).filter(own, pk=link_id)
    if not rows.filter(revoked_at=None).update(revoked_at=timezone.now()):
        raise DeliveryLinkNotFound
    return rows.get()
