"""Projects, their API keys and their event types."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    """The configuration of the app."""

    name = "projects"
