"""Deliveries and attempts: read, counted, sent again."""

from django.apps import AppConfig


class DeliveriesConfig(AppConfig):
    """The configuration of the app."""

    name = "deliveries"
