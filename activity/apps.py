"""Record who did what: the activity of a project."""

from django.apps import AppConfig


class ActivityConfig(AppConfig):
    """The configuration of the app."""

    name = "activity"
