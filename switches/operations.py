"""Pause and resume deliveries, and drain workers. Each function owns its transaction, and is recorded as activity.

A worker obeys within a second (engine/switchboard.py).
"""

from django.db import transaction
from django.utils import timezone

from activity.operations import Verb, record
from core.actors import current_actor
from core.wake import wake_workers
from projects.exceptions import ProjectNotFound
from projects.models import Project
from switches.exceptions import NotPaused, WorkerNotFound
from switches.models import Pause, Worker


def pause_deliveries(project_id: str, owner_id: str = "") -> Pause:
    """Send nothing more of a project, or of one of its owners, until it is resumed. Events are still taken in.

    Pausing it again changes nothing. Raises NotFound for a project that is deleted or unknown.
    """
    if not Project.objects.live().filter(pk=project_id).exists():
        raise ProjectNotFound
    with transaction.atomic():
        pause, is_new = Pause.objects.get_or_create(
            project_id=project_id, owner_id=owner_id, defaults={"paused_by": current_actor().name[:255]}
        )
        if is_new:
            record(project_id, Verb.DELIVERIES_PAUSED, owner_id=owner_id)
    return pause


def resume_deliveries(project_id: str, owner_id: str = "") -> None:
    """End a pause: the deliveries that have waited are sent, the oldest first. Raises NotFound where there is none.

    The pause of a project and those of its owners do not depend on each other.
    """
    with transaction.atomic():
        deleted, _ = Pause.objects.filter(project_id=project_id, owner_id=owner_id).delete()
        if not deleted:
            raise NotPaused
        record(project_id, Verb.DELIVERIES_RESUMED, owner_id=owner_id)
        wake_workers()


def drain_worker(uid: str) -> Worker:
    """Have a worker claim nothing more and finish its requests. It keeps running and reports it. Raises NotFound."""
    return _turn(uid, is_drained=True)


def refill_worker(uid: str) -> Worker:
    """Have a worker that was drained claim again. Raises NotFound."""
    return _turn(uid, is_drained=False)


def _turn(uid: str, *, is_drained: bool) -> Worker:
    with transaction.atomic():
        worker = Worker.objects.select_for_update().filter(pk=uid).first()
        if worker is None:
            raise WorkerNotFound
        if (worker.drained_at is not None) != is_drained:
            worker.drained_at = timezone.now() if is_drained else None
            worker.save(update_fields=["drained_at"])
            verb = Verb.WORKER_DRAINED if is_drained else Verb.WORKER_REFILLED
            # A worker works for all projects.
            record(None, verb, object_uid=worker.uid, object_name=worker.name)
    return worker
