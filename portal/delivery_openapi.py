"""The portal API's deliveries, attempts and counts in the OpenAPI document. Contract: portal-links section 5."""

from datetime import date, timedelta

from core.api.openapi import (
    DATE_OR_EMPTY_PATTERN,
    DATE_PATTERN,
    END,
    START,
    array,
    body,
    integer,
    operation,
    page_of,
    query,
    record,
    text,
)
from core.api.windows import BAD_START
from deliveries.counts import FEWEST_BUCKETS, PERIODS
from deliveries.openapi import (
    ATTEMPT,
    ATTEMPT_EXAMPLE,
    ATTEMPT_ID,
    BAD_DATES,
    BAD_FILTER,
    DELIVERY,
    DELIVERY_EXAMPLE,
    DELIVERY_ID,
    ENDPOINT_IDS,
    FILTERS,
    GIVEN_UP_EXAMPLE,
    LIST_EXAMPLES,
    NOT_FORCED,
    NOT_RESENT,
    RATE,
    RATE_EXAMPLES,
    RESENT_EXAMPLE,
    RUNNING,
    SLOW,
    UNREACHED_EXAMPLE,
)
from deliveries.serializers import DeliveryIDs
from outbound.states import Status
from portal.openapi import TAG

UNSEEN = {401: {"No such delivery, or not to the customer's endpoints": "unauthorized"}}

