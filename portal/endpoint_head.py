"""Make the head that an endpoint's pages share: its name, status, address and tabs."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deliveries.health import Health, endpoint_health
from endpoints.models import Endpoint
from portal.routes import url_of
from portal.words import endpoint_pill
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT, MANAGE_SUBSCRIPTIONS, SEND_TEST, VIEW, VIEW_DELIVERIES

OVERVIEW, DELIVERIES, TEST, SETTINGS = "portal-endpoint", "portal-endpoint-deliveries", "portal-test", "portal-edit"
#: The tabs by route: what each says, and the capabilities of which one is enough to see it.
TABS = {
    OVERVIEW: (_("Overview"), {VIEW}),
    DELIVERIES: (_("Deliveries"), {VIEW_DELIVERIES}),
    TEST: (_("Test"), {SEND_TEST}),
    SETTINGS: (_("Settings"), {MANAGE_ENDPOINT, MANAGE_SUBSCRIPTIONS}),
}


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the pages of an endpoint."""

    label: Any
    url: str
    is_current: bool


def endpoint_head(access: Access, endpoint: Endpoint, current: str, health: Health | None = None) -> dict[str, Any]:
    """Return the context of portal/endpoint_head.html. `current` is the route of the page.

    It reads the endpoint's health in one statement, where the caller has not.
    """
    known = health or endpoint_health([endpoint.pk], timezone.now())[endpoint.pk]
    return {
        "endpoint": endpoint,
        "health": known,
        "health_pill": endpoint_pill(known.status),
        "tabs": [
            Tab(label, url_of(access, route, endpoint.pk), route == current)
            for route, (label, enough) in TABS.items()
            if any(map(access.may, enough))
        ],
    }
