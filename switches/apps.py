"""Register the app `switches`, and its chores with the workers."""

from django.apps import AppConfig

from core.chores import CHORES


class SwitchesConfig(AppConfig):
    """The configuration of the app."""

    name = "switches"

    def ready(self) -> None:
        """Have the workers discard and restore, and forget what can no longer be undone."""
        from switches.discards import forget_old, work_off

        CHORES.extend([work_off, forget_old])
