"""Register the app, whose templates and files the operators' pages share."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The configuration of the app."""

    name = "core"
