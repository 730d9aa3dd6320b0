"""Endpoints: where webhooks go."""

from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class EndpointsConfig(AppConfig):
    """The configuration of the app."""

    name = "endpoints"

    def ready(self) -> None:
        """Forget rendered endpoints at each new connection: a restored database gives out its row versions again."""
        from endpoints.rendering import kept

        def forget(**_: Any) -> None:
            kept.forget()

        connection_created.connect(forget, weak=False)
