"""What can be done to meta events. Contract: meta-events-and-onboard section 2."""

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from core.exceptions import NotFound
from core.wake import wake_workers
from meta_events.models import MetaEvent
from outbound.states import Status

NOT_FOUND = "meta event not found"


def resend_meta_event(project_id: str, meta_event_id: str) -> MetaEvent:
    """Queue a meta event once more, whatever has become of it, with a whole new allowance of attempts.

    One that is on its way at this moment stays as it is: it is being sent. Raises NotFound.
    """
    rows = MetaEvent.objects.filter(pk=meta_event_id, project_id=project_id)
    with transaction.atomic():
        changed = rows.exclude(status=Status.PROCESSING).update(
            status=Status.SCHEDULED,
            num_trials_before=F("num_trials"),
            next_send_time=Now(),
            due_at=Now(),
            lease=None,
            updated_at=Now(),
        )
        if changed:
            wake_workers()
    meta_event = rows.first()
    if meta_event is None:
        raise NotFound(NOT_FOUND)
    return meta_event
