"""Bulk onboarding: many endpoints, each with a subscription, from one request."""

from django.apps import AppConfig


class OnboardingConfig(AppConfig):
    """The configuration of the app."""

    name = "onboarding"
