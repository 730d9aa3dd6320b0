"""Divide the queue into parts, so that several workers can claim at once.

A look locks the whole queue, or one part of it where workers wait long for each other (looks.py). The limits that the
locks protect belong to endpoints, and so does a part: it has the deliveries of a quarter of all endpoints. The whole
queue is locked against parts and other looks at all of it; a part is locked against the whole queue and itself.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from engine.prepared import Statement

PARTS = 4
#: The lock of the whole queue. A look at a part shares it.
LOCK_ID = 0x436F6E766F79_02
#: The lock of the first part; those of the others follow.
FIRST_LOCK_ID = 0x436F6E766F79_20

#: The answer of LOCK where the whole queue is locked; else that is the number of a part, or "".
ALL = "all"
#: The part of the delivery `d`. The last characters of ids are random.
PART = f"mod(ascii(right(d.endpoint_id, 1)), {PARTS})"

#: Try for the lock of the whole queue, where it is wanted, or for that of the first of `parts` that is free.
# The settings after it are for the statements that follow. An index has all rows that a look reads, in the order in
# which it needs them. Where the table was analyzed while the queue was empty, PostgreSQL expects a single row, and may
# read the backlog of all projects, or all of a project's deliveries, by a smaller index, and sort them. To claim a
# hundred rows of ten thousand, it would read the whole table. Before version 18, a sort that is needed all the same
# counts as so expensive that PostgreSQL compiles its statement (JIT), which takes a hundred times as long as to run it.
LOCK = Statement(
    "queue_lock",
    f"""
SELECT set_config('convoyclone.claims', CASE
    WHEN %(wants_all)s::bool AND pg_try_advisory_xact_lock({LOCK_ID}) THEN '{ALL}'
    WHEN pg_try_advisory_xact_lock_shared({LOCK_ID}) THEN coalesce((
      SELECT part::text FROM unnest(%(parts)s::int[]) AS part
      WHERE pg_try_advisory_xact_lock({FIRST_LOCK_ID} + part) LIMIT 1
    ), '')
    ELSE '' END, true),
  set_config('enable_sort', 'off', true), set_config('enable_incremental_sort', 'off', true),
  set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)
""",  # noqa: S608 - only this module's own text
)
#: Whether this look has locked the whole queue or a part, and whether the whole; for the statements that follow LOCK.
HOLDS = "current_setting('convoyclone.claims') <> ''"
HOLDS_ALL = f"current_setting('convoyclone.claims') = '{ALL}'"


def part_of(endpoint_id: str) -> int:
    """Return the part that has the deliveries to an endpoint, as PART does."""
    return ord(endpoint_id[-1]) % PARTS


def within(endpoint_ids: Sequence[str] | Set[str], part: int | None) -> list[str]:
    """Return the endpoints whose deliveries are in a part; None is the whole queue."""
    return [uid for uid in endpoint_ids if part is None or part_of(uid) == part]


@dataclass(slots=True)
class Place:
    """How far the looks at the whole queue, or at one part of it, have come."""

    #: The last endpoint whose parked deliveries were looked at; "" once all were.
    parked_after: str = ""
    #: The project after which the next look goes on, "" for the first one; None where the queue is read by age.
    turn: str | None = None
    #: Whether to read more than can be sent, because the first deliveries could not be sent.
    is_wide: bool = False


def _places() -> dict[int | None, Place]:
    return {part: Place() for part in (None, *range(PARTS))}


@dataclass(slots=True)
class View:
    """The part of the queue that a look is to lock: all of it, or where others look at parts, one of these."""

    wants_all: bool = True
    #: The parts in the order in which the look tries them.
    parts: Sequence[int] = range(PARTS)
    #: By part, and by None for the whole queue.
    places: dict[int | None, Place] = field(default_factory=_places)

    @property
    def first(self) -> int | None:
        """Return what the look locks where no other worker prevents it."""
        return None if self.wants_all else self.parts[0]
