"""Make, find and revoke links that show one delivery each. Contract: docs/contract/deliveries.md#delivery-links.

The apps above know what a delivery is, and check that it exists and is the caller's before they call these.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from activity.operations import Verb, record
from core.actors import current_actor
from core.tokens import digest, random_text
from portal_links.exceptions import DeliveryLinkNotFound
from portal_links.models import DeliveryLink

TOKEN_PREFIX = "PDL."
TOKEN_LENGTH = 64
LIFETIME = timedelta(hours=24)


class DeliveryNamed(NamedTuple):
    """A delivery, as far as its links and the record of activity name it."""

    project_id: str
    uid: str
    owner_id: str
    endpoint_id: str
    event_type: str


class MadeLink(NamedTuple):
    """A link and its token, which is not stored."""

    link: DeliveryLink
    token: str


def create_delivery_link(
    delivery: DeliveryNamed, *, shows_payload: bool, customer: str = "", ends_at: datetime | None = None
) -> MadeLink:
    """Make a link to a delivery that works for LIFETIME, or until `ends_at`, the end of its maker's session.

    `customer` is the maker in the portal, "" the company.
    """
    now = timezone.now()
    token = TOKEN_PREFIX + random_text(TOKEN_LENGTH)
    link = DeliveryLink(
        project_id=delivery.project_id,
        delivery_id=delivery.uid,
        customer=customer,
        made_by=asdict(current_actor()),
        shows_payload=shows_payload,
        token_digest=digest(token),
        created_at=now,
        expires_at=now + LIFETIME if ends_at is None else min(now + LIFETIME, ends_at),
    )
    with transaction.atomic():
        link.save(force_insert=True)
        _record(delivery, Verb.DELIVERY_LINK_CREATED)
    return MadeLink(link, token)


def find_delivery_link(project_id: str, token: str) -> DeliveryLink | None:
    """Return the link of a project that a token opens now, with its project; None where it opens nothing."""
    if not token.startswith(TOKEN_PREFIX) or not token.isascii() or "\x00" in token:
        return None
    rows = DeliveryLink.objects.active(timezone.now()).filter(project_id=project_id, token_digest=digest(token))
    return rows.select_related("project").first()


def revoke_delivery_link(delivery: DeliveryNamed, link_id: str, *, customer: str | None = None) -> DeliveryLink:
    """Revoke a link to a delivery; with `customer`, only that customer's. Raises NotFound, also for a revoked link."""
    own = Q() if customer is None else Q(customer=customer)
    rows = DeliveryLink.objects.of_delivery(delivery.project_id, delivery.uid).filter(own, pk=link_id)
    with transaction.atomic():
        if not rows.order_by().filter(revoked_at=None).update(revoked_at=timezone.now()):
            raise DeliveryLinkNotFound
        _record(delivery, Verb.DELIVERY_LINK_REVOKED)
    return rows.get()


def revoke_found_link(link: DeliveryLink) -> None:
    """Revoke a link for an operator, who sees links and not their deliveries. Raises NotFound for a revoked one."""
    revoke_delivery_link(DeliveryNamed(link.project_id, link.delivery_id, "", "", ""), link.pk)


def _record(delivery: DeliveryNamed, verb: Verb) -> None:
    record(
        delivery.project_id,
        verb,
        owner_id=delivery.owner_id,
        endpoint_id=delivery.endpoint_id,
        object_uid=delivery.uid,
        object_name=delivery.event_type,
    )
