"""Meta events for tests that need one to be there."""

from typing import Any

import orjson

from meta_events.models import MetaEvent
from projects.models import Project


def make_meta_event(project: Project, data: dict[str, Any] | None = None, **fields: Any) -> MetaEvent:
    """A meta event of `project` that tells `data`, and is due now."""
    body = {"event_type": "endpoint.created", "data": {"uid": "ep1"} if data is None else data}
    return MetaEvent.objects.create(
        **{
            "project": project,
            "event_type": "endpoint.created",
            "body": orjson.dumps(body).decode(),
            "strategy": "linear",
            "interval_seconds": 10,
            "retry_limit": 3,
        }
        | fields
    )
