"""Endpoints: where webhooks go."""

from django.apps import AppConfig


class EndpointsConfig(AppConfig):
    """The app."""

    name = "endpoints"

    def ready(self) -> None:
        """Register the function that reactivates endpoints when an update switches `disable_endpoint` off."""
        from endpoints.operations import reactivate_endpoints
        from projects.operations import on_disabling_switched_off

        on_disabling_switched_off.append(reactivate_endpoints)
