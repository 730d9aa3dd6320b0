"""The prefixes of ids and the fixed ids of Nahook's API. Contract: docs/contract/nahook.md#ids."""

from applications.prefixes import APPLICATION, ATTEMPT, ENDPOINT, SUBSCRIPTION
from core.prefixed_ids import prefixed, uid_in

EVENT_TYPE = "evt_"
DELIVERY = "del_"
#: The event type `*`, which stands for all.
EVERY_TYPE_ID = "evt_all"
#: The one environment of each workspace.
ENVIRONMENT_ID = "env_default"
#: The id of the rows in examples.
EXAMPLE_UID = "01JZ8QK3V7M2N4P6R8T0W2Y4A6"

__all__ = [
    "APPLICATION",
    "ATTEMPT",
    "DELIVERY",
    "ENDPOINT",
    "ENVIRONMENT_ID",
    "EVENT_TYPE",
    "EVERY_TYPE_ID",
    "EXAMPLE_UID",
    "SUBSCRIPTION",
    "prefixed",
    "uid_in",
]
