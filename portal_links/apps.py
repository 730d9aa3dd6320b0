"""Portal links: what a company hands to its customer."""

from django.apps import AppConfig


class PortalLinksConfig(AppConfig):
    """The app."""

    name = "portal_links"
    verbose_name = "Portal links"
