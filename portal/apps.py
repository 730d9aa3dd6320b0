"""Register the app `portal`, and its chore with the workers."""

from django.apps import AppConfig

from core.chores import CHORES


class PortalConfig(AppConfig):
    """The configuration of the app."""

    name = "portal"

    def ready(self) -> None:
        """Have the workers tell customers how their endpoints are."""
        from portal.alerts import raise_alerts

        CHORES.append(raise_alerts)
