"""Meta events: what happens in a project, told to the project itself."""

from django.apps import AppConfig


class MetaEventsConfig(AppConfig):
    """The app."""

    name = "meta_events"
