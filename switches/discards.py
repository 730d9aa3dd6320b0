"""Discard a backlog by a filter, and undo that. Workers do both, a piece at a time, in turns.

Only waiting deliveries are discarded: one that a worker is sending ends as usual. A delivery is restored to the state
that it had, unless somebody has sent it again in the meantime.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from activity.models import Activity
from activity.operations import Verb, record
from core.actors import current_actor
from core.api.time_limit import TookTooLong, time_limit
from core.turns import do_piece
from core.ulid import first_ulid_at
from core.wake import wake_workers
from endpoints.models import Endpoint
from events.unsent import DISCARDED
from outbound.states import Status
from projects.exceptions import ProjectNotFound
from projects.models import Project
from switches.exceptions import DiscardNotFound, TooLateToUndo
from switches.models import UNDO, Discard

#: The most deliveries of a project that one piece goes through, and the most that one piece restores or forgets.
STRETCH = 5_000
PIECE = 1_000
#: A count ends at this number, or after COUNT_SECONDS.
COUNTED_AT_MOST = 100_000
COUNT_SECONDS = 2.0
IDLE_SECONDS = 2.0
FORGET_SECONDS = 600.0

State = Discard.State

_CHOSEN = f"""d.status IN ('{Status.SCHEDULED}', '{Status.RETRY}')
  AND (%(type)s = '' OR d.event_type = %(type)s)
  AND (%(endpoint)s = '' OR d.endpoint_id = %(endpoint)s)
  AND (%(owner)s = '' OR EXISTS (
    SELECT FROM endpoints_endpoint e
    WHERE e.uid = d.endpoint_id AND e.project_id = %(project)s AND e.owner_id = %(owner)s
      AND e.held_from <= d.uid
  ))"""

# Each half is the condition of an index of the queue.
_COUNT = f"""
SELECT (SELECT count(*) FROM (
  SELECT FROM events_eventdelivery d
  WHERE d.project_id = %(project)s AND d.due_at IS NOT NULL AND NOT d.is_parked AND {_CHOSEN} LIMIT %(most)s
) waiting) + (SELECT count(*) FROM (
  SELECT FROM events_eventdelivery d
  WHERE d.is_parked AND d.project_id = %(project)s AND {_CHOSEN} LIMIT %(most)s
) parked)
"""  # noqa: S608 - only this module's own text

_STRETCH = """
SELECT max(uid), count(*) FROM (
  SELECT uid FROM events_eventdelivery
  WHERE project_id = %(project)s AND uid > %(after)s AND uid < %(beyond)s ORDER BY uid LIMIT %(stretch)s
) stretch
"""

_DISCARD = f"""
WITH piece AS MATERIALIZED (
  SELECT d.uid, d.status, d.description, d.due_at FROM events_eventdelivery d
  WHERE d.project_id = %(project)s AND d.uid > %(after)s AND d.uid <= %(last)s AND d.due_at IS NOT NULL AND {_CHOSEN}
  ORDER BY d.uid FOR UPDATE OF d
), kept AS (
  INSERT INTO switches_discardeddelivery (delivery_id, discard_id, status, description, due_at, discarded_at)
  SELECT uid, %(discard)s, status, description, due_at, now() FROM piece
  ON CONFLICT (delivery_id) DO UPDATE SET discard_id = excluded.discard_id, status = excluded.status,
    description = excluded.description, due_at = excluded.due_at, discarded_at = excluded.discarded_at
)
UPDATE events_eventdelivery d SET status = '{Status.DISCARDED}', description = %(description)s, due_at = NULL,
  is_parked = false, lease = NULL, updated_at = now()
