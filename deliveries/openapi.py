"""Declare the operations on deliveries and attempts. Contract: docs/contract/deliveries.md."""

from types import NoneType

from core.api.documents import PageOf, example
from core.api.openapi import CURSORS, END, PAGE, START, TEXTS, Outcome, Tag, body, name_in_path, page_example, query
from core.api.windows import BAD_DATES
from core.tally import Tally
from deliveries import exceptions as refusals
from deliveries.batch_retry import RETRY_JOB
from deliveries.copies import HEADERS, CopyDocument
from deliveries.counts import RateDocument
from deliveries.documents import AttemptDocument, DeliveryDocument
from deliveries.links import TOKEN, DeliveryLinkDocument, MakerDocument
from deliveries.serializers import DeliveryIDs
from endpoints.models import Endpoint
from endpoints.openapi import TAG as ENDPOINTS_TAG
from jobs.documents import JobDocument
from jobs.openapi import PENDING_EXAMPLE, dry_run
from outbound.retries import LIMIT_REACHED
from outbound.signatures import NO_SECRET
from outbound.states import Status
from portal_links.exceptions import DeliveryLinkNotFound

TAG = Tag("Event Deliveries")
ATTEMPTS_TAG = Tag("Delivery Attempts")

# Examples

FAILED_EXAMPLE = example(DeliveryDocument, status=Status.FAILURE.value, description=LIMIT_REACHED)
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

name_in_path(eventDeliveryID="The id of the event delivery.", deliveryAttemptID="The id of the attempt.")
name_in_path(linkID="The id of the link.")
ENDPOINT_IDS = query("endpointId", "Only deliveries to these endpoints.", TEXTS)
#: In the order of the published document; parameters that it does not have come last.
FILTERS = [
    PAGE["direction"],
    END,
    ENDPOINT_IDS,
    query("eventId", "Only deliveries of this event."),
    # One of its two names: clients in some languages cannot have both.
    query("event_type", "Only deliveries of events of this type. `eventType` is accepted too."),
    query("idempotencyKey", "Only deliveries of the event with this key."),
    *CURSORS,
    query("sort", "`ASC`: oldest first. Newest first without it."),
    START,
    query("status", "Only deliveries with one of these statuses.", TEXTS),
    query("subscriptionId", "Only deliveries of this subscription."),
    query("brokerMessageId", "Only deliveries of events with this header X-Broker-Message-Id."),
]
BAD_FILTER = (*BAD_DATES, refusals.NoEventOfKey)

# Operations

