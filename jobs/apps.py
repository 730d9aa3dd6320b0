"""Register the app `jobs`, and its chore with the workers."""

from django.apps import AppConfig

from core.chores import CHORES


class JobsConfig(AppConfig):
    """The configuration of the app."""

    name = "jobs"

    def ready(self) -> None:
        """Have the workers work off the jobs."""
        from jobs.operations import work_off

        CHORES.append(work_off)