FROM piece WHERE d.uid = piece.uid
"""  # noqa: S608 - only this module's own text

# A delivery that was parked goes to its place in the queue, from which a claim parks it again.
_RESTORE = f"""
WITH piece AS (
  DELETE FROM switches_discardeddelivery WHERE delivery_id IN (
    SELECT delivery_id FROM switches_discardeddelivery WHERE discard_id = %(discard)s
    ORDER BY delivery_id LIMIT %(piece)s
  ) RETURNING delivery_id, status, description, due_at, discarded_at
), restored AS (
  UPDATE events_eventdelivery d SET status = piece.status, description = piece.description, due_at = piece.due_at,
    updated_at = now()
  FROM piece WHERE d.uid = piece.delivery_id AND d.status = '{Status.DISCARDED}' AND d.updated_at = piece.discarded_at
  RETURNING d.uid
)
SELECT (SELECT count(*) FROM piece), (SELECT count(*) FROM restored)
"""  # noqa: S608 - only this module's own text

_FORGET = """
DELETE FROM switches_discardeddelivery WHERE delivery_id IN (
  SELECT k.delivery_id FROM switches_discard s JOIN switches_discardeddelivery k ON k.discard_id = s.uid
  WHERE s.created_at < %s AND s.state <> 'restoring' LIMIT %s
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The waiting deliveries of a project, narrowed by what is not blank."""

    project_id: str
    owner_id: str = ""
    endpoint_id: str = ""
    event_type: str = ""

    @property
    def given(self) -> dict[str, Any]:
        """Return the parameters of _CHOSEN."""
        return {
            "project": self.project_id,
            "owner": self.owner_id,
            "endpoint": self.endpoint_id,
            "type": self.event_type,
        }


def count_backlog(backlog: Backlog) -> int | None:
    """Return the number of waiting deliveries, COUNTED_AT_MOST at most; None where counting takes too long."""
    try:
        with time_limit(COUNT_SECONDS, "the backlog could not be counted"), connection.cursor() as cursor:
            cursor.execute(_COUNT, backlog.given | {"most": COUNTED_AT_MOST})
            return min(int(cursor.fetchone()[0]), COUNTED_AT_MOST)
    except TookTooLong:
        return None


def discard_backlog(backlog: Backlog) -> Discard:
    """Have the workers discard the deliveries that wait now. Raises NotFound for a deleted or unknown project."""
    if not Project.objects.live().filter(pk=backlog.project_id).exists():
        raise ProjectNotFound
    with transaction.atomic():
        discard = Discard.objects.create(
            project_id=backlog.project_id,
            owner_id=backlog.owner_id,
            endpoint_id=backlog.endpoint_id,
            event_type=backlog.event_type,
            discarded_by=current_actor().name[:255],
        )
        # Its number is known when the work ends.
        _record(discard, Verb.DELIVERIES_DISCARDED, uid=discard.uid)
        wake_workers()
    return discard


def undo_discard(uid: str) -> Discard:
    """Have the workers restore the deliveries of a discard. Raises NotFound, and InvalidInput after UNDO."""
    with transaction.atomic():
        discard = Discard.objects.select_for_update().filter(pk=uid, project__deleted_at=None).first()
        if discard is None:
            raise DiscardNotFound
        if not discard.can_be_undone:
            raise TooLateToUndo
        if discard.state == State.DISCARDING:
            Activity.objects.filter(pk=discard.pk).update(count=discard.discarded)
        discard.state = State.RESTORING
        discard.save(update_fields=["state"])
        _record(discard, Verb.DELIVERIES_RESTORED, count=discard.discarded)
        wake_workers()
    return discard


def work_off() -> float:
    """Do a piece of the discard that was served longest ago. Return the seconds until the next call."""
    found = do_piece(
        waiting=_waiting(),
        take=_next,
        work=_work_at,
        put_back=_touch,
        give_up=lambda row: _touch(row, state=State.FAILED),
    )
    return 0 if found else IDLE_SECONDS


def forget_old() -> float:
    """Delete a piece of the rows for undos whose time is over. Return the seconds until the next call."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [timezone.now() - UNDO, PIECE])
        return 0 if cursor.rowcount else FORGET_SECONDS


def _record(discard: Discard, verb: Verb, **more: Any) -> None:
    """Record what is done with a discard, for its owner or that of its endpoint."""
    owner_id = discard.owner_id
    if discard.endpoint_id and not owner_id:
        found = Endpoint.objects.filter(project_id=discard.project_id, pk=discard.endpoint_id)
        owner_id = found.values_list("owner_id", flat=True).first() or ""
    record(
        discard.project_id,
        verb,
        owner_id=owner_id,
        endpoint_id=discard.endpoint_id,
        object_uid=discard.uid,
        object_name=discard.event_type,
        **more,
    )


def _waiting() -> "QuerySet[Discard]":
    return Discard.objects.filter(state__in=Discard.OPEN, project__deleted_at=None)


def _next() -> Discard | None:
    return _waiting().order_by("worked_at").select_for_update(skip_locked=True, of=("self",)).first()


def _touch(row: Discard, **changes: Any) -> None:
    Discard.objects.filter(pk=row.pk).update(worked_at=timezone.now(), **changes)


def _work_at(row: Discard) -> None:
    if row.state == State.DISCARDING:
        _discard(row)
    else:
        _restore(row)
    row.worked_at = timezone.now()
    row.save(update_fields=["state", "cursor", "discarded", "restored", "worked_at"])


def _discard(row: Discard) -> None:
    """Discard what is chosen in the next stretch of the project's deliveries."""
    backlog = Backlog(
        project_id=row.project_id, owner_id=row.owner_id, endpoint_id=row.endpoint_id, event_type=row.event_type
    )
    given = backlog.given | {
        "after": row.cursor,
        "beyond": first_ulid_at(row.created_at),
        "stretch": STRETCH,
        "discard": row.pk,
        "description": DISCARDED,
    }
    with connection.cursor() as cursor:
        cursor.execute(_STRETCH, given)
        last, length = cursor.fetchone()
        if length:
            cursor.execute(_DISCARD, given | {"last": last})
            row.discarded += cursor.rowcount
            row.cursor = last
    if length < STRETCH:
        row.state = State.DISCARDED
        Activity.objects.filter(pk=row.pk).update(count=row.discarded)


def _restore(row: Discard) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RESTORE, {"discard": row.pk, "piece": PIECE})
        length, restored = cursor.fetchone()
    row.restored += restored
    if restored:
        wake_workers()
    if length < PIECE:
        row.state = State.RESTORED
