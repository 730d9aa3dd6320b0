"""Send meta events again. Contract: docs/contract/meta-events.md#resend."""

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from core.wake import wake_workers
from meta_events.exceptions import MetaEventNotFound
from meta_events.models import MetaEvent
from outbound.states import Status


def resend_meta_event(project_id: str, meta_event_id: str) -> MetaEvent:
    """Queue a meta event again in any state, with as many attempts as a new one. Raises NotFound.

    One that a worker is sending at this moment stays as it is.
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
        raise MetaEventNotFound
    return meta_event
