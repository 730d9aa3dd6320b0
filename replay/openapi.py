"""Declare the operations that replay events. Contract: docs/contract/events.md#replay."""

from copy import copy

from drf_spectacular.utils import OpenApiParameter

from core.api.documents import CountDocument
from core.api.openapi import Outcome
from core.api.windows import BAD_DATES
from core.tally import Tally
from events.documents import EventDocument
from events.exceptions import EventUnknown
from events.openapi import EVENT_EXAMPLES, LIST_PARAMETERS, TAG
from jobs.documents import JobDocument
from jobs.openapi import PENDING_EXAMPLE, dry_run
from replay import exceptions as refusals
from replay.operations import MOST_DELIVERIES, MOST_EVENTS

#: The operations that do not search, as their refusals name them.
BATCH_REPLAY = "batch replay"
BATCH_REPLAY_COUNT = "batch replay count"

# Parameters

_IN_A_BATCH = dict.fromkeys(("body", "query"), "Not supported here: 400.") | dict.fromkeys(
    ("direction", "next_page_cursor", "perPage", "prev_page_cursor", "sort"), "Accepted and ignored."
)


def _of_a_batch(parameter: OpenApiParameter) -> OpenApiParameter:
    changed = copy(parameter)
    changed.description = _IN_A_BATCH.get(parameter.name, changed.description)
    return changed


#: The same of an operation that neither searches nor has pages.
BATCH_PARAMETERS = [_of_a_batch(parameter) for parameter in LIST_PARAMETERS]

# Operations

replay_event = TAG.operation(
    "ReplayEndpointEvent",
    "Replay event",
    description="Matches the event with the present subscriptions, and creates new deliveries. The event keeps its "
    "id, and its idempotency key is not checked. A body is ignored.",
    success=Outcome("Endpoint event replayed successfully", EventDocument, EVENT_EXAMPLES),
    not_found=EventUnknown,
)
BATCH_DESCRIPTION = (
    f"Replays every event that the query chooses, duplicates aside, oldest first: all of them or none. More than "
    f"{MOST_EVENTS:,} events, or {MOST_DELIVERIES:,} deliveries, are refused with the path of the job that replays any "
    "number."
)
BATCH_REFUSED = (*BAD_DATES, refusals.SearchNotSupported(doing=BATCH_REPLAY), refusals.ReplayUnderWay)
batch_replay_events = TAG.operation(
    "BatchReplayEvents",
    "Batch replay events",
    description=f"{BATCH_DESCRIPTION} The message says how many were replayed.",
    parameters=BATCH_PARAMETERS,
    success=Outcome(
        Tally(12, 0).message, str, {"Replayed": None}, schema={"nullable": True, "description": "Always null."}
    ),
    refused=[*BATCH_REFUSED, refusals.TooManyToReplay(events=MOST_EVENTS, deliveries=MOST_DELIVERIES)],
)
create_replay_job = TAG.operation(
    "CreateReplayJob",
    "Replay any number of events",
    description="Replays every event that the query chooses, duplicates aside, oldest first, each once, in the "
    "background. The job tells its progress, and can be paused, resumed and canceled. Not part of Convoy's API.",
    parameters=[*BATCH_PARAMETERS, dry_run("count the events, and replay none")],
    success=Outcome("Batch replay job accepted", JobDocument, {"Accepted": PENDING_EXAMPLE}, status=202),
    refused=BATCH_REFUSED,
)
count_affected_events = TAG.operation(
    "CountAffectedEvents",
    "Count events matching batch replay filters",
    description="The number of events that a batch replay with the same query would replay.",
    parameters=BATCH_PARAMETERS,
    success=Outcome("events count successful", CountDocument, "Counted"),
    refused=[*BAD_DATES, refusals.SearchNotSupported(doing=BATCH_REPLAY_COUNT), refusals.CountTooSlow],
)
