"""Tell how far a customer has come with their first webhook, for the steps that the portal shows until then."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from events.models import EventDelivery, of_present_owner
from outbound.states import Status
from portal.endpoint_head import SETTINGS, TEST
from portal.routes import url_of
from portal.words import number
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT, MANAGE_SUBSCRIPTIONS, SEND_TEST

#: A customer with more endpoints than this needs no first steps: the list comes first.
MOST_ENDPOINTS = 5
#: The number of newest deliveries among which a successful one is looked for.
LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Step:
    """One of the three steps: what to do, and the page to do it on (blank where the access does not allow it)."""

    title: Any
    text: str
    is_done: bool
    is_current: bool
    action: Any = ""
    url: str = ""
    more: Any = ""
    more_url: str = ""


def has_received(access: Access) -> bool:
    """Return whether one of the customer's newest deliveries, test events included, was delivered. One statement."""
    scope = access.endpoints().order_by().values("pk")
    newest = (
        EventDelivery.objects.filter(of_present_owner(), endpoint__in=scope)
        .order_by("-pk")
        .values_list("status", flat=True)
    )
    return Status.SUCCESS in newest[:LOOKED_AT]


def steps(access: Access, endpoint_ids: Sequence[str], silent_id: str, types: int) -> list[Step]:
    """Return the steps, given the customer's endpoints, one of them that listens to no event, and the event types.

    `silent_id` is blank where each endpoint listens to something.
    """
    done = [bool(endpoint_ids), bool(endpoint_ids) and not silent_id, False]
    current = done.index(False)
    first = endpoint_ids[0] if endpoint_ids else ""
    if types:
        words = ngettext(
            "The one there is, or only those you need.", "All %(count)s of them, or only those you need.", types
        )
        choose = words % {"count": number(types)}
    else:
        choose = gettext("All of them, or only those you need.")
    urls = [
        url_of(access, "portal-new") if access.may(MANAGE_ENDPOINT) else "",
        f"{url_of(access, SETTINGS, silent_id)}#events" if silent_id and access.may(MANAGE_SUBSCRIPTIONS) else "",
        url_of(access, TEST, first) if first and access.may(SEND_TEST) else "",
    ]
    texts = [
        (
            _("Add an endpoint"),
            gettext("The URL on your server that should receive webhooks. We check at once whether it can be reached."),
            _("Add endpoint"),
        ),
        (_("Choose your events"), choose, _("Choose events")),
        (
            _("Send a test event"),
            gettext(
                "See what arrives, and check its signature with code we give you in Python, JavaScript, Go and PHP."
            ),
            _("Send a test event"),
        ),
    ]
    catalogue = url_of(access, "portal-catalogue") if types else ""
    return [
        Step(
            title,
            text,
            done[index],
            index == current,
            action,
            urls[index],
            _("Look through the event catalogue") if index == 1 and catalogue else "",
            catalogue if index == 1 else "",
        )
        for index, (title, text, action) in enumerate(texts)
    ]
