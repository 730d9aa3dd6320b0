"""The portal API's operations on event deliveries, attempts and their counts.

Contract: portal-links section 5, deliveries section 1, meta-events-and-onboard section 4.
"""

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from core.api.envelope import success
from core.api.time_limit import time_limit
from core.api.windows import BadStart, Window, parse_date, read_window
from core.exceptions import InvalidInput
from deliveries.counts import (
    BUDGET_SECONDS,
    MOST_RATES,
    PERIODS,
    TOO_LONG,
    count,
    count_by_period,
    count_by_status,
    period_failure_rates,
)
from deliveries.documents import Document, attempt_document, delivery_document
from deliveries.filters import DeliveryFilter, Scope, read_endpoint_ids, read_filter
from deliveries.operations import find_attempt, find_delivery, last_attempts
from deliveries.views import read_deliveries, read_ids
from events.models import DeliveryAttempt as Attempt
from events.models import EventDelivery as Delivery
from portal import deliveries, delivery_openapi
from portal.api import PortalView
from portal.exceptions import BadSummaryEnd
from portal_links.capabilities import CREATE_ATTEMPTS


class DeliveryView(PortalView):
    """What these views share. An API key, which looks at its whole project, sees the values of headers."""

    @property
    def scope(self) -> Scope:
        """The endpoints whose deliveries the caller may see; None for all of the project."""
        return None if self.access.by_key else self.access.endpoints()

    def delivery(self, row: Delivery) -> Document:
        """A delivery as the caller may see it."""
        return delivery_document(row, is_masked=not self.access.by_key)

    def attempt(self, row: Attempt) -> Document:
        """An attempt as the caller may see it."""
        return attempt_document(row, is_masked=not self.access.by_key)

    def filter(self, request: Request) -> DeliveryFilter:
        """What the request's query asks for, within the scope. Raises InvalidInput, TookTooLong."""
        with time_limit(BUDGET_SECONDS, TOO_LONG):
            return read_filter(request, self.access.project.uid, scope=self.scope)

    def of_window(self, window: Window, endpoint_ids: list[str] | None) -> "QuerySet[Delivery]":
        """All deliveries of a window to some endpoints; None for every endpoint of the project."""
        wanted = DeliveryFilter(first_uid=window.first_uid, beyond_uid=window.beyond_uid, endpoint_ids=endpoint_ids)
        return wanted.rows(self.access.project.uid)


class EventDeliveries(DeliveryView):
    """The deliveries to the caller's endpoints."""

    @delivery_openapi.list_deliveries
    def get(self, request: Request) -> HttpResponse:
        """Answer a page of them."""
        page = read_deliveries(request, self.access.project.uid, scope=self.scope)
        content = [self.delivery(row) for row in page.rows]
        return success("Event deliveries fetched successfully", {"content": content, "pagination": page.pagination})


class EventDelivery(DeliveryView):
    """One delivery."""

    @delivery_openapi.get_delivery
    def get(self, request: Request, eventDeliveryID: str) -> HttpResponse:  # noqa: N803
        """Answer the delivery with its payload."""
        found = find_delivery(self.access.project.uid, eventDeliveryID, scope=self.scope)
        return success("Event Delivery fetched successfully", self.delivery(found))


class ResendEventDelivery(DeliveryView):
    """Another go at a delivery that was given up on."""

    needs = {"PUT": CREATE_ATTEMPTS}

    @delivery_openapi.resend_delivery
    def put(self, request: Request, eventDeliveryID: str) -> HttpResponse:  # noqa: N803
        """Put the delivery into the queue; a body is ignored."""
        sent = deliveries.resend_delivery(self.access, eventDeliveryID)
        return success("App event processed for retry successfully", self.delivery(sent))


class ForceResendEventDeliveries(DeliveryView):
    """Another go at deliveries that have succeeded."""

    needs = {"POST": CREATE_ATTEMPTS}

    @delivery_openapi.force_resend
    def post(self, request: Request) -> HttpResponse:
        """Put those into the queue that the body names, and say how many."""
        outcome = deliveries.force_resend(self.access, read_ids(request))
        return success(f"{outcome.successful} successful, {outcome.failed} failed")


