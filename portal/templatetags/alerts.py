"""Show the form in which a customer chooses alerts: `{% alert_settings %}` on a page with `access` and `endpoint`."""

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from endpoints.models import AlertSettings, Endpoint
from portal.alerts import Chosen, chosen_alerts
from portal_links.access import Access
from portal_links.capabilities import MANAGE_ENDPOINT, VIEW_SECRET

register = template.Library()


@register.simple_tag(takes_context=True)
def alert_settings(context: template.Context) -> SafeString:
    """Return the form; nothing for a customer who may not change the endpoint."""
    access, endpoint = context["access"], context["endpoint"]
    if not access.may(MANAGE_ENDPOINT):
        return SafeString("")
    shown = alerts_context(access, endpoint, *chosen_alerts(endpoint))
    return render_to_string("portal/alerts.html", shown | {"project": access.project, "access": access})


def alerts_context(access: Access, endpoint: Endpoint, chosen: Chosen, is_waiting: bool) -> dict[str, Any]:
    """Return the context of portal/alerts.html. Addresses that are secrets are shown with VIEW_SECRET only.

    `is_waiting` tells whether the e-mail address waits for its reader to confirm it.
    """
    words = {
        AlertSettings.Kind.FAILING: gettext("it begins to fail"),
        AlertSettings.Kind.DISABLED: gettext("it is disabled"),
        AlertSettings.Kind.RECOVERED: gettext("it works again"),
    }
    labels = {
        "email": gettext("Email"),
        "slack": gettext("Slack webhook URL"),
        "teams": gettext("Teams webhook URL"),
        "hook": gettext("A webhook of your own"),
    }
    shows = access.may(VIEW_SECRET)
    return {
        "endpoint": endpoint,
        "is_waiting": is_waiting,
        "kinds": [(str(kind), text, kind in chosen.on) for kind, text in words.items()],
        "addresses": [
            {
                "name": name,
                "label": label,
                "value": getattr(chosen, name) if shows else "",
                "is_kept": not shows and bool(getattr(chosen, name)),
            }
            for name, label in labels.items()
        ],
    }
