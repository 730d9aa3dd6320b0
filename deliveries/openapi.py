"""Event deliveries and attempts in the OpenAPI document. Contract: deliveries sections 1, 2 and 11."""

from typing import Any

from core.api.documents import Schema
from core.api.openapi import (
    DELETED_AT,
    END,
    NO_TIME,
    PAGE_PARAMETERS,
    PAGINATION_EXAMPLE,
    PROJECT_ID,
    START,
    TIME,
    UID,
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
    ref,
    text,
)
from core.api.values import ZERO_TIME
from core.api.windows import BAD_END, BAD_ORDER, BAD_START
from deliveries.counts import TOO_LONG
from deliveries.documents import NO_DEVICE
from deliveries.serializers import DeliveryIDs
from endpoints.openapi import NESTED_ENDPOINT
from events.documents import NO_SOURCE
from events.openapi import SOURCE
from events.openapi import STATUS as EVENT_STATUS
from outbound.openapi import HTTP_HEADER, HTTP_HEADERS, METADATA, STATUS

TAG = "Event Deliveries"
ATTEMPTS_TAG = "Delivery Attempts"

# Shapes

#: Defined in subscriptions/openapi.py.
DELIVERY_MODE = ref("datastore.DeliveryMode")
DEVICE = define(
    "datastore.Device",
    record(
        {
            "uid": text(),
            "project_id": text(),
            "endpoint_id": text(),
            "host_name": text(),
            "status": define("datastore.DeviceStatus", text()),
            "last_seen_at": NO_TIME,
            "created_at": NO_TIME,
            "updated_at": NO_TIME,
            "deleted_at": DELETED_AT,
        },
        "There are no devices: all is empty.",
    ),
)
NESTED_EVENT = define(
    "datastore.Event",
    record(
        {
            "uid": UID,
            "event_type": text(),
            "project_id": text(),
            "endpoints": nullable(array(text())),
            "headers": HTTP_HEADERS,
            "source_metadata": SOURCE,
            "url_query_params": text(),
            "url_path": text(),
            "idempotency_key": text(),
            "is_duplicate_event": flag(),
            "data": nullable({"type": "object"}),
            "status": EVENT_STATUS,
            "acknowledged_at": nullable(text()),
            "created_at": TIME,
            "updated_at": NO_TIME,
            "deleted_at": DELETED_AT,
        },
        "`uid`, `event_type` and `created_at` of the event; the rest is empty.",
    ),
)
_OPTIONAL: dict[str, Schema] = {"description": text("Why it was given up on. Absent where there is nothing to say.")}
_DELIVERY: dict[str, Schema] = {
    "uid": UID,
    "project_id": UID,
    "event_id": UID,
    "endpoint_id": UID,
    "subscription_id": UID,
    "device_id": text("Empty."),
    "headers": nullable(HTTP_HEADERS, "The event's custom headers. In the portal most values are `***`."),
    "url_query_params": text("Empty."),
    "idempotency_key": text("That of the event."),
    "latency": text("Empty."),
    "latency_seconds": {"type": "number", "description": "From creation to success, where the first attempt had it."},
    "event_type": text(),
    "delivery_mode": DELIVERY_MODE,
    "endpoint_metadata": nullable(NESTED_ENDPOINT, "What identifies the endpoint; the rest is empty."),
    "event_metadata": nullable(NESTED_EVENT),
    "source_metadata": nullable(SOURCE),
    "device_metadata": nullable(DEVICE),
    "status": STATUS,
    "metadata": nullable(METADATA),
    "cli_metadata": nullable(
        define("datastore.CLIMetadata", record({"event_type": text(), "source_id": text()})), "Always null."
    ),
    "acknowledged_at": nullable(TIME),
    "created_at": TIME,
    "updated_at": TIME,
    "deleted_at": DELETED_AT,
}
DELIVERY = define(
    "models.EventDeliveryResponse",
    record(_DELIVERY | _OPTIONAL) | {"required": list(_DELIVERY)},
)
_ATTEMPT: dict[str, Schema] = {
    "uid": UID,
    "msg_id": text("The id of the event delivery."),
    "url": text(),
    "method": text("POST."),
    "endpoint_id": UID,
    "project_id": UID,
    "api_version": text("The version of this server."),
    "requested_at": nullable(TIME),
    "responded_at": nullable(text(), "Null: there was no answer."),
    "created_at": TIME,
    "updated_at": TIME,
    "deleted_at": DELETED_AT,
}
_ATTEMPT_OPTIONAL: dict[str, Schema] = {
    "ip_address": text("Absent where there was no connection."),
    "request_http_header": HTTP_HEADER,
    "response_http_header": HTTP_HEADER,
    "http_status": text("Such as `200 OK`. Absent where there was no answer."),
    "response_data": text("The beginning of the answer's body."),
    "error": text("Why there is no answer, or none that counts."),
    "status": flag("True, or absent: the attempt has failed."),
}
ATTEMPT = define("datastore.DeliveryAttempt", record(_ATTEMPT | _ATTEMPT_OPTIONAL) | {"required": list(_ATTEMPT)})
RATE = define(
    "models.EndpointPeriodFailureRate",
    record(
        {
            "uid": text("The id of the endpoint."),
            "period_failure_rate": nullable({"type": "number"}, "From 0 to 1; null where there is nothing to count."),
            "success_count": nullable(integer()),
            "failure_count": nullable(integer()),
            "retry_count": nullable(integer()),
        }
    ),
)

