"""Read the queue by turns of projects, where more is due than one look reads.

A look in the order of `due_at` alone would see nothing but the longest backlog. So it hops from project to project in
the index delivery_turns, and reads the first deliveries of each: the first one of every project comes before the second
one of any. Projects that have no room (shares.py) are left out. Where other workers look at other parts of the queue
(parts.py), a look takes those of its own part among the same rows. One of the four parts has at least a quarter of
them: so a worker that finds little in each of the parts has missed nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.parts import HOLDS, PART

#: Projects that one look goes through.
HOPS = 500
#: Deliveries that are read at least of each project that is due, and how many times as many as its equal part, so that
#: the parts of those that have less do not stay unused.
LEAST = 8
TIMES = 4
#: Deliveries among which a look for those of a part is made at least, however few it can send.
LEAST_OF_PARTS = 256

#: The next projects with deliveries in the queue, found by hopping from one to the next, each with its first due time.
# As %(turn)s and %(turns)s, by walk_from().
WALK = f"""
WITH RECURSIVE walk (project_id, due_at, number) AS (
  (SELECT project_id, due_at, 1 FROM events_eventdelivery
   WHERE due_at IS NOT NULL AND NOT is_parked AND project_id > %(turn)s AND {HOLDS} ORDER BY project_id, due_at LIMIT 1)
  UNION ALL
  SELECT n.project_id, n.due_at, w.number + 1 FROM walk w CROSS JOIN LATERAL (
    SELECT project_id, due_at FROM events_eventdelivery
    WHERE due_at IS NOT NULL AND NOT is_parked AND project_id > w.project_id ORDER BY project_id, due_at LIMIT 1
  ) n WHERE w.number < %(turns)s
)
SELECT project_id, due_at <= now() FROM walk ORDER BY number
"""  # noqa: S608 - only this module's own text

#: The first due deliveries of some projects, in turns; to be joined with the rows as `turn`. Those of a part are looked
#: for among as many of each project as %(read)s.
# Compared as a row: with `project_id = …` PostgreSQL may read the index by due_at alone, past the backlog of others.
TURNS = f"""
SELECT q.uid, q.place, t.number
FROM unnest(%(projects)s::text[], %(limits)s::int[]) WITH ORDINALITY AS t (project_id, most, number)
CROSS JOIN LATERAL (
  SELECT d.uid, row_number() OVER (ORDER BY d.due_at) AS place FROM (
    SELECT uid, due_at, endpoint_id FROM events_eventdelivery
    WHERE due_at IS NOT NULL AND NOT is_parked
      AND (project_id, due_at) >= (t.project_id, '-infinity'::timestamptz)
      AND (project_id, due_at) <= (t.project_id, now())
    ORDER BY project_id, due_at LIMIT greatest(t.most, %(read)s::int)
  ) d WHERE %(part)s::int IS NULL OR {PART} = %(part)s::int
) q WHERE q.place <= t.most ORDER BY q.place, t.number LIMIT %(window)s
"""  # noqa: S608 - only this module's own text


@dataclass(frozen=True, slots=True)
class Turns:
    """The projects whose turn it is, each with the number of its due deliveries to read."""

    limits: dict[str, int]
    #: The number to read of each where only those of a part are taken.
    read: int
    #: The project after which the next look begins; "" where this one came to the last.
    after: str


def walk_from(turn: str | None) -> dict[str, Any]:
    """Return the parameters of WALK: the projects after `turn`, or from the first one on."""
    return {"turn": turn or "", "turns": HOPS}


def take_turns(walk: Sequence[tuple[str, bool]], *, window: int, rooms: Mapping[str, int], is_wide: bool) -> Turns:
    """Choose projects among the rows of WALK that have due deliveries, of which `window` are to be read.

    A project in `rooms` without room is left out. Of the others no more is read than there is room for, unless
    `is_wide`: the first deliveries could not be sent.
    """
    due = [project_id for project_id, is_due in walk if is_due and rooms.get(project_id) != 0]
    reached = walk[-1][0] if len(walk) == HOPS else ""
    if len(due) > window:
        # One delivery of each; the others have their turn in the next look.
        due = due[:window]
        reached = due[-1]
    most = max(TIMES * window // max(len(due), 1), LEAST)
    limits = {uid: most if is_wide else min(most, rooms.get(uid, most)) for uid in due}
    return Turns(limits, max(most, LEAST_OF_PARTS // max(len(due), 1)), reached)
