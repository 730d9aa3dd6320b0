"""Register the app `portal`."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The configuration of the app."""

    name = "portal"