describe(DeliveryIDs, "models.IDs", ids={"description": "The deliveries; none where it is not sent."})

# Examples

DELIVERY_EXAMPLE: dict[str, Any] = {
    "uid": "01K4T0ZA7Q3X9W5V1T7R3P9N5M",
    "project_id": "01JZ8QK3V7M2N4P6R8T0W2Y4A6",
    "event_id": "01K4T0Z8M6Q2V7R9B3C5D1E8FG",
    "endpoint_id": "01JZ8QM5X9C1D3F5G7H9J1K3M5",
    "subscription_id": "01K4T0B2C3D4E5F6G7H8J9KMNP",
    "device_id": "",
    "headers": {"X-Tenant": ["acme"]},
    "url_query_params": "",
    "idempotency_key": "inv-991",
    "latency": "",
    "latency_seconds": 0.0,
    "event_type": "invoice.paid",
    "delivery_mode": "at_least_once",
    "endpoint_metadata": {
        "uid": "01JZ8QM5X9C1D3F5G7H9J1K3M5",
        "project_id": "01JZ8QK3V7M2N4P6R8T0W2Y4A6",
        "owner_id": "acme",
        "url": "https://hooks.example.com/orders",
        "name": "Orders",
        "secrets": [],
        "advanced_signatures": False,
        "description": "",
        "status": "active",
        "http_timeout": 0,
        "authentication": None,
        "rate_limit": 0,
        "rate_limit_duration": 0,
        "content_type": "",
        "support_email": "",
        "slack_webhook_url": "",
        "teams_webhook_url": "",
        "mtls_client_cert": None,
        "metadata": {},
        "events": 0,
        "failure_rate": None,
        "cb_state": None,
        "period_failure_rate": None,
        "success_count": None,
        "failure_count": None,
        "retry_count": None,
        "created_at": ZERO_TIME,
        "updated_at": ZERO_TIME,
        "deleted_at": None,
    },
    "event_metadata": {
        "uid": "01K4T0Z8M6Q2V7R9B3C5D1E8FG",
        "event_type": "invoice.paid",
        "project_id": "",
        "endpoints": None,
        "headers": None,
        "source_metadata": NO_SOURCE,
        "url_query_params": "",
        "url_path": "",
        "idempotency_key": "",
        "is_duplicate_event": False,
        "data": None,
        "status": "",
        "acknowledged_at": None,
        "created_at": "2026-02-03T09:15:02.12Z",
        "updated_at": ZERO_TIME,
        "deleted_at": None,
    },
    "source_metadata": NO_SOURCE,
    "device_metadata": NO_DEVICE,
    "status": "Retry",
    "metadata": {
        "data": {"invoice": 991, "amount": "12.50"},
        "raw": '{"invoice":991,"amount":"12.50"}',
        "strategy": "linear",
        "interval_seconds": 100,
        "retry_limit": 10,
        "num_trials": 1,
        "next_send_time": "2026-02-03T09:16:45Z",
        "max_retry_seconds": 0,
    },
    "cli_metadata": None,
    "acknowledged_at": "2026-02-03T09:15:02.14Z",
    "created_at": "2026-02-03T09:15:02.14Z",
    "updated_at": "2026-02-03T09:15:05Z",
    "deleted_at": None,
}
GIVEN_UP_EXAMPLE = DELIVERY_EXAMPLE | {"status": "Failure", "description": "Retry limit exceeded"}
RESENT_EXAMPLE = DELIVERY_EXAMPLE | {"status": "Scheduled"}
ATTEMPT_EXAMPLE: dict[str, Any] = {
    "uid": "01K4T0ZC4D6F8G0H2J4K6M8N0P",
    "msg_id": "01K4T0ZA7Q3X9W5V1T7R3P9N5M",
    "url": "https://hooks.example.com/orders",
    "method": "POST",
    "endpoint_id": "01JZ8QM5X9C1D3F5G7H9J1K3M5",
    "project_id": "01JZ8QK3V7M2N4P6R8T0W2Y4A6",
    "api_version": "0.1.0",
    "ip_address": "203.0.113.7",
    "request_http_header": {"Content-Type": "application/json"},
    "response_http_header": {"Content-Type": "text/plain"},
    "http_status": "200 OK",
    "response_data": "thanks",
    "status": True,
    "requested_at": "2026-02-03T09:15:05Z",
    "responded_at": "2026-02-03T09:15:05.2Z",
    "created_at": "2026-02-03T09:15:05.2Z",
    "updated_at": "2026-02-03T09:15:05.2Z",
    "deleted_at": None,
}
UNREACHED_EXAMPLE: dict[str, Any] = {
    name: value
    for name, value in ATTEMPT_EXAMPLE.items()
    if name not in ("ip_address", "response_http_header", "http_status", "response_data", "status")
} | {"responded_at": None, "error": "connection refused"}
RATE_EXAMPLES = {
    "One that was sent to, one that was not": [
        {
            "uid": "01JZ8QM5X9C1D3F5G7H9J1K3M5",
            "period_failure_rate": 0.25,
            "success_count": 6,
            "failure_count": 1,
            "retry_count": 1,
        },
        {
            "uid": "01JZ8QM5XA3B5C7D9E1F3G5H7J",
            "period_failure_rate": None,
            "success_count": None,
            "failure_count": None,
            "retry_count": None,
        },
    ],
    "None was named": [],
}
LIST_EXAMPLES = {
    "One delivery": {"content": [DELIVERY_EXAMPLE], "pagination": PAGINATION_EXAMPLE},
    "One that was given up on": {"content": [GIVEN_UP_EXAMPLE], "pagination": PAGINATION_EXAMPLE},
}

