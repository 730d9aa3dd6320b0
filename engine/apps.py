"""Register the delivery engine, and a chore of its own."""

from django.apps import AppConfig

from core.chores import CHORES


class EngineConfig(AppConfig):
    """The configuration of the app."""

    name = "engine"

    def ready(self) -> None:
        """Have the workers delete the rows of deleted projects."""
        from engine.purge import purge_deleted

        CHORES.append(purge_deleted)
