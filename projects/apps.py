"""Projects, their API keys and their event types."""

from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class ProjectsConfig(AppConfig):
    """The configuration of the app."""

    name = "projects"

    def ready(self) -> None:
        """Forget callers at each new connection: a database that crashed may give its last row versions out again."""
        from projects.remembered import callers

        def forget(**_: Any) -> None:
            callers.forget()

        connection_created.connect(forget, weak=False)