list_deliveries = TAG.operation(
    "GetEventDeliveriesPaged",
    "List all event deliveries",
    description="A page of the project's deliveries, those of the last seven days without other dates.",
    parameters=FILTERS,
    success=Outcome(
        "Event deliveries fetched successfully",
        PageOf[DeliveryDocument],
        {"One delivery": page_example(example(DeliveryDocument)), "One that has failed": page_example(FAILED_EXAMPLE)},
    ),
    refused=[*BAD_FILTER, refusals.CountTooSlow],
)
get_delivery = TAG.operation(
    "GetEventDelivery",
    "Retrieve an event delivery",
    description="The delivery with its payload. Its attempts are an operation of their own.",
    success=Outcome("Event Delivery fetched successfully", DeliveryDocument, DELIVERY_EXAMPLES),
    not_found=refusals.DeliveryNotFound,
)
resend_delivery = TAG.operation(
    "ResendEventDelivery",
    "Retry event delivery",
    description="Sends a failed or discarded delivery again, with its whole allowance of attempts.",
    success=Outcome(
        "App event processed for retry successfully",
        DeliveryDocument,
        {"Scheduled": example(DeliveryDocument, status=Status.SCHEDULED.value)},
    ),
    refused=[
        refusals.AlreadySent,
        refusals.NotFailed,
        refusals.EndpointDeleted,
        refusals.EndpointNotActive(status=Endpoint.Status.PAUSED.value),
    ],
    not_found=refusals.DeliveryUnknown,
)
force_resend = TAG.operation(
    "ForceResendEventDeliveries",
    "Force retry event delivery",
    description="Sends deliveries again that have succeeded. Those to an endpoint that is not active count as failed, "
    "unknown ids are left out.",
    request=body(DeliveryIDs, {"Two": {"ids": [example(DeliveryDocument)["uid"], "01K4T0ZB8R4Y0X6W2V8T4S0Q6N"]}}),
    success=Outcome(Tally(2, 0).message, NoneType, "Sent"),
    refused=[refusals.BadList, refusals.NotSucceeded],
)
batch_retry = TAG.operation(
    "BatchRetryEventDelivery",
    "Batch retry event delivery",
    description="Sends all deliveries again, in the background, that the list would have on all of its pages. Those "
    "that have succeeded or are being sent stay as they are; those that wait are sent at once.",
    parameters=FILTERS,
    success=Outcome("Batch retry processing", NoneType, "Started"),
    refused=[*BAD_FILTER, refusals.RetryUnderWay],
)
create_retry_job = TAG.operation(
    "CreateRetryJob",
    "Send any number of deliveries again",
    description="Stores a job that does what a batch retry does: each delivery that the list would have on all of its "
    "pages is sent again, once. The job tells how many are done, and can be paused, resumed and canceled. Not part of "
    "Convoy's API.",
    parameters=[*FILTERS, dry_run("count the deliveries, and send none")],
    success=Outcome("Batch retry job accepted", JobDocument, {"Accepted": RETRY_JOB_EXAMPLE}, status=202),
    refused=[*BAD_FILTER, refusals.RetryUnderWay],
)
list_attempts = ATTEMPTS_TAG.operation(
    "GetDeliveryAttempts",
    "List delivery attempts",
    description="The last ten attempts of a delivery, oldest first.",
    success=Outcome(
        "Event delivery attempts fetched successfully",
        list[AttemptDocument],
        {"A failure and a success": [UNREACHED_EXAMPLE, SUCCESS_EXAMPLE], "One": [SUCCESS_EXAMPLE]},
    ),
    not_found=refusals.DeliveryUnknown,
)
get_attempt = ATTEMPTS_TAG.operation(
    "GetDeliveryAttempt",
    "Retrieve a delivery attempt",
    description="One attempt of a delivery.",
    success=Outcome(
        "Event delivery attempt fetched successfully",
        AttemptDocument,
        {"Attempt": SUCCESS_EXAMPLE, "No connection": UNREACHED_EXAMPLE},
    ),
    refused=[refusals.AttemptUnknown],
    not_found=refusals.DeliveryUnknown,
)
period_failure_rates = ENDPOINTS_TAG.operation(
    "GetEndpointPeriodFailureRates",
    "Endpoint period failure rates",
    description="For each of the endpoints in the query, at most 100, the share of its deliveries that has failed, of "
    "those that were created in the time and attempted. All figures are null where there are none, or counting takes "
    "more than 2 seconds.",
    parameters=[ENDPOINT_IDS, START, END],
    success=Outcome(
        "Endpoint period failure rates fetched successfully",
        list[RateDocument],
        {
            "One with attempts, one without": [
                example(RateDocument, period_failure_rate=0.25, success_count=6, failure_count=1, retry_count=1),
                example(RateDocument, uid="01JZ8QM5XA3B5C7D9E1F3G5H7J"),
            ],
            "No endpoint in the query": [],
        },
    ),
    refused=BAD_DATES,
)
make_copy = TAG.operation(
    "CopyEventDelivery",
    "Make a signed copy of a delivery's request",
    description="Returns the request that an attempt would send now, signed with the endpoint's secrets, without its "
    "credentials. It sends nothing and changes nothing. A body is ignored.",
    success=Outcome(
        "Event delivery copied successfully",
        CopyDocument,
        {
            "Copy": example(CopyDocument),
            "With a custom header": example(CopyDocument, headers=HEADERS | {"X-Tenant": "acme"}),
        },
    ),
    refused=[refusals.EndpointDeleted, refusals.NoCopy(reason=NO_SECRET)],
    not_found=refusals.DeliveryNotFound,
)

# Links

LISTED = example(DeliveryLinkDocument, made_by=example(MakerDocument), shows_payload=True)
MADE = example(
    DeliveryLinkDocument, LISTED, url=f"https://webhooks.example.com/portal/{LISTED['project_id']}/shared#token={TOKEN}"
)

create_link = TAG.operation(
    "CreateDeliveryLink",
    "Make a link to a delivery",
    description="Makes a link that shows this delivery, and nothing else, to whoever holds it, for a day. A body is "
    "ignored.",
    success=Outcome("Delivery link created successfully", DeliveryLinkDocument, {"Link": MADE}, status=201),
    not_found=refusals.DeliveryNotFound,
)
list_links = TAG.operation(
    "GetDeliveryLinks",
    "List the links to a delivery",
    description="The newest 100 links to the delivery, including ended ones, newest first, without their address.",
    success=Outcome("Delivery links fetched successfully", list[DeliveryLinkDocument], {"One": [LISTED], "None": []}),
    not_found=refusals.DeliveryNotFound,
)
revoke_link = TAG.operation(
    "RevokeDeliveryLink",
    "Revoke a link to a delivery",
    description="Ends the link at once. A body is ignored.",
    success=Outcome("Delivery link revoked successfully", NoneType, "Revoked"),
    not_found=DeliveryLinkNotFound,
)
