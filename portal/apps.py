"""The customer's pages."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The app."""

    name = "portal"
