"""Register the delivery engine."""

from django.apps import AppConfig


class EngineConfig(AppConfig):
    """The configuration of the app."""

    name = "engine"