# Parameters and refusals

ENDPOINT_IDS = query("endpointId", array({"type": "string"}), "Only those to these endpoints.")
_PAGE = {parameter.name: parameter for parameter in PAGE_PARAMETERS}
#: In the order of the published document; what that has not comes last.
FILTERS = [
    _PAGE["direction"],
    END,
    ENDPOINT_IDS,
    query("eventId", {"type": "string"}, "Only those of this event."),
    query("event_type", {"type": "string"}, "Only those of events of this type."),
    query("idempotencyKey", {"type": "string"}, "Only those of the event that was sent with this key."),
    _PAGE["next_page_cursor"],
    _PAGE["perPage"],
    _PAGE["prev_page_cursor"],
    query("sort", {"type": "string"}, "`ASC`: oldest first. Else newest first."),
    START,
    query("status", array({"type": "string"}), "Only those with one of these statuses."),
    query("subscriptionId", {"type": "string"}, "Only those of this subscription."),
    query("eventType", {"type": "string"}, "As event_type, by the name that Convoy reads."),
    query("brokerMessageId", {"type": "string"}, "Only those of events with this header X-Broker-Message-Id."),
]
DELIVERY_ID = path_parameter("eventDeliveryID", "The id of the event delivery.")
ATTEMPT_ID = path_parameter("deliveryAttemptID", "The id of the attempt.")
BAD_DATES = {"A date that is none": BAD_START, "An end that is none": BAD_END, "The dates' order": BAD_ORDER}
BAD_FILTER = BAD_DATES | {"No event has the idempotency key": "event not found"}
SLOW = {504: {"More than can be looked through in 5 seconds": TOO_LONG}}
NO_DELIVERY = {"No such delivery": "event delivery not found"}
NOT_RESENT = {
    "It has arrived": "event already sent",
    "It is on its way": "cannot resend event that did not fail previously",
    "Its endpoint is deleted": "endpoint not found",
    "Its endpoint is paused": "the endpoint is currently paused",
}
NOT_FORCED = {
    "What is no list of ids": "Request is invalid",
    "One has not succeeded": "only successful events can be force resent",
}
RUNNING = {"One is under way": "an active batch retry already exists"}

