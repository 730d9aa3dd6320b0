"""Declare the event operations. Contract: docs/contract/events.md."""

from typing import Any

from core.api.bodies import MALFORMED, BlankFields, WrongFields, WrongType
from core.api.documents import PageOf, Schema, example, ref
from core.api.openapi import (
    CURSORS,
    END,
    NOTHING,
    PAGE,
    START,
    TEXTS,
    Outcome,
    Tag,
    body,
    name_in_path,
    page_example,
    query,
)
from core.api.windows import BAD_DATES
from endpoints.exceptions import EndpointNotFound, EndpointUnknown
from events import exceptions as refusals
from events import serializers
from events.documents import CreatedDocument, EventDocument, TestEventDocument
from events.storage import NO_MATCH
from outbound.exceptions import UrlScheme
from outbound.headers import TEST_HEADER, HeaderRefused
from outbound.states import Status

TAG = Tag("Events")
# Parameters

name_in_path(eventID="The id of the event.")
#: In the order of the published document.
LIST_PARAMETERS = [
    query("body", "A JSON object: only events whose payload contains it."),
    PAGE["direction"],
    END,
    query("endpointId", "Only events for one of these endpoints. Repeat it for several.", TEXTS),
    query("idempotencyKey", "Only events with this key."),
    *CURSORS,
    query(
        "query",
        "The beginning of an id, or a part of an idempotency key or event type; a JSON object in it is taken as "
        "`body`.",
    ),
    query("sort", "`ASC`: oldest first. Newest first without it."),
    query("sourceId", "There are no sources: no event has any of these.", TEXTS),
    START,
]
# Examples

FAILED_EXAMPLE = example(EventDocument, status=Status.FAILURE.value, failure_reason=NO_MATCH)
EVENT_EXAMPLES = {"Event": example(EventDocument), "No subscription took it": FAILED_EXAMPLE}
SENT: dict[str, Any] = {
    "event_type": "invoice.paid",
    "data": {"invoice": 991, "amount": "12.50"},
    "custom_headers": {"X-Tenant": "acme"},
    "idempotency_key": "inv-991",
}
BAD_BODY = (
    *MALFORMED,
    WrongType(name="event_type"),
    WrongFields(failures=f"data:{serializers.NO_DATA}, event_type:{serializers.NO_EVENT_TYPE}"),
    HeaderRefused(reason='"Host" is reserved'),
    refusals.KeyMissing,
)
#: The published document has no data in the answer to a creation; the id is an addition.
CREATED: Schema = {"allOf": [NOTHING], "description": "The id of the event."}

# Operations

list_events = TAG.operation(
    "GetEventsPaged",
    "List all events",
    description="A page of the events of the last seven days, or of the time that is given, newest first.",
    parameters=LIST_PARAMETERS,
    success=Outcome(
        "App events fetched successfully",
        PageOf[EventDocument],
        {"One event": page_example(example(EventDocument)), "No subscription took it": page_example(FAILED_EXAMPLE)},
    ),
    refused=[*BAD_DATES, refusals.BadSearch, refusals.SearchTooSlow],
)
create_event = TAG.operation(
    "CreateEndpointEvent",
    "Create an event",
    description="Stores an event and a delivery for each of the endpoint's subscriptions that takes it, before it "
    "answers. An endpoint without a subscription gets one to all event types. A second event with the same "
    "idempotency key is stored as a duplicate and not sent.",
    request=body(
        serializers.CreateEvent, {"For an endpoint": {"endpoint_id": example(EventDocument)["endpoints"][0]} | SENT}
    ),
    success=Outcome("Event queued successfully", CreatedDocument, "Created", status=201, schema=CREATED),
    refused=[*BAD_BODY, refusals.EndpointMissing, EndpointUnknown],
)
DUPLICATE = Outcome("Duplicate event received, but will not be sent", CreatedDocument, "A duplicate", status=201)
create_fanout_event = TAG.operation(
    "CreateEndpointFanoutEvent",
    "Fan out an event",
    description="Stores an event for all endpoints of a customer, and a delivery for each subscription that takes it. "
    f"For a duplicate the message is `{DUPLICATE.message}`.",
    request=body(serializers.FanoutEvent, {"For a customer": {"owner_id": "acme"} | SENT}),
    success=Outcome(
        "Endpoint fanout event queued successfully", CreatedDocument, "Created", status=201, schema=CREATED
    ),
    outcomes=[DUPLICATE],
    refused=[*BAD_BODY, BlankFields(failures=f"owner_id:{serializers.NO_OWNER}")],
)
create_broadcast_event = TAG.operation(
    "CreateBroadcastEvent",
    "Create a broadcast event",
    description="Stores an event for the whole project, and one delivery for each endpoint that has a subscription "
    "which takes it.",
    request=body(serializers.BroadcastEvent, {"For everyone": SENT}),
    success=Outcome(
        "Broadcast event created successfully",
        CreatedDocument,
        "Created",
        status=201,
        schema={"allOf": [ref("models.EventResponse")], "description": "The id of the event, and nothing else."},
    ),
    refused=BAD_BODY,
)
create_dynamic_event = TAG.operation(
    "CreateDynamicEvent",
    "Dynamic Events",
    description="Stores an event for a URL, and one delivery to it. Where no endpoint has this URL, one is created. "
    "Its first subscription takes the event, whatever its event types and filter are.",
    request=body(
        serializers.DynamicEvent, {"For a URL": {"url": "https://hooks.example.com/orders", "secret": "s"} | SENT}
    ),
    success=Outcome("Dynamic event created successfully", CreatedDocument, "Created", status=201, schema=CREATED),
    refused=[*BAD_BODY, BlankFields(failures=f"url:{serializers.NO_URL}"), UrlScheme, refusals.UrlNotConcrete],
)
TEST_REFUSED = (
    *MALFORMED,
    WrongType(name="event_type"),
    WrongFields(failures=f"event_type:{serializers.NO_EVENT_TYPE}"),
    refusals.NoOverlap,
)
send_test_event = TAG.operation(
    "SendTestEvent",
    "Send a test event",
    description="Sends a test event to this endpoint only, whatever its state and its subscriptions are, with the "
    f"header `{TEST_HEADER}: 1` and a single attempt. It does not count for figures, circuit breaker, notifications "
    "and meta events. Not part of Convoy's API.",
    request=body(
        serializers.TestEvent,
        {
            "An example of the schema": {"event_type": "invoice.paid"},
            "A payload": {"event_type": "invoice.paid", "data": SENT["data"]},
            "A rehearsal": {"event_type": "invoice.paid", "rehearsal": True},
        },
    ),
    success=Outcome("Test event queued successfully", TestEventDocument, "Queued", status=201),
    refused=TEST_REFUSED,
    not_found=EndpointNotFound,
)
get_event = TAG.operation(
    "GetEndpointEvent",
    "Retrieve an event",
    description="The event with its payload.",
    success=Outcome("Endpoint event fetched successfully", EventDocument, EVENT_EXAMPLES),
    not_found=refusals.EventNotFound,
)
