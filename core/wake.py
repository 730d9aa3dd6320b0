"""How a worker learns at once that there is something to do.

A notification is sent after the commit, not in the transaction: PostgreSQL lets transactions that
notify commit only one after the other, which would make each event wait for the disk by itself. One
that is lost costs a poll (engine/worker.py), not a delivery.
"""

from django.db import connection, transaction

CHANNEL = "convoyclone_due"


def wake_workers() -> None:
    """Tell all workers, once the current transaction has committed, that something is due."""
    transaction.on_commit(_notify, robust=True)


def _notify() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")
