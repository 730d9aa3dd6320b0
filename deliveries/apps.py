"""Register the app `deliveries`, and its work in the background with the workers."""

from django.apps import AppConfig


class DeliveriesConfig(AppConfig):
    """The configuration of the app."""

    name = "deliveries"

    def ready(self) -> None:
        """Have the workers send deliveries again."""
        from deliveries import retry_jobs
        from deliveries.batch_retry import RETRY_JOB
        from deliveries.recovery import RECOVERY_JOB, RESEND_JOB, count_piece, resend_piece
        from jobs.operations import KINDS, Kind

        KINDS[RECOVERY_JOB] = KINDS[RESEND_JOB] = Kind(count_piece, resend_piece)
        KINDS[RETRY_JOB] = Kind(retry_jobs.count_piece, retry_jobs.retry_piece)
