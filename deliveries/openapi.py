"""The operations on deliveries and attempts in the OpenAPI document. Contract: docs/contract/deliveries.md."""

from types import NoneType

from core.api.documents import PageOf, example
from core.api.openapi import (
    END,
    PAGE_PARAMETERS,
    PROJECT_ID,
    START,
    Operation,
    array,
    body,
    describe,
    page_example,
    path_parameter,
    query,
    takes_null,
    text,
)
from core.api.windows import BAD_DATES
from core.tally import Tally
from deliveries import exceptions as refusals
from deliveries.batch_retry import RETRY_JOB
from deliveries.counts import RateDocument
from deliveries.documents import AttemptDocument, DeliveryDocument
from deliveries.serializers import DeliveryIDs
from endpoints.models import Endpoint
from endpoints.openapi import TAG as ENDPOINTS_TAG
from jobs.documents import JobDocument
from jobs.openapi import PENDING_EXAMPLE
from outbound.states import Status
from projects.exceptions import ProjectNotFound

TAG = "Event Deliveries"
ATTEMPTS_TAG = "Delivery Attempts"

describe(DeliveryIDs, "models.IDs")
takes_null(DeliveryIDs)

# Examples

FAILED_EXAMPLE = example(DeliveryDocument, status=Status.FAILURE.value, description="Retry limit exceeded")
DELIVERY_EXAMPLES = {"Delivery": example(DeliveryDocument), "Failed": FAILED_EXAMPLE}
_SENT = {"Content-Type": "application/json"}
UNREACHED_EXAMPLE = example(AttemptDocument, request_http_header=_SENT, error="connection refused")
SUCCESS_EXAMPLE = example(
    AttemptDocument,
    ip_address="203.0.113.7",
    request_http_header=_SENT,
    response_http_header={"Content-Type": "text/plain"},
    http_status="200 OK",
    response_data="thanks",
    status=True,
    responded_at="2026-02-03T09:15:05.2Z",
)

RETRY_JOB_EXAMPLE = PENDING_EXAMPLE | {"kind": RETRY_JOB}

# Parameters and refusals

DELIVERY_ID = path_parameter("eventDeliveryID", "The id of the event delivery.")
ATTEMPT_ID = path_parameter("deliveryAttemptID", "The id of the attempt.")
ENDPOINT_IDS = query("endpointId", array(text()), "Only those to these endpoints.")
_PAGE = {parameter.name: parameter for parameter in PAGE_PARAMETERS}
#: In the order of the published document; parameters that it does not have come last.
FILTERS = [
    _PAGE["direction"],
    END,
    ENDPOINT_IDS,
    query("eventId", text(), "Only those of this event."),
    # One of its two names: clients in some languages cannot have both.
    query("event_type", text(), "Only those of events of this type. `eventType` is accepted too."),
    query("idempotencyKey", text(), "Only those of the event that was sent with this key."),
    _PAGE["next_page_cursor"],
    _PAGE["perPage"],
    _PAGE["prev_page_cursor"],
    query("sort", text(), "`ASC`: oldest first. Newest first without it."),
    START,
    query("status", array(text()), "Only those with one of these statuses."),
    query("subscriptionId", text(), "Only those of this subscription."),
    query("brokerMessageId", text(), "Only those of events with this header X-Broker-Message-Id."),
]
BAD_FILTER = (*BAD_DATES, refusals.NoEventOfKey)

# Operations

