"""Endpoints: where webhooks go."""

from django.apps import AppConfig


class EndpointsConfig(AppConfig):
    """The configuration of the app."""

    name = "endpoints"
