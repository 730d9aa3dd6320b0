"""Find event deliveries, and send them again. Each function owns its transaction.

A delivery is always named together with its project, and one of another project, or outside the
`scope` that is given, looks exactly like one that does not exist. None of these functions changes one that is being
sent: its outcome is still to be written. Contract: docs/contract/deliveries.md#operations.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from activity.operations import Verb, record
from core.exceptions import DomainError
from core.tally import Tally
from core.wake import wake_workers
from deliveries.documents import with_parts
from deliveries.exceptions import (
    AlreadySent,
    AttemptUnknown,
    DeliveryNotFound,
    EndpointDeleted,
    EndpointNotActive,
    NotFailed,
    NotSucceeded,
    NotWaiting,
)
from endpoints.models import Endpoint, Scope
from events.models import DeliveryAttempt, EventDelivery, of_present_owner
from outbound.states import Status

#: The states in which no further attempt is made, without a success.
GIVEN_UP = (Status.FAILURE, Status.DISCARDED)
#: The states in which another attempt is to come.
WAITING = (Status.SCHEDULED, Status.RETRY)
LAST_ATTEMPTS = 10


def find_delivery(project_id: str, delivery_id: str, *, scope: Scope = None) -> EventDelivery:
    """Return one delivery with the columns that are shown. Raises NotFound."""
    delivery = with_parts(within(project_id, scope)).filter(pk=delivery_id).first()
    if delivery is None:
        raise DeliveryNotFound
    return delivery


def last_attempts(project_id: str, delivery_id: str, *, scope: Scope = None) -> list[DeliveryAttempt]:
    """Return the last LAST_ATTEMPTS attempts of a delivery, oldest first. Raises NotFound."""
    _check_exists(project_id, delivery_id, scope)
    found = DeliveryAttempt.objects.filter(delivery=delivery_id).order_by("-pk")[:LAST_ATTEMPTS]
    return list(found)[::-1]


def find_attempt(project_id: str, delivery_id: str, attempt_id: str, *, scope: Scope = None) -> DeliveryAttempt:
    """Return one attempt of a delivery.

    Raises NotFound for an unknown delivery, and InvalidInput for an unknown attempt: a caller who may see the delivery
    may know that.
    """
    _check_exists(project_id, delivery_id, scope)
    attempt = DeliveryAttempt.objects.filter(delivery=delivery_id, pk=attempt_id).first()
    if attempt is None:
        raise AttemptUnknown
    return attempt


def resend_delivery(project_id: str, delivery_id: str, *, scope: Scope = None) -> EventDelivery:
    """Send a delivery in a state of GIVEN_UP again, with its whole allowance of attempts.

    Of two requests at once, one is refused. Raises InvalidInput, NotFound.
    Contract: docs/contract/deliveries.md#resend.
    """
    active = Endpoint.objects.for_project(project_id).filter(status=Endpoint.Status.ACTIVE)
    # The state is in the UPDATE's own condition: a second request finds it changed.
    given_up = within(project_id, scope).filter(pk=delivery_id, status__in=GIVEN_UP, endpoint__in=active.values("pk"))
    with transaction.atomic():
        if not given_up.update(**sent_again()):
            raise _refusal(project_id, delivery_id, scope)
        wake_workers()
        return _retried(project_id, delivery_id, scope)


def send_now(project_id: str, delivery_id: str, *, scope: Scope = None) -> EventDelivery:
    """Send a delivery that waits, for its first or another attempt, at once; it keeps its allowance of attempts.

    One that waits for a place at its endpoint keeps waiting. Raises InvalidInput for one that does not wait, NotFound.
    """
    waiting = within(project_id, scope).filter(pk=delivery_id, status__in=WAITING)
    with transaction.atomic():
        if not waiting.update(next_send_time=Now(), due_at=Now(), updated_at=Now()):
            find_delivery(project_id, delivery_id, scope=scope)
            raise NotWaiting
        wake_workers()
        return _retried(project_id, delivery_id, scope)


def force_resend(project_id: str, delivery_ids: Sequence[str], *, scope: Scope = None) -> Tally:
    """Send deliveries again that have succeeded. Those whose endpoint is not active count as failed.

    Unknown ids are left out, but within a `scope` they raise NotFound. Raises InvalidInput, and sends none,
    where one has not succeeded. Contract: docs/contract/deliveries.md#force-resend.
    """
    wanted = set(delivery_ids)
    with transaction.atomic():
        # Locked in the order of their ids, so that two of these cannot block each other.
        locked = within(project_id, scope).filter(pk__in=wanted).order_by("pk").select_for_update(of=("self",))
        columns = ("pk", "status", "endpoint__status", "endpoint__deleted_at", "endpoint_id", "endpoint__owner_id")
        found = list(locked.values_list(*columns, named=True))
        if scope is not None and len(found) < len(wanted):
            raise DeliveryNotFound
        if any(row.status != Status.SUCCESS for row in found):
            raise NotSucceeded
        ready = [
            row for row in found if row.endpoint__status == Endpoint.Status.ACTIVE and row.endpoint__deleted_at is None
        ]
        if ready:
            EventDelivery.objects.filter(pk__in=[row.pk for row in ready]).update(**sent_again())
            wake_workers()
            record(
                project_id,
                Verb.DELIVERIES_RETRIED,
                owner_id=_common(row.endpoint__owner_id for row in ready),
                endpoint_id=_common(row.endpoint_id for row in ready),
                count=len(ready),
            )
    return Tally(len(ready), len(found) - len(ready))


def sent_again() -> dict[str, Any]:
    """Return the values of an UPDATE that puts deliveries back into the queue with a fresh allowance of attempts.

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


def _retried(project_id: str, delivery_id: str, scope: Scope) -> EventDelivery:
    """Return a delivery that is sent again, within the transaction that records it."""
    sent = find_delivery(project_id, delivery_id, scope=scope)
    record(
        project_id,
        Verb.DELIVERY_RETRIED,
        owner_id=sent.endpoint.owner_id,
        endpoint_id=sent.endpoint_id,
        object_uid=sent.uid,
        object_name=sent.event_type,
    )
    return sent


def _common(values: Iterable[str]) -> str:
    """Return the value that all have in common, "" where there are several."""
    found = set(values)
    return found.pop() if len(found) == 1 else ""


def within(project_id: str, scope: Scope) -> "QuerySet[EventDelivery]":
    """Return the deliveries of a project that are in the scope; None is the whole project."""
    rows = EventDelivery.objects.filter(project_id=project_id)
    if scope is None:
        return rows
    return rows.filter(of_present_owner(), endpoint__in=scope.order_by().values("pk"))


def _check_exists(project_id: str, delivery_id: str, scope: Scope) -> None:
    if not within(project_id, scope).filter(pk=delivery_id).exists():
        raise DeliveryNotFound


def _refusal(project_id: str, delivery_id: str, scope: Scope) -> DomainError:
    """Return the reason why a delivery cannot be sent again. Raises NotFound."""
    delivery = find_delivery(project_id, delivery_id, scope=scope)
    endpoint = delivery.endpoint
    if delivery.status == Status.SUCCESS:
        return AlreadySent()
    if delivery.status not in GIVEN_UP:
        return NotFailed()
    if endpoint.deleted_at is not None:
        return EndpointDeleted()
    return EndpointNotActive(status=endpoint.status)
