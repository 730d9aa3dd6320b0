"""Projects and the keys that open them."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    """The app."""

    name = "projects"
