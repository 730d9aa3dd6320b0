"""Events, their deliveries, and the engine that sends them."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """The app."""

    name = "events"
