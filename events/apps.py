"""Register the app `events`: created, matched with subscriptions, replayed; and its kind of jobs with the workers."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """The configuration of the app."""

    name = "events"

    def ready(self) -> None:
        """Have the workers replay events."""
        from events.missing import MISSING_JOB, count_missing_piece, send_missing_piece
        from events.replay import REPLAY_JOB
        from events.replay_jobs import count_piece, replay_piece
        from jobs.operations import KINDS, Kind

        KINDS[REPLAY_JOB] = Kind(count_piece, replay_piece)
        KINDS[MISSING_JOB] = Kind(count_missing_piece, send_missing_piece)
