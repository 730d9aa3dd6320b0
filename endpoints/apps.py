"""Endpoints: where webhooks go."""

from django.apps import AppConfig


class EndpointsConfig(AppConfig):
    """The app."""

    name = "endpoints"
