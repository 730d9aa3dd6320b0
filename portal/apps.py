"""Register the app `portal`."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The portal: pages and an API for customers."""

    name = "portal"
