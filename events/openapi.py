"""The event operations in the OpenAPI document. Contract: docs/contract/events.md."""

from copy import copy
from typing import Any

from drf_spectacular.utils import OpenApiParameter

from core.api.bodies import BlankFields, NoBody, NotJSON, WrongFields, WrongType
from core.api.documents import PageOf, Schema, example, ref
from core.api.openapi import (
    END,
    NOTHING,
    PAGE_PARAMETERS,
    PROJECT_ID,
    START,
    URL_PATTERN,
    Operation,
    Outcome,
    array,
    body,
    describe,
    page_example,
    path_parameter,
    query,
    text,
)
from core.api.windows import BAD_DATES
from core.tally import Tally
from endpoints.exceptions import EndpointNotFound, EndpointUnknown
from endpoints.openapi import ENDPOINT_ID
from events import exceptions as refusals
from events import serializers
from events.documents import CountDocument, CreatedDocument, EventDocument, TestEventDocument
from events.replay import MOST_DELIVERIES, MOST_EVENTS
from events.storage import NO_MATCH
from jobs.documents import JobDocument
from jobs.openapi import PENDING_EXAMPLE
from outbound.exceptions import UrlScheme
from outbound.headers import TEST_HEADER, HeaderRefused
from outbound.states import Status
from projects.exceptions import ProjectNotFound

TAG = "Events"
#: The operations that do not search, as their refusals name them.
BATCH_REPLAY = "batch replay"
BATCH_REPLAY_COUNT = "batch replay count"

# Request bodies

describe(serializers.DynamicEvent, "models.DynamicEvent", url={"pattern": URL_PATTERN})

# Parameters

EVENT_ID = path_parameter("eventID", "The id of the event.")
_PAGE = {parameter.name: parameter for parameter in PAGE_PARAMETERS}
#: In the order of the published document.
LIST_PARAMETERS = [
    query("body", text(), "A JSON object: only events whose payload contains it."),
    _PAGE["direction"],
    END,
    query("endpointId", array(text()), "Only events for one of these endpoints. Repeat it for several."),
    query("idempotencyKey", text(), "Only events with this key."),
    _PAGE["next_page_cursor"],
    _PAGE["perPage"],
    _PAGE["prev_page_cursor"],
    query(
        "query",
        text(),
        "The beginning of an id, or a part of an idempotency key or event type; a JSON object in it is taken as "
        "`body`.",
    ),
    query("sort", text(), "`ASC`: oldest first. Newest first without it."),
    query("sourceId", array(text()), "There are no sources: no event has any of these."),
    START,
]
_IN_A_BATCH = dict.fromkeys(("body", "query"), "Not supported here: 400.") | dict.fromkeys(
    ("direction", "next_page_cursor", "perPage", "prev_page_cursor", "sort"), "Accepted and ignored."
)


def _of_a_batch(parameter: OpenApiParameter) -> OpenApiParameter:
    changed = copy(parameter)
    changed.description = _IN_A_BATCH.get(parameter.name, changed.description)
    return changed


#: The same of an operation that neither searches nor has pages.
BATCH_PARAMETERS = [_of_a_batch(parameter) for parameter in LIST_PARAMETERS]

# Examples

FAILED_EXAMPLE = example(EventDocument, status=Status.FAILURE.value, failure_reason=NO_MATCH)
EVENT_EXAMPLES = {"Event": example(EventDocument), "No subscription took it": FAILED_EXAMPLE}
CREATED_EXAMPLES = {"Created": example(CreatedDocument)}
SENT: dict[str, Any] = {
    "event_type": "invoice.paid",
    "data": {"invoice": 991, "amount": "12.50"},
    "custom_headers": {"X-Tenant": "acme"},
    "idempotency_key": "inv-991",
}
BAD_BODY = (
    NoBody,
    NotJSON(where=" (at character 2)"),
    WrongType(name="event_type"),
    WrongFields(failures=f"data:{serializers.NO_DATA}, event_type:{serializers.NO_EVENT_TYPE}"),
    HeaderRefused(reason='"Host" is reserved'),
    refusals.KeyMissing,
)
#: What the published document says of the answer to a creation, beside the id.
CREATED: Schema = {"allOf": [NOTHING], "description": "The id of the event."}

# Operations

