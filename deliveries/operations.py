"""What can be done to event deliveries. Each function owns its transaction.

A delivery is always named together with its project, and one of another project, or outside the
`scope` that is given, looks exactly like one that does not exist. One that is being sent is touched by
none of these: what came of it is still to be written (D11, D12). Contract: deliveries section 1.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from core.exceptions import InvalidInput, NotFound
from core.wake import wake_workers
from deliveries.documents import with_parts
from endpoints.models import Endpoint, Scope
from events.models import DeliveryAttempt, EventDelivery
from outbound.states import Status

#: What was given up on.
GIVEN_UP = (Status.FAILURE, Status.DISCARDED)
NOT_FOUND = "event delivery not found"
LAST_ATTEMPTS = 10


class Outcome(NamedTuple):
    """Of how many deliveries it was done, and of how many not."""

    successful: int
    failed: int


def find_delivery(project_id: str, delivery_id: str, *, scope: Scope = None) -> EventDelivery:
    """One delivery with what is shown of it. Raises NotFound."""
    delivery = with_parts(_within(project_id, scope)).filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound(NOT_FOUND)
    return delivery


def last_attempts(project_id: str, delivery_id: str, *, scope: Scope = None) -> list[DeliveryAttempt]:
    """The last LAST_ATTEMPTS attempts of a delivery, oldest first. Raises NotFound."""
    _check_exists(project_id, delivery_id, scope)
    found = DeliveryAttempt.objects.filter(delivery=delivery_id).order_by("-pk")[:LAST_ATTEMPTS]
    return list(found)[::-1]


def find_attempt(project_id: str, delivery_id: str, attempt_id: str, *, scope: Scope = None) -> DeliveryAttempt:
    """One attempt of a delivery.

    Raises NotFound for a delivery that is not there, and InvalidInput for an attempt that is not: who
    may see the delivery may know that.
    """
    _check_exists(project_id, delivery_id, scope)
    attempt = DeliveryAttempt.objects.filter(delivery=delivery_id, pk=attempt_id).first()
    if attempt is None:
        raise InvalidInput("event delivery attempt not found")
    return attempt


def resend_delivery(project_id: str, delivery_id: str, *, scope: Scope = None) -> EventDelivery:
    """Send a delivery again that was given up on; it has its whole allowance of attempts once more.

    Of two at once, one is refused. Raises InvalidInput, NotFound. Contract: deliveries section 1.2.
    """
    active = Endpoint.objects.for_project(project_id).filter(status=Endpoint.Status.ACTIVE)
    # The state is in the UPDATE's own condition: whoever comes second finds it changed.
    given_up = _within(project_id, scope).filter(pk=delivery_id, status__in=GIVEN_UP, endpoint__in=active.values("pk"))
    with transaction.atomic():
        if not given_up.update(**sent_again()):
            raise _refusal(project_id, delivery_id, scope)
        wake_workers()
    return find_delivery(project_id, delivery_id, scope=scope)


def force_resend(project_id: str, delivery_ids: Sequence[str], *, scope: Scope = None) -> Outcome:
    """Send deliveries again that have succeeded. Those whose endpoint is not active count as failed.

    Ids that are not there are left out, but within a `scope` they raise NotFound. Raises InvalidInput,
    and sends none, where one has not succeeded. Contract: deliveries section 1.3.
    """
    wanted = set(delivery_ids)
    with transaction.atomic():
        # Locked in the order of their ids, so that two of these cannot block each other.
        locked = _within(project_id, scope).filter(pk__in=wanted).order_by("pk").select_for_update(of=("self",))
        found = list(locked.values_list("pk", "status", "endpoint__status", "endpoint__deleted_at"))
        if scope is not None and len(found) < len(wanted):
            raise NotFound(NOT_FOUND)
        if any(status != Status.SUCCESS for _, status, _, _ in found):
            raise InvalidInput("only successful events can be force resent")
        ready = [uid for uid, _, status, deleted_at in found if status == Endpoint.Status.ACTIVE and deleted_at is None]
        if ready:
            EventDelivery.objects.filter(pk__in=ready).update(**sent_again())
            wake_workers()
    return Outcome(len(ready), len(found) - len(ready))


def sent_again() -> dict[str, Any]:
    """What an UPDATE sets to put deliveries back into the queue with a fresh allowance of attempts.

    They are due by the clock of the database, as the workers read it.
    """
    return {
        "status": Status.SCHEDULED,
        "description": "",
        "num_trials_before": F("num_trials"),
        "next_send_time": Now(),
        "due_at": Now(),
        "is_parked": False,
        "lease": None,
        "updated_at": Now(),
    }


def _within(project_id: str, scope: Scope) -> "QuerySet[EventDelivery]":
    rows = EventDelivery.objects.filter(project_id=project_id)
    return rows if scope is None else rows.filter(endpoint__in=scope.order_by().values("pk"))


def _check_exists(project_id: str, delivery_id: str, scope: Scope) -> None:
    if not _within(project_id, scope).filter(pk=delivery_id).exists():
        raise NotFound(NOT_FOUND)


def _refusal(project_id: str, delivery_id: str, scope: Scope) -> InvalidInput | NotFound:
    """Why a delivery cannot be sent again."""
    delivery = find_delivery(project_id, delivery_id, scope=scope)
    endpoint = delivery.endpoint
    if delivery.status == Status.SUCCESS:
        return InvalidInput("event already sent")
    if delivery.status not in GIVEN_UP:
        return InvalidInput("cannot resend event that did not fail previously")
    if endpoint.deleted_at is not None:
        return InvalidInput("endpoint not found")
    return InvalidInput(f"the endpoint is currently {endpoint.status}")
