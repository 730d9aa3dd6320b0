"""Declare the portal API's operations on deliveries, attempts and counts.

Contract: docs/contract/portal-sessions.md#portal-deliveries.
"""

from datetime import date

from core.api.documents import example
from core.api.openapi import DATE_OR_EMPTY_PATTERN, DATE_PATTERN, END, START, Operation, Outcome, query, text
from core.api.windows import BAD_DATES, BadStart
from deliveries import copy_openapi, link_openapi, openapi
from deliveries.counts import FEWEST_BUCKETS, PERIODS, SummaryDocument, TotalsDocument, padded
from deliveries.exceptions import CountTooSlow
from events.documents import CountDocument
from outbound.states import Status
from portal import exceptions as refusals
from portal.openapi import OF_CUSTOMER, TAG

_UNSEEN = OF_CUSTOMER | {"not_found": refusals.DeliveryOutOfScope}
_MASKED = "The values of most headers are `***`."

list_deliveries = openapi.list_deliveries.twin(
    "GetPortalEventDeliveries",
    "List deliveries to the customer's endpoints",
    description="A page of deliveries, without dates those of the last seven days.",
    **OF_CUSTOMER,
)
get_delivery = openapi.get_delivery.twin(
    "GetPortalEventDelivery",
    "Retrieve a delivery to an endpoint of the customer's",
    description="The delivery with its payload.",
    **_UNSEEN,
)
resend_delivery = openapi.resend_delivery.twin("ResendPortalEventDelivery", "Send a delivery again", **_UNSEEN)
force_resend = openapi.force_resend.twin(
    "ForceResendPortalEventDeliveries",
    "Send succeeded deliveries again",
    description="Sends the deliveries again if all of them are the customer's. Deliveries to an endpoint that is not "
    "active count as failed.",
    **_UNSEEN,
)
NO_ENDPOINTS = Outcome("the portal link doesn't contain any endpoints", {"No endpoints": None})
batch_retry = openapi.batch_retry.twin(
    "BatchRetryPortalEventDeliveries",
    "Send many deliveries again",
    description=f"{openapi.batch_retry.description} A customer has one batch retry at a time.",
    outcomes=[NO_ENDPOINTS],
    **OF_CUSTOMER,
)
create_retry_job = openapi.create_retry_job.twin(
    "CreatePortalRetryJob", "Send any number of deliveries of the customer's endpoints again", **OF_CUSTOMER
)
list_attempts = openapi.list_attempts.twin(
    "GetPortalDeliveryAttempts",
    "List the attempts of a delivery",
    description=f"{openapi.list_attempts.description} {_MASKED}",
    **_UNSEEN,
)
get_attempt = openapi.get_attempt.twin(
    "GetPortalDeliveryAttempt",
    "Retrieve an attempt of a delivery",
    description=f"{openapi.get_attempt.description} {_MASKED}",
    **_UNSEEN,
)
make_copy = copy_openapi.make_copy.twin(
    "CopyPortalEventDelivery",
    "Make a signed copy of a delivery's request",
    description=f"{copy_openapi.make_copy.description} Custom headers whose values the customer may not see are left "
    "out.",
    **_UNSEEN,
)
period_failure_rates = openapi.period_failure_rates.twin(
    "GetPortalEndpointPeriodFailureRates",
    "Failure rates of the customer's endpoints",
    description=f"{openapi.period_failure_rates.description} Endpoints of others are left out.",
    **OF_CUSTOMER,
)
list_links = link_openapi.list_links.twin(
    "GetPortalDeliveryLinks",
    "List the customer's links to a delivery",
    description="The newest 100 links that the customer has made to the delivery, without their address.",
    **_UNSEEN,
)
create_link = link_openapi.create_link.twin("CreatePortalDeliveryLink", "Make a link to a delivery", **_UNSEEN)
revoke_link = link_openapi.revoke_link.twin(
    "RevokePortalDeliveryLink", "Revoke a link of the customer's to a delivery", **_UNSEEN
)
count_batch_retry = Operation(
    "CountPortalBatchRetryEventDeliveries",
    "Count the deliveries of a batch retry",
    tag=TAG,
    description="The number of deliveries that the list has on all of its pages.",
    parameters=openapi.FILTERS,
    message="event deliveries count successful",
    data=CountDocument,
    examples={"Twelve": example(CountDocument)},
    refused=[*openapi.BAD_FILTER, CountTooSlow],
)
_SUCCEEDED = {Status.SUCCESS.value: 120}
status_totals = Operation(
    "GetPortalStatusTotals",
    "Count deliveries by status",
    tag=TAG,
    description="The number of deliveries of each status. A status without any is absent.",
    parameters=[openapi.ENDPOINT_IDS, START, END],
    message="event delivery status totals fetched successfully",
    data=TotalsDocument,
    examples={
        "Some": example(TotalsDocument, totals=_SUCCEEDED | {Status.FAILURE.value: 3, Status.RETRY.value: 1}),
        "Successes": example(TotalsDocument, totals=_SUCCEEDED),
        "None": example(TotalsDocument),
    },
    refused=[*BAD_DATES, CountTooSlow],
)


_A_DAY = padded(PERIODS["daily"], [(date(2026, 2, 3), 124)], date(2026, 2, 3))
dashboard_summary = Operation(
    "GetPortalDashboardSummary",
    "Count deliveries by day, week, month or year",
    tag=TAG,
    description="The number of deliveries created in each period in UTC, oldest first. Where there are fewer than "
    f"{FEWEST_BUCKETS} entries, empty ones with the index 0 come first.",
    parameters=[
        query("startDate", text(pattern=DATE_PATTERN), "From this second on, as 2026-02-03T00:00:00.", required=True),
        query(
            "endDate",
            text(pattern=DATE_OR_EMPTY_PATTERN),
            "To the end of this second; without it to the end of the day of `startDate`.",
        ),
        query("type", text(enum=list(PERIODS)), "The length of each entry.", required=True),
    ],
    message="Dashboard summary fetched successfully",
    data=SummaryDocument,
    examples={
        "A day": example(SummaryDocument, events_sent=124, apps=5, event_data=_A_DAY),
        "No endpoints": example(SummaryDocument),
    },
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
