"""Events: created and matched with subscriptions."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """The configuration of the app."""

    name = "events"
