"""Event types, and the subscriptions by which endpoints choose among events."""

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """The configuration of the app."""

    name = "subscriptions"

    def ready(self) -> None:
        """Have workers import event types, and the subscriptions of an endpoint counted for its new owner."""
        from endpoints.owners import CHECKS_OF_OWNER
        from jobs.operations import KINDS, Kind
        from subscriptions.import_jobs import IMPORT_JOB, import_piece, read_piece
        from subscriptions.operations import check_new_owner

        CHECKS_OF_OWNER.append(check_new_owner)
        KINDS[IMPORT_JOB] = Kind(read_piece, import_piece)
