"""Events: created, matched with subscriptions, replayed."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """The configuration of the app."""

    name = "events"
