"""Read the record of activity for its tests."""

from typing import Any

from activity.models import Activity
from activity.operations import record
from core.actors import Actor, ActorKind, acting_as

OPERATOR = Actor(ActorKind.OPERATOR, "7", "jane")


def recorded() -> list[dict[str, Any]]:
    """The rows of the record, oldest first, without ids, times and what is empty."""
    left_out = {"uid", "project_id", "created_at"}
    return [
        {name: value for name, value in row.items() if name not in left_out and value not in ("", None, {})}
        for row in Activity.objects.order_by("pk").values()
    ]


def make_activity(project_id: str, *, actor: Actor = OPERATOR, **fields: Any) -> Activity:
    """A row of the record, as an operation writes it."""
    with acting_as(actor):
        record(project_id, **{"verb": Activity.Verb.ENDPOINT_UPDATED, "object_name": "Orders"} | fields)
    found = Activity.objects.order_by("-pk").first()
    assert found is not None
    return found
