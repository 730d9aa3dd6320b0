"""Events: taken in, matched with subscriptions, replayed."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """The app."""

    name = "events"