list_deliveries = Operation(
    "GetEventDeliveriesPaged",
    "List all event deliveries",
    tag=TAG,
    description="A page of the project's deliveries, those of the last seven days without other dates.",
    parameters=[PROJECT_ID, *FILTERS],
    message="Event deliveries fetched successfully",
    data=PageOf[DeliveryDocument],
    examples={
        "One delivery": page_example(example(DeliveryDocument)),
        "One that has failed": page_example(FAILED_EXAMPLE),
    },
    refused=[*BAD_FILTER, refusals.CountTooSlow],
)
get_delivery = Operation(
    "GetEventDelivery",
    "Retrieve an event delivery",
    tag=TAG,
    description="The delivery with its payload. Its attempts are an operation of their own.",
    parameters=[PROJECT_ID, DELIVERY_ID],
    message="Event Delivery fetched successfully",
    data=DeliveryDocument,
    examples=DELIVERY_EXAMPLES,
    refused=[ProjectNotFound],
    not_found=refusals.DeliveryNotFound,
)
resend_delivery = Operation(
    "ResendEventDelivery",
    "Retry event delivery",
    tag=TAG,
    description="Sends a failed or discarded delivery again, with its whole allowance of attempts.",
    parameters=[PROJECT_ID, DELIVERY_ID],
    message="App event processed for retry successfully",
    data=DeliveryDocument,
    examples={"Scheduled": example(DeliveryDocument, status=Status.SCHEDULED.value)},
    refused=[
        refusals.AlreadySent,
        refusals.NotFailed,
        refusals.EndpointDeleted,
        refusals.EndpointNotActive(status=Endpoint.Status.PAUSED.value),
    ],
    not_found=refusals.DeliveryUnknown,
)
force_resend = Operation(
    "ForceResendEventDeliveries",
    "Force retry event delivery",
    tag=TAG,
    description="Sends deliveries again that have succeeded. Those to an endpoint that is not active count as failed, "
    "unknown ids are left out.",
    parameters=[PROJECT_ID],
    request=body(DeliveryIDs, {"Two": {"ids": [example(DeliveryDocument)["uid"], "01K4T0ZB8R4Y0X6W2V8T4S0Q6N"]}}),
    message=Tally(2, 0).message,
    data=NoneType,
    examples={"Sent": None},
    refused=[refusals.BadList, refusals.NotSucceeded],
)
batch_retry = Operation(
    "BatchRetryEventDelivery",
    "Batch retry event delivery",
    tag=TAG,
    description="Sends all deliveries again, in the background, that the list would have on all of its pages. Those "
    "that have succeeded or are being sent stay as they are; those that wait are sent at once.",
    parameters=[PROJECT_ID, *FILTERS],
    message="Batch retry processing",
    data=NoneType,
    examples={"Started": None},
    refused=[*BAD_FILTER, refusals.RetryUnderWay],
)
create_retry_job = Operation(
    "CreateRetryJob",
    "Send any number of deliveries again",
    tag=TAG,
    description="Stores a job that does what a batch retry does: each delivery that the list would have on all of its "
    "pages is sent again, once. The job tells how many are done, and can be paused, resumed and canceled. Not part of "
    "Convoy's API.",
    parameters=[
        PROJECT_ID,
        *FILTERS,
        query("dry_run", {"type": "boolean"}, "Only `true` counts: count the deliveries, and send none."),
    ],
    status=202,
    message="Batch retry job accepted",
    data=JobDocument,
    examples={"Accepted": RETRY_JOB_EXAMPLE},
    refused=[*BAD_FILTER, refusals.RetryUnderWay],
)
list_attempts = Operation(
    "GetDeliveryAttempts",
    "List delivery attempts",
    tag=ATTEMPTS_TAG,
    description="The last ten attempts of a delivery, oldest first.",
    parameters=[PROJECT_ID, DELIVERY_ID],
    message="Event delivery attempts fetched successfully",
    data=list[AttemptDocument],
    examples={"A failure and a success": [UNREACHED_EXAMPLE, SUCCESS_EXAMPLE], "One": [SUCCESS_EXAMPLE]},
    not_found=refusals.DeliveryUnknown,
)
get_attempt = Operation(
    "GetDeliveryAttempt",
    "Retrieve a delivery attempt",
    tag=ATTEMPTS_TAG,
    description="One attempt of a delivery.",
    parameters=[PROJECT_ID, DELIVERY_ID, ATTEMPT_ID],
    message="Event delivery attempt fetched successfully",
    data=AttemptDocument,
    examples={"Attempt": SUCCESS_EXAMPLE, "No connection": UNREACHED_EXAMPLE},
    refused=[refusals.AttemptUnknown],
    not_found=refusals.DeliveryUnknown,
)
period_failure_rates = Operation(
    "GetEndpointPeriodFailureRates",
    "Endpoint period failure rates",
    tag=ENDPOINTS_TAG,
    description="For each of the endpoints in the query, at most 100, the share of its deliveries that has failed, of "
    "those that were created in the time and attempted. All is null where there are none, or counting takes more than "
    "2 seconds.",
    parameters=[PROJECT_ID, ENDPOINT_IDS, START, END],
    message="Endpoint period failure rates fetched successfully",
    data=list[RateDocument],
    examples={
        "One with attempts, one without": [
            example(RateDocument, period_failure_rate=0.25, success_count=6, failure_count=1, retry_count=1),
            example(RateDocument, uid="01JZ8QM5XA3B5C7D9E1F3G5H7J"),
        ],
        "No endpoint in the query": [],
    },
    refused=BAD_DATES,
)
