"""Event types, and the subscriptions by which endpoints choose among events."""

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """The configuration of the app."""

    name = "subscriptions"
