"""The event operations in the OpenAPI document. Contract: events sections 1 to 3 and 7."""

from typing import Any

from core.api.documents import Schema
from core.api.openapi import (
    DELETED_AT,
    NO_TIME,
    NOTHING,
    PAGINATION_EXAMPLE,
    PROJECT_ID,
    TIME,
    UID,
    URL_PATTERN,
    array,
    body,
    define,
    describe,
    flag,
    integer,
    nullable,
    operation,
    page_of,
    path_parameter,
    query,
    record,
    text,
)
from events import serializers
from events.documents import NO_SOURCE
from outbound.openapi import HTTP_HEADERS

TAG = "Events"
FANOUT_CREATED = "Endpoint fanout event queued successfully"
FANOUT_DUPLICATE = "Duplicate event received, but will not be sent"

SOURCE = define(
    "datastore.Source",
    record(
        {
            "uid": text(),
            "project_id": text(),
            "mask_id": text(),
            "name": text(),
            "url": text(),
            "type": define("datastore.SourceType", text()),
            "provider": define("datastore.SourceProvider", text()),
            "is_disabled": flag(),
            "verifier": nullable(define("datastore.VerifierConfig", {"type": "object"})),
            "custom_response": define("datastore.CustomResponse", record({"body": text(), "content_type": text()})),
            "provider_config": nullable(define("datastore.ProviderConfig", {"type": "object"})),
            "forward_headers": nullable(array(text())),
            "pub_sub": nullable(define("datastore.PubSubConfig", {"type": "object"})),
            "idempotency_keys": nullable(array(text())),
            "event_type_location": text(),
            "body_function": nullable(text()),
            "header_function": nullable(text()),
            "created_at": NO_TIME,
            "updated_at": NO_TIME,
            "deleted_at": DELETED_AT,
        },
        "There are no sources: all is empty.",
    ),
)


# Shapes of answers

# The published document says "object", but takes and shows more than that.
PAYLOAD: Schema = {"nullable": True, "description": "What is sent: any JSON value, kept byte for byte."}
STATUS = define(
    "datastore.EventStatus",
    text(
        "`Success`: its deliveries are made, or it is a duplicate. `Failure`: see `failure_reason`.",
        enum=["Processing", "Failure", "Success", "Retry", "Pending", ""],
    ),
)
#: Not in each answer: `failure_reason`.
EVENT_PROPERTIES: dict[str, Schema] = {
    "uid": UID,
    "event_type": text(),
    "project_id": UID,
    "endpoints": array(text(), "One for each subscription that took it; if none did, those that it was for."),
    "headers": HTTP_HEADERS,
    "source_metadata": nullable(SOURCE),
    "url_query_params": text("Always empty."),
    "url_path": text("Always empty."),
    "idempotency_key": text(),
    "is_duplicate_event": flag("Whether an event with its idempotency key was there before: it is not delivered."),
    "data": PAYLOAD,
    "status": STATUS,
    "acknowledged_at": nullable(TIME),
    "created_at": TIME,
    "updated_at": TIME,
    "deleted_at": DELETED_AT,
}
EVENT = define(
    "models.EventResponse",
    record(EVENT_PROPERTIES | {"failure_reason": text("Absent where it has not failed.")}, required=False),
)
WHOLE_EVENT: Schema = {"allOf": [EVENT], "required": list(EVENT_PROPERTIES)}
EVENT_ID = path_parameter("eventID", "The id of the event.")
CREATED: Schema = {"allOf": [NOTHING], "properties": {"uid": UID}, "description": "The id of the event."}
COUNT = define("models.CountResponse", record({"num": integer()}))

# Parameters, in the order of the published document

PARAMETERS: list[tuple[str, Schema, str]] = [
    ("body", text(), "A JSON object: only events whose payload contains it."),
    ("direction", text(enum=["next", "prev"], default="next"), "Down the list, or up."),
    ("endDate", text(), "Such as `2026-07-03T23:59:59`, in UTC; without it the end of today."),
    ("endpointId", array(text()), "Only events for one of these endpoints. Repeat it for several."),
    ("idempotencyKey", text(), "Only events with this key."),
    ("next_page_cursor", text(), "`pagination.next_page_cursor` of the page before."),
    (
        "perPage",
        integer(default=20),
        "Rows in a page. Less than 1 counts as 1, more than 1000 as 1000, what is not a number as 20.",
    ),
    ("prev_page_cursor", text(), "`pagination.prev_page_cursor` of the page after."),
    (
        "query",
        text(),
        "The beginning of an id, or a part of an idempotency key or event type; a JSON object in it is taken as "
        "`body`.",
    ),
    ("sort", text(), "`ASC`: oldest first. Newest first without it."),
    ("sourceId", array(text()), "There are no sources: no event has any of these."),
    ("startDate", text(), "Such as `2026-07-03T00:00:00`, in UTC; without it seven days ago, at midnight."),
]
IGNORED = ("direction", "next_page_cursor", "perPage", "prev_page_cursor", "sort")
REFUSED = ("body", "query")


