"""Declare the portal API's operations on deliveries, attempts and counts.

Contract: docs/contract/portal-sessions.md#portal-deliveries.
"""

from datetime import date
from types import NoneType

from core.api.documents import CountDocument, example
from core.api.openapi import DATE_OR_EMPTY_PATTERN, DATE_PATTERN, END, START, Outcome, query, text
from core.api.windows import BAD_DATES, BadStart
from deliveries import openapi
from deliveries.counts import FEWEST_BUCKETS, PERIODS, SummaryDocument, TotalsDocument, padded
from deliveries.exceptions import CountTooSlow
from outbound.states import Status
from portal import exceptions as refusals
from portal.openapi import TAG, twin

_MASKED = "The values of most headers are `***`."

list_deliveries = twin(
    openapi.list_deliveries,
    "GetPortalEventDeliveries",
    "List deliveries to the customer's endpoints",
    description="A page of deliveries, without dates those of the last seven days.",
)
get_delivery = twin(
    openapi.get_delivery,
    "GetPortalEventDelivery",
    "Retrieve a delivery to an endpoint of the customer's",
    description="The delivery with its payload.",
)
resend_delivery = twin(openapi.resend_delivery, "ResendPortalEventDelivery", "Send a delivery again")
force_resend = twin(
    openapi.force_resend,
    "ForceResendPortalEventDeliveries",
    "Send succeeded deliveries again",
    description="Sends the deliveries again if all of them are the customer's. Deliveries to an endpoint that is not "
    "active count as failed.",
    not_found=refusals.DeliveryOutOfScope,
)
NO_ENDPOINTS = Outcome("the portal link doesn't contain any endpoints", NoneType, "No endpoints")
batch_retry = twin(
    openapi.batch_retry,
    "BatchRetryPortalEventDeliveries",
    "Send many deliveries again",
    description=f"{openapi.batch_retry.description} A customer has one batch retry at a time.",
    outcomes=[NO_ENDPOINTS],
)
create_retry_job = twin(
    openapi.create_retry_job, "CreatePortalRetryJob", "Send any number of deliveries of the customer's endpoints again"
)
list_attempts = twin(
    openapi.list_attempts,
    "GetPortalDeliveryAttempts",
    "List the attempts of a delivery",
    description=f"{openapi.list_attempts.description} {_MASKED}",
)
get_attempt = twin(
    openapi.get_attempt,
    "GetPortalDeliveryAttempt",
    "Retrieve an attempt of a delivery",
    description=f"{openapi.get_attempt.description} {_MASKED}",
)
make_copy = twin(
    openapi.make_copy,
    "CopyPortalEventDelivery",
    "Make a signed copy of a delivery's request",
    description=f"{openapi.make_copy.description} Custom headers whose values the customer may not see are left out.",
)
period_failure_rates = twin(
    openapi.period_failure_rates,
    "GetPortalEndpointPeriodFailureRates",
    "Failure rates of the customer's endpoints",
    description=f"{openapi.period_failure_rates.description} Endpoints of others are left out.",
)
list_links = twin(
    openapi.list_links,
    "GetPortalDeliveryLinks",
    "List the customer's links to a delivery",
    description="The newest 100 links that the customer has made to the delivery, without their address.",
)
create_link = twin(openapi.create_link, "CreatePortalDeliveryLink", "Make a link to a delivery")
revoke_link = twin(openapi.revoke_link, "RevokePortalDeliveryLink", "Revoke a link of the customer's to a delivery")
count_batch_retry = TAG.operation(
    "CountPortalBatchRetryEventDeliveries",
    "Count the deliveries of a batch retry",
    description="The number of deliveries that the list has on all of its pages.",
    parameters=openapi.FILTERS,
    success=Outcome("event deliveries count successful", CountDocument, "Twelve"),
    refused=[*openapi.BAD_FILTER, CountTooSlow],
)
_SUCCEEDED = {Status.SUCCESS.value: 120}
status_totals = TAG.operation(
    "GetPortalStatusTotals",
    "Count deliveries by status",
    description="The number of deliveries of each status. A status without any is absent.",
    parameters=[openapi.ENDPOINT_IDS, START, END],
    success=Outcome(
        "event delivery status totals fetched successfully",
        TotalsDocument,
        {
            "Some": example(TotalsDocument, totals=_SUCCEEDED | {Status.FAILURE.value: 3, Status.RETRY.value: 1}),
            "Successes": example(TotalsDocument, totals=_SUCCEEDED),
            "None": example(TotalsDocument),
        },
    ),
    refused=[*BAD_DATES, CountTooSlow],
)


_A_DAY = padded(PERIODS["daily"], [(date(2026, 2, 3), 124)], date(2026, 2, 3))
dashboard_summary = TAG.operation(
    "GetPortalDashboardSummary",
    "Count deliveries by day, week, month or year",
    description="The number of deliveries created in each period in UTC, oldest first. Where there are fewer than "
    f"{FEWEST_BUCKETS} entries, empty ones with the index 0 come first.",
    parameters=[
        query(
            "startDate", "From this second on, such as 2026-02-03T00:00:00.", text(pattern=DATE_PATTERN), required=True
        ),
        query(
            "endDate",
            "To the end of this second; without it to the end of the day of `startDate`.",
            text(pattern=DATE_OR_EMPTY_PATTERN),
        ),
        query("type", "The length of each entry.", text(enum=list(PERIODS)), required=True),
    ],
    success=Outcome(
        "Dashboard summary fetched successfully",
        SummaryDocument,
        {
            "A day": example(SummaryDocument, events_sent=124, apps=5, event_data=_A_DAY),
            "No endpoints": example(SummaryDocument),
        },
    ),
    refused=[
        refusals.StartMissing,
        BadStart,
        refusals.PeriodMissing,
        refusals.PeriodUnknown(periods=", ".join(PERIODS)),
        refusals.BadSummaryEnd,
        refusals.BadSummaryOrder(period="daily"),
        CountTooSlow,
    ],
)
