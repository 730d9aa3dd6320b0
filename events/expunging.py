"""Delete the payloads of events, which are sent no more. Contract: docs/contract/svix.md#expunging."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from events.models import DeliveryAttempt, Event

#: What stands in the place of a payload that is gone.
NOTHING = "{}"


def expunge_events(rows: "QuerySet[Event]") -> int:
    """Delete the payloads and the custom headers of the events `rows`, and the answers to them. Return how many.

    A delivery of theirs that still waits is discarded when its turn comes (engine/queue.py). Three statements.
    """
    with transaction.atomic():
        uids: Collection[str] = list(rows.filter(expunged_at=None).values_list("pk", flat=True))
        if not uids:
            return 0
        Event.objects.filter(pk__in=uids).update(data=NOTHING, headers={}, expunged_at=Now(), updated_at=Now())
        DeliveryAttempt.objects.filter(delivery__event__in=uids).exclude(response_data="").update(response_data="")
    return len(uids)
