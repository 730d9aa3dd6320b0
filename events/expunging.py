"""Delete the payloads of events, which are sent no more, and the answers of receivers.

Contract: docs/contract/svix.md#expunging.
"""

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from activity.operations import Done, Verb, record_all
from events.models import DeliveryAttempt, Event

#: The text in the place of a payload that was deleted.
NOTHING = "{}"


def expunge_events(project_id: str, rows: "QuerySet[Event]", *, owner_id: str) -> int:
    """Delete the payloads and custom headers of the events `rows`, and the answers to them. Return their number.

    The activity of the customer `owner_id` records it. A delivery that still waits is discarded when its turn
    comes (engine/queue.py). Four statements.
    """
    with transaction.atomic():
        found = dict(rows.filter(expunged_at=None).values_list("pk", "event_type"))
        if not found:
            return 0
        Event.objects.filter(pk__in=[*found]).update(data=NOTHING, headers={}, expunged_at=Now(), updated_at=Now())
        DeliveryAttempt.objects.filter(delivery__event__in=[*found]).exclude(response_data="").update(response_data="")
        expunged = (Done(Verb.CONTENT_EXPUNGED, owner_id, object_uid=uid, object_name=found[uid]) for uid in found)
        record_all(project_id, expunged)
    return len(found)


def expunge_answers(project_id: str, rows: "QuerySet[DeliveryAttempt]", *, owner_id: str) -> int:
    """Delete the bodies of the answers to the attempts `rows`. Return their number. Three statements."""
    with transaction.atomic():
        found = list(rows.exclude(response_data="").values_list("pk", "delivery__endpoint_id", "delivery__event_type"))
        if not found:
            return 0
        DeliveryAttempt.objects.filter(pk__in=[uid for uid, _, _ in found]).update(response_data="")
        record_all(
            project_id, (Done(Verb.CONTENT_EXPUNGED, owner_id, endpoint, uid, name) for uid, endpoint, name in found)
        )
    return len(found)