class BatchRetryEventDeliveries(DeliveryView):
    """Another go at all deliveries that a filter leaves."""

    needs = {"POST": CREATE_ATTEMPTS}

    @delivery_openapi.batch_retry
    def post(self, request: Request) -> HttpResponse:
        """Begin with it, in the background; a body is ignored."""
        begun = deliveries.create_batch_retry(self.access, self.filter(request))
        return success("Batch retry processing" if begun else "the portal link doesn't contain any endpoints")


class DeliveryAttempts(DeliveryView):
    """The attempts of a delivery."""

    @delivery_openapi.list_attempts
    def get(self, request: Request, eventDeliveryID: str) -> HttpResponse:  # noqa: N803
        """Answer the last ones, oldest first."""
        found = last_attempts(self.access.project.uid, eventDeliveryID, scope=self.scope)
        return success("Event delivery attempts fetched successfully", [self.attempt(row) for row in found])


class DeliveryAttempt(DeliveryView):
    """One attempt of a delivery."""

    @delivery_openapi.get_attempt
    def get(self, request: Request, eventDeliveryID: str, deliveryAttemptID: str) -> HttpResponse:  # noqa: N803
        """Answer the attempt."""
        found = find_attempt(self.access.project.uid, eventDeliveryID, deliveryAttemptID, scope=self.scope)
        return success("Event delivery attempt fetched successfully", self.attempt(found))


class CountBatchRetry(DeliveryView):
    """How many deliveries a batch retry would be for."""

    @delivery_openapi.count_batch_retry
    def get(self, request: Request) -> HttpResponse:
        """Answer their number."""
        rows = self.filter(request).rows(self.access.project.uid)
        return success("event deliveries count successful", {"num": count(rows)})


class StatusTotals(DeliveryView):
    """How many deliveries there are of each status."""

    @delivery_openapi.status_totals
    def get(self, request: Request) -> HttpResponse:
        """Answer the numbers, by the window and the endpoints of the query."""
        rows = self.of_window(read_window(request), read_endpoint_ids(request, scope=self.scope))
        data = {"totals": count_by_status(rows), "source": "live"}
        return success("event delivery status totals fetched successfully", data)


class DashboardSummary(DeliveryView):
    """Deliveries by day, week, month or year."""

    @delivery_openapi.dashboard_summary
    def get(self, request: Request) -> HttpResponse:
        """Answer the numbers; nothing is kept from one request to the next."""
        window, period = read_period(request)
        endpoints = self.access.endpoints().order_by()
        ids = None if self.access.by_key else list(endpoints.values_list("pk", flat=True))
        apps = endpoints.count() if ids is None else len(ids)
        data = []
        if ids is None or ids:
            data = count_by_period(self.of_window(window, ids), period, window.end.date())
        summary = {"events_sent": sum(bucket["count"] for bucket in data), "apps": apps, "period": period}
        return success("Dashboard summary fetched successfully", summary | {"event_data": data})


class PeriodFailureRates(DeliveryView):
    """What share of their deliveries has failed at some of the caller's endpoints."""

    @delivery_openapi.period_failure_rates
    def get(self, request: Request) -> HttpResponse:
        """Answer a rate for each endpoint that is named and the caller's."""
        given = (read_endpoint_ids(request) or [])[:MOST_RATES]
        rates = []
        if given:
            window = read_window(request)
            scope = self.scope
            if scope is not None:
                own = set(scope.filter(pk__in=given).order_by().values_list("pk", flat=True))
                given = [uid for uid in given if uid in own]
            rates = period_failure_rates(self.access.project.uid, given, window)
        return success("Endpoint period failure rates fetched successfully", rates)


def read_period(request: Request) -> tuple[Window, str]:
    """The window and the period of a summary. Raises InvalidInput. Contract: portal-links rule 27."""
    query = request.query_params
    start = parse_date(query.get("startDate", ""), BadStart)
    if start is None:
        raise InvalidInput("please specify a startDate query")
    period = query.get("type", "")
    if not period:
        raise InvalidInput("please specify a type query")
    if period not in PERIODS:
        raise InvalidInput(f"please specify a type query in ({', '.join(PERIODS)})")
    end = parse_date(query.get("endDate", ""), BadSummaryEnd) or start.replace(hour=23, minute=59, second=59)
    if start > end:
        raise InvalidInput(f"invalid period '{period}': startDate cannot be greater than endDate")
    return Window(start, end), period
