"""Record who did what, in the transaction of the change: neither is stored without the other.

The statement is written out, as it is part of nearly every write (docs/adr/0003). The engine records through a
connection of its own, and the hottest operation within a statement of its own.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone
from psycopg import AsyncConnection

from activity.models import Activity
from core.actors import Actor, current_actor
from core.ulid import new_ulid

Verb = Activity.Verb
#: The values of a field, before and after; both None where they are secret.
Changes = Mapping[str, Sequence[Any]]

#: The most characters of a value, as JSON, that are recorded.
LONGEST_VALUE = 2000
#: The most rows that one statement inserts.
TOGETHER = 1000

COLUMNS = (
    "uid, project_id, actor_kind, actor_uid, actor_name, verb, owner_id, endpoint_id, object_uid, object_name, "
    "changes, count, created_at"
)
PLACES = ", ".join(["%s"] * len(COLUMNS.split(", ")))
_INSERT = f"INSERT INTO activity_activity ({COLUMNS}) VALUES "  # noqa: S608 - only this module's own text


@dataclass(frozen=True, slots=True)
class Done:
    """One thing that was done: the verb, its object, and the customer and endpoint that it concerns."""

    verb: Verb
    owner_id: str = ""
    endpoint_id: str = ""
    object_uid: str = ""
    object_name: str = ""
    changes: Changes | None = None
    #: The objects, where they are many.
    count: int | None = None


def record(
    project_id: str | None,
    verb: Verb,
    *,
    owner_id: str = "",
    endpoint_id: str = "",
    object_uid: str = "",
    object_name: str = "",
    changes: Changes | None = None,
    count: int | None = None,
    actor: Actor | None = None,
    uid: str = "",
) -> None:
    """Record that the current actor did something, within the caller's transaction; None for the whole instance.

    Without an `owner_id`, the row belongs to the customer for whom the actor acts. `actor` names another actor, and
    `uid` is the id of the row, where the caller changes it later.
    """
    done = Done(verb, owner_id, endpoint_id, object_uid, object_name, changes, count)
    _insert([row_values(project_id, done, actor=actor, uid=uid)])


def record_all(project_id: str, done: Iterable[Done]) -> None:
    """Record that the current actor did several things, TOGETHER in a statement, within the caller's transaction."""
    rows = [row_values(project_id, each) for each in done]
    for start in range(0, len(rows), TOGETHER):
        _insert(rows[start : start + TOGETHER])


async def record_async(database: AsyncConnection[Any], project_id: str, done: Done, *, actor: Actor) -> None:
    """Record what the engine has done, within the transaction of its connection."""
    await database.execute(f"{_INSERT}({PLACES})", row_values(project_id, done, actor=actor))


def row_values(project_id: str | None, done: Done, *, actor: Actor | None = None, uid: str = "") -> list[Any]:
    """Return the values of COLUMNS for a row, for a caller whose own statement inserts it."""
    who = actor or current_actor()
    changes = {name: _cut(values) for name, values in (done.changes or {}).items()}
    return [
        *(uid or new_ulid(), project_id, str(who.kind), who.uid, who.name[:255], str(done.verb)),
        *(done.owner_id or who.owner_id, done.endpoint_id, done.object_uid, done.object_name[:255]),
        *(json.dumps(changes), done.count, timezone.now()),
    ]


def differences(before: Mapping[str, Any], after: Mapping[str, Any], *, secret: Iterable[str] = ()) -> Changes:
    """Return the fields that differ, as {field: [before, after]}; those of `secret` without their values."""
    hidden = set(secret)
    return {
        name: [None, None] if name in hidden else [before.get(name), after[name]]
        for name in after
        if before.get(name) != after[name]
    }


def _insert(rows: Sequence[list[Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_INSERT + ", ".join([f"({PLACES})"] * len(rows)), [value for row in rows for value in row])


def _cut(values: Sequence[Any]) -> list[Any]:
    """Return the values; of one that is too long, the beginning of its text."""
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    return [
        f"{text[:LONGEST_VALUE]}…" if len(text) > LONGEST_VALUE else value
        for value, text in zip(values, texts, strict=True)
    ]
