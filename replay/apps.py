"""Register the app `replay`, and its kinds of jobs with the workers."""

from django.apps import AppConfig


class ReplayConfig(AppConfig):
    """The configuration of the app."""

    name = "replay"

    def ready(self) -> None:
        """Have the workers replay events."""
        from jobs.operations import KINDS, Kind
        from replay.jobs import count_piece, replay_piece
        from replay.missing import MISSING_JOB, count_missing_piece, send_missing_piece
        from replay.operations import REPLAY_JOB

        KINDS[REPLAY_JOB] = Kind(count_piece, replay_piece)
        KINDS[MISSING_JOB] = Kind(count_missing_piece, send_missing_piece)
