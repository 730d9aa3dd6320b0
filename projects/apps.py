"""Projects, their API keys and their event types."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    """The configuration of the app."""

    name = "projects"

    def ready(self) -> None:
        """Forget callers where the versions of their rows may be given out again."""
        from core.row_versions import forget_at_new_connections
        from projects.remembered import callers

        forget_at_new_connections(callers.forget)
