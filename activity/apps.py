"""Meta events: webhooks that tell a project about its own endpoints and deliveries."""

from django.apps import AppConfig


class ActivityConfig(AppConfig):
    """The configuration of the app."""

    name = "activity"
