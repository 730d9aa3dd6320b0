"""Decide about the deliveries that a claim has found: send, park, extend or settle them."""

import uuid
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime

from endpoints.models import Endpoint
from engine.shares import Offer
from engine.targets import Target
from events import unsent
from outbound.states import Status
from subscriptions.models import Subscription

AT_MOST_ONCE = Subscription.DeliveryMode.AT_MOST_ONCE

#: A claim whose outcome is not written yet: the delivery's id, and the lease.
Unsettled = tuple[str, uuid.UUID]


@dataclass(slots=True)
class Queued:
    """A row of the queue."""

    uid: str
    project_id: str
    event_id: str
    endpoint_id: str
    subscription_id: str
    event_type: str
    status: str
    delivery_mode: str
    strategy: str
    interval_seconds: int
    retry_limit: int
    num_trials: int
    num_trials_before: int
    test: str
    is_parked: bool
    created_at: datetime
    #: The lease of the last claim, which may have ended; None where it was never claimed.
    lease: uuid.UUID | None


#: The columns of Queued, in its order.
COLUMNS = """d.uid, d.project_id, d.event_id, d.endpoint_id, d.subscription_id, d.event_type, d.status,
d.delivery_mode, d.strategy, d.interval_seconds, d.retry_limit, d.num_trials, d.num_trials_before, d.test, d.is_parked,
d.created_at, d.lease"""


@dataclass(slots=True)
class Choice:
    """The decision on the deliveries that a claim has found."""

    send: list[Queued] = field(default_factory=list)
    park: list[str] = field(default_factory=list)
    #: The ids of those whose outcome this worker still has to write.
    extend: list[str] = field(default_factory=list)
    #: (uid, status, description) of those that are not sent.
    settle: list[tuple[str, str, str]] = field(default_factory=list)
    #: Whether an endpoint now has as many requests under way as it may have.
    has_filled: bool = False
    #: Whether a project now has as many places of this worker as it may have.
    is_full: bool = False
    #: By endpoint, the number of requests that count against its rate limit.
    used: dict[str, int] = field(default_factory=dict)


def choose(
    rows: Iterable[Queued],
    targets: dict[str, Target],
    *,
    slots: int,
    cap: int,
    unsettled: Set[Unsettled] = frozenset(),
    offer: Offer | None = None,
) -> Choice:
    """Decide what to send, park, extend and settle, in the order of `rows`; at most `slots` of them are sent.

    `offer` is the room of projects and owners, and is used up. A delivery whose owner has none is parked. One whose
    project has none stays in the queue, which is then read without that project (turns.py).

    Deliveries that are `unsettled` have been sent, or are being sent: their lease is extended, and they take a place
    at their endpoint. `cap` is the number of requests that may be under way to one endpoint. Nothing about the endpoint
    holds a test event: a customer sends it to learn whether the endpoint works, before it is enabled. An operator who
    holds the project or the owner holds test events too.

    A delivery that is held stays as it is. Contract: docs/contract/deliveries.md#sending.
    """
    choice = Choice()
    offer = offer or Offer()
    room = {uid: offer.room_of(uid, target.can_take(cap)) for uid, target in targets.items()}
    waiting: list[Queued] = []
    for row in rows:
        if row.lease is None or (row.uid, row.lease) not in unsettled:
            waiting.append(row)
            continue
        choice.extend.append(row.uid)
        if room.get(row.endpoint_id):
            room[row.endpoint_id] -= 1
    for row in waiting:
        target = targets.get(row.endpoint_id)
        if target is not None and target.project_is_deleted:
            choice.settle.append((row.uid, Status.DISCARDED, unsent.NO_PROJECT))
        elif target is None or target.is_deleted:
            choice.settle.append((row.uid, Status.DISCARDED, unsent.NO_ENDPOINT))
        elif target.status == Endpoint.Status.INACTIVE and not row.test:
            choice.settle.append((row.uid, Status.DISCARDED, unsent.INACTIVE))
        elif row.status == Status.PROCESSING and row.delivery_mode == AT_MOST_ONCE:
            choice.settle.append((row.uid, Status.FAILURE, unsent.LOST))
        elif offer.held.holds(target.project_id, target.owner_id):
            # Those of a project stay in the queue, which is read without it.
            if not row.is_parked and not offer.held.holds(target.project_id):
                choice.park.append(row.uid)
        elif row.test:
            if len(choice.send) < slots:
                offer.take(target)
                choice.send.append(row)
        elif not room[row.endpoint_id] or not offer.has_room(target.project_id, target.owner_id):
            if not row.is_parked and (not room[row.endpoint_id] or offer.has_room(target.project_id)):
                choice.park.append(row.uid)
        elif len(choice.send) < slots:
            room[row.endpoint_id] -= 1
            choice.has_filled = choice.has_filled or not room[row.endpoint_id]
            offer.take(target)
            choice.send.append(row)
            if target.tokens is not None:
                choice.used[target.uid] = choice.used.get(target.uid, 0) + 1
    choice.is_full = not all(map(offer.has_room, {row.project_id for row in choice.send}))
    return choice
