"""Portal links and portal sessions: the access of a company's customers to the portal."""

from django.apps import AppConfig


class PortalLinksConfig(AppConfig):
    """The configuration of the app."""

    name = "portal_links"
    verbose_name = "Portal links"
