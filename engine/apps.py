"""Register the delivery engine."""

from django.apps import AppConfig


class EngineConfig(AppConfig):
    """The app."""

    name = "engine"
