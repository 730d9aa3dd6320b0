"""Let the reader of an e-mail address confirm it before alerts are sent there, and bound how many are asked.

A customer can name any address, so the first mail to one holds a link and nothing that the customer has written. The
link's token is derived from the endpoint and the address: it is not stored, and ends when another address is chosen.
Contract: docs/contract/deliveries.md#alerts.
"""

import hmac
from datetime import timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from core.exceptions import InvalidInput
from core.tokens import digest
from core.ulid import first_ulid_at, new_ulid
from endpoints.email_addresses import email_digest
from endpoints.models import AlertSettings, Endpoint, Notification
from portal_links.access import Access
from projects.models import Project

DAY = timedelta(days=1)
#: The most addresses that a customer may have asked for confirmation in a day.
MOST_ASKED = 10
#: The most mails about one endpoint in a day.
MOST_MAILS = 20


class TooManyAsked(InvalidInput):
    """The customer has had too many addresses asked today."""

    message = "too many addresses were asked to confirm today, try again tomorrow"
    field = "email"


def ask_address(access: Access, row: AlertSettings, email: str) -> None:
    """Ask the reader of an address to confirm it, unless they have done so for another endpoint of the customer.

    Within the caller's transaction. Raises TooManyAsked.
    """
    others = AlertSettings.objects.filter(endpoint__in=access.endpoints().order_by().values("pk"))
    if others.filter(email_confirmed=email_digest(email)).exists():
        row.email_confirmed = email_digest(email)
        row.save(update_fields=["email_confirmed"])
        return
    theirs = Q(owner_id=access.owner_id) if access.owner_id else Q(pk__in=access.link.endpoints if access.link else [])
    # Deleted endpoints too: making new ones gives no new allowance.
    endpoints = Endpoint.objects.filter(theirs, project=access.project).values("pk")
    if _of_today(Notification.objects.filter(endpoint__in=endpoints, alert=Notification.CONFIRM)) >= MOST_ASKED:
        raise TooManyAsked
    project = access.project
    with translation.override(project.portal_language or settings.LANGUAGE_CODE):
        sender = project.portal_name or project.name
        subject = gettext("Confirm this address for alerts")
        asked = gettext(
            "Someone has asked %(sender)s to send alerts about webhooks to this address. Open this link to agree. If "
            "you know nothing of it, do nothing: no more mail will come."
        )
    path = reverse("portal-alert-confirm", args=[project.pk, row.pk])
    link = f"{settings.BASE_URL}{path}?token={_token(row.pk, email)}"
    Notification.objects.create(
        uid=new_ulid(),
        endpoint_id=row.pk,
        channel=Notification.Channel.EMAIL,
        alert=Notification.CONFIRM,
        subject=subject,
        text=f"{asked % {'sender': sender}}\n{link}",
    )


def find_asked(project: Project, endpoint_id: str, token: str) -> AlertSettings | None:
    """Return the choice of alerts whose present address a link's token confirms; None where it confirms nothing."""
    rows = AlertSettings.objects.filter(endpoint__project=project, endpoint__deleted_at=None, pk=endpoint_id)
    row = rows.first()
    email = "" if row is None else row.chosen.get("email", "")
    is_right = bool(email) and token.isascii() and hmac.compare_digest(_token(endpoint_id, email), token)
    return row if is_right else None


def confirm_address(row: AlertSettings) -> None:
    """Note that the reader of the present address has confirmed it."""
    row.email_confirmed = email_digest(row.chosen["email"])
    row.save(update_fields=["email_confirmed"])


def has_mails_left(endpoint: Endpoint) -> bool:
    """Return whether another alert about an endpoint may be mailed today."""
    mails = Notification.objects.filter(endpoint=endpoint, channel=Notification.Channel.EMAIL).exclude(alert="")
    return _of_today(mails) < MOST_MAILS


def _of_today(rows: "QuerySet[Notification]") -> int:
    return rows.filter(pk__gte=first_ulid_at(timezone.now() - DAY)).count()


def _token(endpoint_id: str, email: str) -> str:
    return digest(f"address of alerts\n{endpoint_id}\n{email.lower()}").hex()