def _of_a_batch(name: str, description: str) -> str:
    if name in REFUSED:
        return "Not supported here: 400."
    return "Accepted and ignored." if name in IGNORED else description


PAGE = [query(*parameter) for parameter in PARAMETERS]
#: The same of an operation that neither searches nor has pages.
BATCH = [query(name, schema, _of_a_batch(name, description)) for name, schema, description in PARAMETERS]

# Request bodies

FIELDS: dict[str, Schema] = {
    "data": PAYLOAD,
    "event_type": {"description": "Such as `invoice.paid`. It need not be one of the project's event types."},
    "custom_headers": {"description": "Headers that each delivery carries; those that HTTP itself needs are refused."},
    "idempotency_key": {
        "description": "Of any number of events with one key, one is delivered. Required where the project has a "
        "`request_id_header` of its own."
    },
}
describe(
    serializers.CreateEvent,
    "models.CreateEvent",
    **FIELDS,
    endpoint_id={"description": "The endpoint that it is for."},
    app_id={"description": "Deprecated: the same as `endpoint_id`, which wins."},
)
describe(
    serializers.FanoutEvent,
    "models.FanoutEvent",
    **FIELDS,
    owner_id={"description": "The customer to all of whose endpoints it goes."},
)
describe(
    serializers.BroadcastEvent,
    "models.BroadcastEvent",
    **FIELDS,
    acknowledged_at={"description": "Accepted and ignored."},
)
describe(
    serializers.DynamicEvent,
    "models.DynamicEvent",
    **FIELDS,
    url={"description": "Where it goes: an http or https URL.", "pattern": URL_PATTERN},
    secret={"description": "Of the endpoint, if there is none for the URL yet. Generated where it is not sent."},
    event_types={"description": "The event types that the endpoint's first subscription has from now on."},
)

# Examples

EXAMPLE: dict[str, Any] = {
    "uid": "01JZ8QS9N3P5R7T9V1X3Z5B7D9",
    "event_type": "invoice.paid",
    "project_id": "01JZ8QK3V7M2N4P6R8T0W2Y4A6",
    "endpoints": ["01JZ8QM5X9C1D3F5G7H9J1K3M5"],
    "headers": {"X-Tenant": ["acme"]},
    "source_metadata": NO_SOURCE,
    "url_query_params": "",
    "url_path": "",
    "idempotency_key": "inv-991",
    "is_duplicate_event": False,
    "data": {"invoice": 991, "amount": "12.50"},
    "status": "Success",
    "acknowledged_at": "2026-07-03T09:31:02.113204Z",
    "created_at": "2026-07-03T09:31:02.113204Z",
    "updated_at": "2026-07-03T09:31:02.113204Z",
    "deleted_at": None,
}
FAILED_EXAMPLE = EXAMPLE | {"status": "Failure", "failure_reason": "no subscription matched this event"}
POSTED_EXAMPLE = {"uid": EXAMPLE["uid"]}
SENT: dict[str, Any] = {
    "event_type": "invoice.paid",
    "data": {"invoice": 991, "amount": "12.50"},
    "custom_headers": {"X-Tenant": "acme"},
    "idempotency_key": "inv-991",
}
BAD_BODY = {
    "No body": "body must not be empty",
    "Not JSON": "body contains badly-formed JSON (at character 2)",
    "Of a wrong type": 'body contains incorrect JSON type for field "event_type"',
    "Something is missing": "data:please provide your data, event_type:please provide an event type",
    "A header that cannot be sent": 'invalid custom_headers: "Host" is reserved',
    "No key where one is needed": "idempotency_key is required when a custom request_id_header is configured",
}
BAD_WINDOW = {
    "A start that is no date": "please specify a startDate in the format 2006-01-02T15:04:05",
    "An end that is no date": "please specify a correct endDate in the format 2006-01-02T15:04:05 or none at all",
    "The end before the start": "startDate cannot be greater than endDate",
}
BAD_BATCH = BAD_WINDOW | {
    "A search": "batch replay does not support search filters",
    "Another one is under way": "an active batch replay already exists",
}
BAD_SEARCH = {400: BAD_WINDOW | {"A body that is no object": "body must be a nonempty JSON object"}}
SLOW = {504: {"More than five seconds": "Search took too long. Narrow the time range or search term."}}
PAGE_EXAMPLES = {
    "One event": {"content": [EXAMPLE], "pagination": PAGINATION_EXAMPLE},
    "One that nobody took": {"content": [FAILED_EXAMPLE], "pagination": PAGINATION_EXAMPLE},
}
EVENT_EXAMPLES = {"Event": EXAMPLE, "One that nobody took": FAILED_EXAMPLE}
LIST_DESCRIPTION = "A page of the events of the last seven days, or of the time that is given, newest first."
REPLAY_DESCRIPTION = (
    "Matches the event with the subscriptions of today, and makes new deliveries. The event keeps its id, and its "
    "idempotency key does not hold it up. A body is ignored."
)
BATCH_DESCRIPTION = (
    "Replays every event that the query chooses, duplicates aside, oldest first. It ends after 20 seconds: what it has "
    "not reached by then counts as failed, and a later `startDate` goes on with it."
)
COUNT_DESCRIPTION = "How many events a batch replay with the same query would replay."
CREATE_DESCRIPTION = (
    "Stores an event and a delivery to each of the endpoint's subscriptions that takes it, before it answers. An "
    "endpoint without a subscription gets one to everything. A second event with the same idempotency key is stored "
    "as a duplicate and not sent."
)

