"""The engine: from a delivery that is due to a request that was answered."""

from django.apps import AppConfig


class EngineConfig(AppConfig):
    """The app."""

    name = "engine"
