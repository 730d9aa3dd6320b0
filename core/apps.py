"""The ground floor: templates and files that the operators' pages share."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The app."""

    name = "core"
