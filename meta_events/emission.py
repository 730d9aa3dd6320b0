"""Queue meta events as rows, in the transaction of the change that they tell about (an outbox).

A project without meta events costs no statement. Contract: docs/contract/meta-events.md.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson

from core.encryption import context_of, decrypt
from core.wake import wake_workers
from meta_events.bodies import meta_event_body
from meta_events.models import MetaEvent
from projects.config import MetaEventSettings
from projects.models import Project

#: The most meta events that one statement inserts.
TOGETHER = 1000


def is_wanted(meta_event: MetaEventSettings, event_type: str) -> bool:
    """Return whether a project with these settings wants meta events of `event_type`. There is no wildcard."""
    return bool(meta_event["is_enabled"]) and event_type in meta_event["event_type"]


# Encrypting a value again gives other bytes, so an entry of the cache cannot be out of date.
@lru_cache(maxsize=4096)
def settings_of(stored: bytes, project_id: str) -> MetaEventSettings:
    """Return the `config.meta_event` of a project from its stored form. Raises UndecryptableValue."""
    opened: MetaEventSettings = orjson.loads(decrypt(stored, context_of(Project, "meta_event"), project_id))
    return opened


def emit_meta_event(event_type: str, project: Project, read_data: Callable[[], Mapping[str, Any]]) -> None:
    """Queue a meta event within the caller's transaction, if the project wants this type.

    `read_data` returns the `data` of its body. It is called only if the meta event is wanted.
    """
    emit_meta_events(event_type, project, lambda: [read_data()])


def emit_meta_events(event_type: str, project: Project, read_data: Callable[[], Iterable[Mapping[str, Any]]]) -> None:
    """Queue a meta event for each `data` that `read_data` returns, TOGETHER in a statement."""
    if not is_wanted(project.meta_event, event_type):
        return
    strategy = project.config["strategy"]
    rows = [
        MetaEvent(
            project=project,
            event_type=event_type,
            body=meta_event_body(event_type, data).decode(),
            strategy=strategy["type"],
            interval_seconds=strategy["duration"],
            retry_limit=strategy["retry_count"],
        )
        for data in read_data()
    ]
    MetaEvent.objects.bulk_create(rows, batch_size=TOGETHER)
    if rows:
        wake_workers()
