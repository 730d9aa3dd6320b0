"""The operations that replay events in the OpenAPI document. Contract: docs/contract/events.md#replay."""

from copy import copy

from drf_spectacular.utils import OpenApiParameter

from core.api.documents import CountDocument, example
from core.api.openapi import PROJECT_ID, Operation, query
from core.api.windows import BAD_DATES
from core.tally import Tally
from events.documents import EventDocument
from events.exceptions import EventUnknown
from events.openapi import EVENT_EXAMPLES, EVENT_ID, LIST_PARAMETERS, TAG
from jobs.documents import JobDocument
from jobs.openapi import PENDING_EXAMPLE
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

replay_event = Operation(
    "ReplayEndpointEvent",
    "Replay event",
    tag=TAG,
    description="Matches the event with the present subscriptions, and creates new deliveries. The event keeps its "
    "id, and its idempotency key does not stop it. A body is ignored.",
    parameters=[PROJECT_ID, EVENT_ID],
    message="Endpoint event replayed successfully",
    data=EventDocument,
    examples=EVENT_EXAMPLES,
    not_found=EventUnknown,
)
BATCH_DESCRIPTION = (
    f"Replays every event that the query chooses, duplicates aside, oldest first: all of them or none. More than "
    f"{MOST_EVENTS:,} events, or {MOST_DELIVERIES:,} deliveries, are refused with the path of the job that replays any "
    "number."
)
BATCH_REFUSED = (*BAD_DATES, refusals.SearchNotSupported(doing=BATCH_REPLAY), refusals.ReplayUnderWay)
batch_replay_events = Operation(
    "BatchReplayEvents",
    "Batch replay events",
    tag=TAG,
    description=f"{BATCH_DESCRIPTION} The message says how many were replayed.",
    parameters=[PROJECT_ID, *BATCH_PARAMETERS],
    message=Tally(12, 0).message,
    data=str,
    schema={"nullable": True, "description": "Always null."},
    examples={"Replayed": None},
    refused=[*BATCH_REFUSED, refusals.TooManyToReplay(events=MOST_EVENTS, deliveries=MOST_DELIVERIES)],
)
JOB_DESCRIPTION = (
    "Replays every event that the query chooses, duplicates aside, oldest first, each once, in the background. The "
    "job tells its progress, and can be paused, resumed and canceled. Not part of Convoy's API."
)
create_replay_job = Operation(
    "CreateReplayJob",
    "Replay any number of events",
    tag=TAG,
    description=JOB_DESCRIPTION,
    parameters=[
        PROJECT_ID,
        *BATCH_PARAMETERS,
        query("dry_run", {"type": "boolean"}, "Only `true` counts: count the events, and replay none."),
    ],
    status=202,
    message="Batch replay job accepted",
    data=JobDocument,
    examples={"Accepted": PENDING_EXAMPLE},
    refused=BATCH_REFUSED,
)
count_affected_events = Operation(
    "CountAffectedEvents",
    "Count events matching batch replay filters",
    tag=TAG,
    description="The number of events that a batch replay with the same query would replay.",
    parameters=[PROJECT_ID, *BATCH_PARAMETERS],
    message="events count successful",
    data=CountDocument,
    examples={"Counted": example(CountDocument)},
    refused=[*BAD_DATES, refusals.SearchNotSupported(doing=BATCH_REPLAY_COUNT), refusals.CountTooSlow],
)
