"""Declare the portal API's operations on events. Contract: docs/contract/portal-sessions.md#portal-events."""

from events import openapi
from events.exceptions import EndpointMissing, TooManyTests
from portal.exceptions import OutOfScope
from portal.openapi import twin
from replay import openapi as replay

_SHOWN = "Endpoints of others are left out, and values of headers are masked."

list_events = twin(
    openapi.list_events,
    "GetPortalEvents",
    "List the events of the customer's endpoints",
    description=f"{openapi.list_events.description} {_SHOWN}",
)
create_event = twin(
    openapi.create_event,
    "CreatePortalEvent",
    "Create an event for an endpoint of the customer's",
    refused=[*openapi.BAD_BODY, EndpointMissing],
    not_found=OutOfScope,
)
send_test_event = twin(
    openapi.send_test_event,
    "SendPortalTestEvent",
    "Send a test event to an endpoint of the customer's",
    description=f"{openapi.send_test_event.description} A session may send ten in a minute; one more is answered "
    "with 429.",
    refused=[*openapi.TEST_REFUSED, TooManyTests(seconds=42)],
    not_found=OutOfScope,
)
get_event = twin(
    openapi.get_event,
    "GetPortalEvent",
    "Retrieve an event of the customer's endpoints",
    description=f"{openapi.get_event.description} {_SHOWN}",
)
replay_event = twin(
    replay.replay_event,
    "ReplayPortalEvent",
    "Replay an event of the customer's endpoints",
    description=f"{replay.replay_event.description} Every endpoint of the event must be the customer's.",
)
batch_replay_events = twin(
    replay.batch_replay_events,
    "BatchReplayPortalEvents",
    "Replay many events of the customer's endpoints",
    description=f"{replay.BATCH_DESCRIPTION} The message says how many were replayed, and how many were not because "
    "they have endpoints of others too.",
)
create_replay_job = twin(
    replay.create_replay_job,
    "CreatePortalReplayJob",
    "Replay any number of events of the customer's endpoints",
    description=f"{replay.create_replay_job.description} Events that have endpoints of others too are skipped.",
)
count_affected_events = twin(
    replay.count_affected_events,
    "CountPortalAffectedEvents",
    "Count the events of a batch replay",
    description="The number of events that the query chooses, duplicates aside.",
)