list_events = Operation(
    "GetEventsPaged",
    "List all events",
    tag=TAG,
    description="A page of the events of the last seven days, or of the time that is given, newest first.",
    parameters=[PROJECT_ID, *LIST_PARAMETERS],
    message="App events fetched successfully",
    data=PageOf[EventDocument],
    examples={
        "One event": page_example(example(EventDocument)),
        "No subscription took it": page_example(FAILED_EXAMPLE),
    },
    refused=[*BAD_DATES, refusals.BadSearch, refusals.SearchTooSlow],
)
create_event = Operation(
    "CreateEndpointEvent",
    "Create an event",
    tag=TAG,
    description="Stores an event and a delivery for each of the endpoint's subscriptions that takes it, before it "
    "answers. An endpoint without a subscription gets one to all event types. A second event with the same "
    "idempotency key is stored as a duplicate and not sent.",
    parameters=[PROJECT_ID],
    request=body(
        serializers.CreateEvent,
        {"For an endpoint": {"endpoint_id": example(EventDocument)["endpoints"][0]} | SENT},
    ),
    status=201,
    message="Event queued successfully",
    data=CreatedDocument,
    schema=CREATED,
    examples=CREATED_EXAMPLES,
    refused=[*BAD_BODY, refusals.EndpointMissing, EndpointUnknown],
)
DUPLICATE = Outcome("Duplicate event received, but will not be sent", {"A duplicate": example(CreatedDocument)}, 201)
create_fanout_event = Operation(
    "CreateEndpointFanoutEvent",
    "Fan out an event",
    tag=TAG,
    description="Stores an event for all endpoints of a customer, and a delivery for each subscription that takes it. "
    f"For a duplicate the message is `{DUPLICATE.message}`.",
    parameters=[PROJECT_ID],
    request=body(serializers.FanoutEvent, {"For a customer": {"owner_id": "acme"} | SENT}),
    status=201,
    message="Endpoint fanout event queued successfully",
    data=CreatedDocument,
    schema=CREATED,
    examples=CREATED_EXAMPLES,
    outcomes=[DUPLICATE],
    refused=[*BAD_BODY, BlankFields(failures=f"owner_id:{serializers.NO_OWNER}")],
)
create_broadcast_event = Operation(
    "CreateBroadcastEvent",
    "Create a broadcast event",
    tag=TAG,
    description="Stores an event for the whole project, and one delivery for each endpoint that has a subscription "
    "which takes it.",
    parameters=[PROJECT_ID],
    request=body(serializers.BroadcastEvent, {"For everyone": SENT}),
    status=201,
    message="Broadcast event created successfully",
    data=CreatedDocument,
    schema={"allOf": [ref("models.EventResponse")], "description": "The id of the event, and nothing else."},
    examples=CREATED_EXAMPLES,
    refused=BAD_BODY,
)
create_dynamic_event = Operation(
    "CreateDynamicEvent",
    "Dynamic Events",
    tag=TAG,
    description="Stores an event for a URL, and one delivery to it. Where no endpoint has this URL, one is created. "
    "Its first subscription takes the event, whatever its event types and filter are.",
    parameters=[PROJECT_ID],
    request=body(
        serializers.DynamicEvent, {"For a URL": {"url": "https://hooks.example.com/orders", "secret": "s"} | SENT}
    ),
    status=201,
    message="Dynamic event created successfully",
    data=CreatedDocument,
    schema=CREATED,
    examples=CREATED_EXAMPLES,
    refused=[*BAD_BODY, BlankFields(failures=f"url:{serializers.NO_URL}"), UrlScheme, refusals.UrlNotConcrete],
)
TEST_REFUSED = (
    NoBody,
    NotJSON(where=" (at character 2)"),
    WrongType(name="event_type"),
    WrongFields(failures=f"event_type:{serializers.NO_EVENT_TYPE}"),
    refusals.NoOverlap,
)
send_test_event = Operation(
    "SendTestEvent",
    "Send a test event",
    tag=TAG,
    description="Sends a test event to this endpoint only, whatever its state and its subscriptions are, with the "
    f"header `{TEST_HEADER}: 1` and a single attempt. It does not count for figures, circuit breaker, notifications "
    "and meta events. Not part of Convoy's API.",
    parameters=[PROJECT_ID, ENDPOINT_ID],
    request=body(
        serializers.TestEvent,
        {
            "An example of the schema": {"event_type": "invoice.paid"},
            "A payload": {"event_type": "invoice.paid", "data": SENT["data"]},
            "A rehearsal": {"event_type": "invoice.paid", "rehearsal": True},
        },
    ),
    status=201,
    message="Test event queued successfully",
    data=TestEventDocument,
    examples={"Queued": example(TestEventDocument)},
    refused=TEST_REFUSED,
    not_found=EndpointNotFound,
)
get_event = Operation(
    "GetEndpointEvent",
    "Retrieve an event",
    tag=TAG,
    description="The event with its payload.",
    parameters=[PROJECT_ID, EVENT_ID],
    message="Endpoint event fetched successfully",
    data=EventDocument,
    examples=EVENT_EXAMPLES,
    refused=[ProjectNotFound],
    not_found=refusals.EventNotFound,
)
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
    not_found=refusals.EventUnknown,
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
