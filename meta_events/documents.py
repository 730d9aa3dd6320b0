"""Meta events as the API shows them. Contract: meta-events-and-onboard section 2.5."""

from typing import Any

import orjson

from core.api.values import wire_time
from meta_events.models import MetaEvent


def meta_event_document(meta_event: MetaEvent) -> dict[str, Any]:
    """One meta event; its body goes into the answer without being parsed."""
    return {
        "uid": meta_event.uid,
        "project_id": meta_event.project_id,
        "event_type": meta_event.event_type,
        "metadata": {
            "data": orjson.Fragment(meta_event.body),
            "raw": "",
            "strategy": meta_event.strategy,
            "next_send_time": wire_time(meta_event.next_send_time),
            "num_trials": meta_event.num_trials,
            "interval_seconds": meta_event.interval_seconds,
            "retry_limit": meta_event.retry_limit,
            "max_retry_seconds": 0,
        },
        "attempt": meta_event.attempt,
        "status": meta_event.status,
        "created_at": wire_time(meta_event.created_at),
        "updated_at": wire_time(meta_event.updated_at),
        "deleted_at": None,
    }