list_deliveries = operation(
    "GetPortalEventDeliveries",
    "List deliveries to the customer's endpoints",
    tag=TAG,
    description="A page of them, those of the last seven days if nothing else is asked for.",
    parameters=FILTERS,
    message="Event deliveries fetched successfully",
    data=page_of(DELIVERY),
    examples=LIST_EXAMPLES,
    refused={400: BAD_FILTER} | SLOW,
)
get_delivery = operation(
    "GetPortalEventDelivery",
    "Retrieve a delivery to an endpoint of the customer's",
    tag=TAG,
    description="The delivery with its payload.",
    parameters=[DELIVERY_ID],
    message="Event Delivery fetched successfully",
    data=DELIVERY,
    examples={"Delivery": DELIVERY_EXAMPLE, "Given up on": GIVEN_UP_EXAMPLE},
    refused=UNSEEN,
)
resend_delivery = operation(
    "ResendPortalEventDelivery",
    "Send a delivery again",
    tag=TAG,
    description="Sends a delivery again that was given up on. It has its whole allowance of attempts once more.",
    parameters=[DELIVERY_ID],
    message="App event processed for retry successfully",
    data=DELIVERY,
    examples={"Scheduled": RESENT_EXAMPLE},
    refused=UNSEEN | {400: NOT_RESENT},
)
force_resend = operation(
    "ForceResendPortalEventDeliveries",
    "Send deliveries again that have succeeded",
    tag=TAG,
    description="Sends them again, if all of them are the customer's. Those to an endpoint that is not active count "
    "as failed.",
    request=body(DeliveryIDs, {"Two": {"ids": ["01K4T0ZA7Q3X9W5V1T7R3P9N5M", "01K4T0ZB8R4Y0X6W2V8T4S0Q6N"]}}),
    message="2 successful, 0 failed",
    examples={"Sent": None},
    refused=UNSEEN | {400: NOT_FORCED},
)
batch_retry = operation(
    "BatchRetryPortalEventDeliveries",
    "Send many deliveries again",
    tag=TAG,
    description="Sends all deliveries again, in the background, that the list would have on all of its pages. Those "
    "that have succeeded or are being sent stay as they are. One at a time can be under way in a project.",
    parameters=FILTERS,
    message="Batch retry processing",
    examples={"Begun": None},
    refused={400: BAD_FILTER | RUNNING},
)
list_attempts = operation(
    "GetPortalDeliveryAttempts",
    "List the attempts of a delivery",
    tag=TAG,
    description="The last ten, oldest first. The values of most headers are `***`.",
    parameters=[DELIVERY_ID],
    message="Event delivery attempts fetched successfully",
    data=array(ATTEMPT),
    examples={"One that failed, one that did not": [UNREACHED_EXAMPLE, ATTEMPT_EXAMPLE], "One": [ATTEMPT_EXAMPLE]},
    refused=UNSEEN,
)
get_attempt = operation(
    "GetPortalDeliveryAttempt",
    "Retrieve an attempt of a delivery",
    tag=TAG,
    description="One attempt. The values of most headers are `***`.",
    parameters=[DELIVERY_ID, ATTEMPT_ID],
    message="Event delivery attempt fetched successfully",
    data=ATTEMPT,
    examples={"Attempt": ATTEMPT_EXAMPLE, "No connection": UNREACHED_EXAMPLE},
    refused=UNSEEN | {400: {"No such attempt": "event delivery attempt not found"}},
)
count_batch_retry = operation(
    "CountPortalBatchRetryEventDeliveries",
    "Count the deliveries of a batch retry",
    tag=TAG,
    description="How many deliveries the list has on all of its pages.",
    parameters=FILTERS,
    message="event deliveries count successful",
    data=record({"num": integer()}),
    examples={"Twelve": {"num": 12}},
    refused={400: BAD_FILTER} | SLOW,
)
status_totals = operation(
    "GetPortalStatusTotals",
    "Count deliveries by status",
    tag=TAG,
    description="How many deliveries there are of each status. One without any is absent.",
    parameters=[ENDPOINT_IDS, START, END],
    message="event delivery status totals fetched successfully",
    data=record(
        {
            "totals": record({status: integer() for status in Status.values}, required=False),
            "source": text("Counted when it is asked for.", enum=["live"]),
        }
    ),
    examples={
        "Some": {"totals": {"Success": 120, "Failure": 3, "Retry": 1}, "source": "live"},
        "Successes": {"totals": {"Success": 120}, "source": "live"},
        "None": {"totals": {}, "source": "live"},
    },
    refused={400: BAD_DATES} | SLOW,
)
_PADDING = [(date(2026, 1, 5) + timedelta(days=day)).isoformat() for day in range(FEWEST_BUCKETS - 1)]
_BUCKETS = [{"data": {"index": 0, "date": day}, "count": 0} for day in _PADDING]
_BUCKETS.append({"data": {"index": 34, "date": "2026-02-03"}, "count": 124})
dashboard_summary = operation(
    "GetPortalDashboardSummary",
    "Count deliveries by day, week, month or year",
    tag=TAG,
    description="Deliveries by the time of their creation in UTC, oldest first; where that is fewer than 30 entries, "
    "empty ones with the index 0 come first.",
    parameters=[
        query("startDate", text(pattern=DATE_PATTERN), "From this second on, as 2026-02-03T00:00:00.", required=True),
        query("endDate", text(pattern=DATE_OR_EMPTY_PATTERN), "To the end of this second; else of the start's day."),
        query("type", text(enum=list(PERIODS)), "How long each entry is.", required=True),
    ],
    message="Dashboard summary fetched successfully",
    data=record(
        {
            "events_sent": integer("Deliveries in all."),
            "apps": integer("Endpoints."),
            "period": text(enum=list(PERIODS)),
            "event_data": array(
                record(
                    {
                        "data": record(
                            {"index": integer("Of the day in its year, the week, month or year."), "date": text()}
                        ),
                        "count": integer(),
                    }
                )
            ),
        }
    ),
    examples={
        "A day": {"events_sent": 124, "apps": 5, "period": "daily", "event_data": _BUCKETS},
        "No endpoints": {"events_sent": 0, "apps": 0, "period": "daily", "event_data": []},
    },
    refused={
        400: {
            "No start": "please specify a startDate query",
            "A start that is none": BAD_START,
            "No period": "please specify a type query",
            "The dates' order": "invalid period 'daily': startDate cannot be greater than endDate",
        }
    }
    | SLOW,
)
period_failure_rates = operation(
    "GetPortalEndpointPeriodFailureRates",
    "Failure rates of the customer's endpoints",
    tag=TAG,
    description="For each endpoint that is named and the customer's, at most 100, what share of its deliveries has "
    "failed, of those that were made in the time and tried.",
    parameters=[ENDPOINT_IDS, START, END],
    message="Endpoint period failure rates fetched successfully",
    data=array(RATE),
    examples=RATE_EXAMPLES,
    refused={400: BAD_DATES},
)
