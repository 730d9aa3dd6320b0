"""Meta events: webhooks that tell a project about its own endpoints and deliveries."""

from django.apps import AppConfig


class MetaEventsConfig(AppConfig):
    """The configuration of the app."""

    name = "meta_events"
    verbose_name = "Meta events"
