"""Register the app `applications`."""

from django.apps import AppConfig


class ApplicationsConfig(AppConfig):
    """The configuration of the app."""

    name = "applications"
