"""Declare the portal API's operations on events. Contract: docs/contract/portal-sessions.md#portal-events."""

from events import openapi
from events.exceptions import EndpointMissing, TooManyTests
from portal.exceptions import EventOutOfScope, OutOfScope
from portal.openapi import OF_CUSTOMER, UNSEEN
from replay import openapi as replay

_UNSEEN = OF_CUSTOMER | {"not_found": EventOutOfScope}
_SHOWN = "Endpoints of others are left out, and values of headers are masked."

list_events = openapi.list_events.twin(
    "GetPortalEvents",
    "List the events of the customer's endpoints",
    description=f"{openapi.list_events.description} {_SHOWN}",
    **OF_CUSTOMER,
)
create_event = openapi.create_event.twin(
    "CreatePortalEvent",
    "Create an event for an endpoint of the customer's",
    refused=[*openapi.BAD_BODY, EndpointMissing],
    not_found=OutOfScope,
    **OF_CUSTOMER,
)
send_test_event = openapi.send_test_event.twin(
    "SendPortalTestEvent",
    "Send a test event to an endpoint of the customer's",
    description=f"{openapi.send_test_event.description} A session may send ten in a minute; one more is answered "
    "with 429.",
    refused=[*openapi.TEST_REFUSED, TooManyTests(seconds=42)],
    **OF_CUSTOMER | UNSEEN,
)
get_event = openapi.get_event.twin(
    "GetPortalEvent",
    "Retrieve an event of the customer's endpoints",
    description=f"{openapi.get_event.description} {_SHOWN}",
    **_UNSEEN,
)
replay_event = replay.replay_event.twin(
    "ReplayPortalEvent",
    "Replay an event of the customer's endpoints",
    description=f"{replay.replay_event.description} Every endpoint of the event must be the customer's.",
    **_UNSEEN,
)
batch_replay_events = replay.batch_replay_events.twin(
    "BatchReplayPortalEvents",
    "Replay many events of the customer's endpoints",
    description=f"{replay.BATCH_DESCRIPTION} The message says how many were replayed, and how many were not because "
    "they have endpoints of others too.",
    **OF_CUSTOMER,
)
create_replay_job = replay.create_replay_job.twin(
    "CreatePortalReplayJob",
    "Replay any number of events of the customer's endpoints",
    description=f"{replay.JOB_DESCRIPTION} Events that have endpoints of others too are skipped.",
    **OF_CUSTOMER,
)
count_affected_events = replay.count_affected_events.twin(
    "CountPortalAffectedEvents",
    "Count the events of a batch replay",
    description="The number of events that the query chooses, duplicates aside.",
    **OF_CUSTOMER,
)
