"""Events of the portal API in the OpenAPI document. Contract: portal-links section 5.1."""

from core.api.openapi import body, nullable, operation, page_of, text
from events import openapi, serializers
from portal.openapi import TAG

UNSEEN = {401: {"No such event, or not the customer's": "unauthorized"}}

list_events = operation(
    "GetPortalEvents",
    "List the events of the customer's endpoints",
    tag=TAG,
    description=f"{openapi.LIST_DESCRIPTION} Endpoints of others are left out, and values of headers are masked.",
    parameters=openapi.PAGE,
    message="App events fetched successfully",
    data=page_of(openapi.WHOLE_EVENT),
    examples=openapi.PAGE_EXAMPLES,
    refused=openapi.BAD_SEARCH | openapi.SLOW,
)
create_event = operation(
    "CreatePortalEvent",
    "Create an event for an endpoint of the customer's",
    tag=TAG,
    description=openapi.CREATE_DESCRIPTION,
    request=body(
        serializers.CreateEvent,
        {"For an endpoint": {"endpoint_id": openapi.EXAMPLE["endpoints"][0]} | openapi.SENT},
    ),
    status=201,
    message="Event queued successfully",
    data=openapi.CREATED,
    examples={"Created": openapi.POSTED_EXAMPLE},
    refused={
        400: openapi.BAD_BODY | {"No endpoint": "please provide an endpoint ID"},
        401: {"No such endpoint, or not the customer's": "unauthorized"},
    },
)
get_event = operation(
    "GetPortalEvent",
    "Retrieve an event of the customer's endpoints",
    tag=TAG,
    description="The event with its payload. Endpoints of others are left out, and values of headers are masked.",
    parameters=[openapi.EVENT_ID],
    message="Endpoint event fetched successfully",
    data=openapi.WHOLE_EVENT,
    examples=openapi.EVENT_EXAMPLES,
    refused=UNSEEN,
)
replay_event = operation(
    "ReplayPortalEvent",
    "Replay an event of the customer's endpoints",
    tag=TAG,
    description=f"{openapi.REPLAY_DESCRIPTION} Every endpoint of the event must be the customer's.",
    parameters=[openapi.EVENT_ID],
    message="Endpoint event replayed successfully",
    data=openapi.WHOLE_EVENT,
    examples=openapi.EVENT_EXAMPLES,
    refused=UNSEEN,
)
batch_replay_events = operation(
    "BatchReplayPortalEvents",
    "Replay many events of the customer's endpoints",
    tag=TAG,
    description=f"{openapi.BATCH_DESCRIPTION} The message says how many that were, and how many were not because "
    "they have endpoints of others too, or for lack of time.",
    parameters=openapi.BATCH,
    message="12 successful, 0 failed",
    data=nullable(text(), "Always null."),
    examples={"Replayed": None},
    refused={400: openapi.BAD_BATCH},
)
count_affected_events = operation(
    "CountPortalAffectedEvents",
    "Count the events that a batch replay is about",
    tag=TAG,
    description="How many events the query chooses, duplicates aside.",
    parameters=openapi.BATCH,
    message="events count successful",
    data=openapi.COUNT,
    examples={"Counted": {"num": 12}},
    refused={400: openapi.BAD_WINDOW | {"A search": "batch replay count does not support search filters"}}
    | openapi.SLOW,
)