# Operations

list_events = operation(
    "GetEventsPaged",
    "List all events",
    tag=TAG,
    description=LIST_DESCRIPTION,
    parameters=[PROJECT_ID, *PAGE],
    message="App events fetched successfully",
    data=page_of(WHOLE_EVENT),
    examples=PAGE_EXAMPLES,
    refused=BAD_SEARCH | SLOW,
)
create_event = operation(
    "CreateEndpointEvent",
    "Create an event",
    tag=TAG,
    description=CREATE_DESCRIPTION,
    parameters=[PROJECT_ID],
    request=body(serializers.CreateEvent, {"For an endpoint": {"endpoint_id": EXAMPLE["endpoints"][0]} | SENT}),
    status=201,
    message="Event queued successfully",
    data=CREATED,
    examples={"Created": POSTED_EXAMPLE},
    refused={
        400: BAD_BODY | {"No endpoint": "please provide an endpoint ID", "No such endpoint": "endpoint not found"}
    },
)
create_fanout_event = operation(
    "CreateEndpointFanoutEvent",
    "Fan out an event",
    tag=TAG,
    description="Stores an event for all endpoints of a customer, and a delivery to each subscription that takes it. "
    f"For a duplicate the message is `{FANOUT_DUPLICATE}`.",
    parameters=[PROJECT_ID],
    request=body(serializers.FanoutEvent, {"For a customer": {"owner_id": "acme"} | SENT}),
    status=201,
    message=FANOUT_CREATED,
    data=CREATED,
    examples={"Created": POSTED_EXAMPLE},
    refused={400: BAD_BODY | {"No owner": "owner_id:please provide an owner id"}},
)
create_broadcast_event = operation(
    "CreateBroadcastEvent",
    "Create a broadcast event",
    tag=TAG,
    description="Stores an event for the whole project, and one delivery to each endpoint of which a subscription "
    "takes it.",
    parameters=[PROJECT_ID],
    request=body(serializers.BroadcastEvent, {"For everyone": SENT}),
    status=201,
    message="Broadcast event created successfully",
    data={"allOf": [EVENT], "description": "The id of the event, and nothing else."},
    examples={"Created": POSTED_EXAMPLE},
    refused={400: BAD_BODY},
)
create_dynamic_event = operation(
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
    data=CREATED,
    examples={"Created": POSTED_EXAMPLE},
    refused={
        400: BAD_BODY
        | {"No URL": "url:please provide an endpoint url", "The URL's scheme": "invalid endpoint scheme"}
        | {"A template": "dynamic event URL must be concrete, not an endpoint URL template"}
    },
)
get_event = operation(
    "GetEndpointEvent",
    "Retrieve an event",
    tag=TAG,
    description="The event with its payload.",
    parameters=[PROJECT_ID, EVENT_ID],
    message="Endpoint event fetched successfully",
    data=WHOLE_EVENT,
    examples=EVENT_EXAMPLES,
    refused={404: {"Project": "project not found", "Event": "event not found"}},
)
replay_event = operation(
    "ReplayEndpointEvent",
    "Replay event",
    tag=TAG,
    description=REPLAY_DESCRIPTION,
    parameters=[PROJECT_ID, EVENT_ID],
    message="Endpoint event replayed successfully",
    data=WHOLE_EVENT,
    examples=EVENT_EXAMPLES,
    refused={400: {"No such event": "event not found"}},
)
batch_replay_events = operation(
    "BatchReplayEvents",
    "Batch replay events",
    tag=TAG,
    description=f"{BATCH_DESCRIPTION} The message says how many that were.",
    parameters=[PROJECT_ID, *BATCH],
    message="12 successful, 0 failed",
    data=nullable(text(), "Always null."),
    examples={"Replayed": None},
    refused={400: BAD_BATCH},
)
count_affected_events = operation(
    "CountAffectedEvents",
    "Count events matching batch replay filters",
    tag=TAG,
    description=COUNT_DESCRIPTION,
    parameters=[PROJECT_ID, *BATCH],
    message="events count successful",
    data=COUNT,
    examples={"Counted": {"num": 12}},
    refused={400: BAD_WINDOW | {"A search": "batch replay count does not support search filters"}} | SLOW,
)
