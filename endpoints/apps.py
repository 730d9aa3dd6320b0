"""Endpoints: where webhooks go."""

from django.apps import AppConfig


class EndpointsConfig(AppConfig):
    """The configuration of the app."""

    name = "endpoints"

    def ready(self) -> None:
        """Forget rendered endpoints where the versions of their rows may be given out again."""
        from core.row_versions import forget_at_new_connections
        from endpoints.rendering import kept

        forget_at_new_connections(kept.forget)
