"""Bodies that POST /api/v1/projects takes."""

from typing import Any

PATH = "/projects"
BODY = {"name": "Orders", "type": "outgoing"}
#: The members of a config that are true or false.
FLAGS = [
    *("replay_attacks_prevention_enabled", "add_event_id_trace_headers", "disable_endpoint"),
    *("multiple_endpoint_subscriptions", "verify_dynamic_events", "allow_unmatched_dynamic_urls"),
    "is_retention_policy_enabled",
]


def with_config(**config: Any) -> dict[str, Any]:
    """A body with these members of a config."""
    return BODY | {"config": config}