# Operations

list_deliveries = operation(
    "GetEventDeliveriesPaged",
    "List all event deliveries",
    tag=TAG,
    description="A page of the project's deliveries, those of the last seven days if nothing else is asked for.",
    parameters=[PROJECT_ID, *FILTERS],
    message="Event deliveries fetched successfully",
    data=page_of(DELIVERY),
    examples=LIST_EXAMPLES,
    refused={400: BAD_FILTER} | SLOW,
)
get_delivery = operation(
    "GetEventDelivery",
    "Retrieve an event delivery",
    tag=TAG,
    description="The delivery with its payload. Its attempts are read apart.",
    parameters=[PROJECT_ID, DELIVERY_ID],
    message="Event Delivery fetched successfully",
    data=DELIVERY,
    examples={"Delivery": DELIVERY_EXAMPLE, "Given up on": GIVEN_UP_EXAMPLE},
    refused={404: {"Project": "project not found", "Delivery": "event delivery not found"}},
)
resend_delivery = operation(
    "ResendEventDelivery",
    "Retry event delivery",
    tag=TAG,
    description="Sends a delivery again that was given up on. It has its whole allowance of attempts once more.",
    parameters=[PROJECT_ID, DELIVERY_ID],
    message="App event processed for retry successfully",
    data=DELIVERY,
    examples={"Scheduled": RESENT_EXAMPLE},
    refused={400: NO_DELIVERY | NOT_RESENT},
)
force_resend = operation(
    "ForceResendEventDeliveries",
    "Force retry event delivery",
    tag=TAG,
    description="Sends deliveries again that have succeeded. Those to an endpoint that is not active count as failed, "
    "ids of none are left out.",
    parameters=[PROJECT_ID],
    request=body(DeliveryIDs, {"Two": {"ids": ["01K4T0ZA7Q3X9W5V1T7R3P9N5M", "01K4T0ZB8R4Y0X6W2V8T4S0Q6N"]}}),
    message="2 successful, 0 failed",
    examples={"Sent": None},
    refused={400: NOT_FORCED},
)
batch_retry = operation(
    "BatchRetryEventDelivery",
    "Batch retry event delivery",
    tag=TAG,
    description="Sends all deliveries again, in the background, that the list would have on all of its pages. Those "
    "that have succeeded or are being sent stay as they are; those that wait are sent at once.",
    parameters=[PROJECT_ID, *FILTERS],
    message="Batch retry processing",
    examples={"Begun": None},
    refused={400: BAD_FILTER | RUNNING},
)
list_attempts = operation(
    "GetDeliveryAttempts",
    "List delivery attempts",
    tag=ATTEMPTS_TAG,
    description="The last ten attempts of a delivery, oldest first.",
    parameters=[PROJECT_ID, DELIVERY_ID],
    message="Event delivery attempts fetched successfully",
    data=array(ATTEMPT),
    examples={"One that failed, one that did not": [UNREACHED_EXAMPLE, ATTEMPT_EXAMPLE], "One": [ATTEMPT_EXAMPLE]},
    refused={400: NO_DELIVERY},
)
get_attempt = operation(
    "GetDeliveryAttempt",
    "Retrieve a delivery attempt",
    tag=ATTEMPTS_TAG,
    description="One attempt of a delivery.",
    parameters=[PROJECT_ID, DELIVERY_ID, ATTEMPT_ID],
    message="Event delivery attempt fetched successfully",
    data=ATTEMPT,
    examples={"Attempt": ATTEMPT_EXAMPLE, "No connection": UNREACHED_EXAMPLE},
    refused={400: NO_DELIVERY | {"No such attempt": "event delivery attempt not found"}},
)
period_failure_rates = operation(
    "GetEndpointPeriodFailureRates",
    "Endpoint period failure rates",
    tag="Endpoints",
    description="For each endpoint that is named, at most 100, what share of its deliveries has failed, of those that "
    "were made in the time and tried. All is null where there is none, or counting takes more than 2 seconds.",
    parameters=[PROJECT_ID, ENDPOINT_IDS, START, END],
    message="Endpoint period failure rates fetched successfully",
    data=array(RATE),
    examples=RATE_EXAMPLES,
    refused={400: BAD_DATES},
)
