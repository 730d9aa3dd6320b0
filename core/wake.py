"""Wake the workers as soon as deliveries are due.

The notification is sent after the commit, not in the transaction: PostgreSQL commits transactions that notify one after
the other, which would make each event wait for the disk by itself. A notification that is lost delays a delivery until
the next poll (engine/worker.py).
"""

from django.db import transaction

from core.rows import run

CHANNEL = "convoyclone_due"


def wake_workers() -> None:
    """Notify all workers that deliveries are due, once the current transaction has committed."""
    transaction.on_commit(_notify, robust=True)


def _notify() -> None:
    run(f"NOTIFY {CHANNEL}")
