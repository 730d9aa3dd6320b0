"""Answer the portal API about event deliveries, attempts and counts.

Contract: docs/contract/portal-sessions.md#portal-deliveries, docs/contract/portal-sessions.md#counts.
"""

from datetime import datetime
from types import NoneType
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from core.api.documents import CountDocument
from core.api.openapi import Outcome
from core.api.parameters import is_true
from core.api.time_limit import time_limit
from core.api.windows import BadStart, Window, parse_date, read_window
from deliveries import copy_views, link_views, views
from deliveries.counts import (
    BUDGET_SECONDS,
    LIVE,
    PERIODS,
    BucketDocument,
    SummaryDocument,
    TotalsDocument,
    count,
    count_by_period,
    count_by_status,
)
from deliveries.documents import DeliveryDocument
from deliveries.exceptions import CountTooSlow
from deliveries.filters import DeliveryFilter, read_endpoint_ids, read_filter
from deliveries.views import read_ids
from endpoints.models import Scope
from events.models import EventDelivery as Delivery
from jobs.documents import JobDocument, job_document
from portal import deliveries
from portal import delivery_openapi as openapi
from portal.api import PortalView
from portal.exceptions import BadSummaryEnd, BadSummaryOrder, PeriodMissing, PeriodUnknown, StartMissing
from portal_links.capabilities import CREATE_ATTEMPTS, VIEW_DELIVERIES, VIEW_PAYLOADS
from portal_links.exceptions import CapabilityMissing


class DeliveryView(PortalView, views.DeliveryView):
    """Narrows deliveries to those of the caller's endpoints. An API key sees its whole project, unmasked."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the caller as every view does, and that deliveries may be seen. Raises DomainError."""
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS":
            self.access.require(VIEW_DELIVERIES)
            self.refuse_content_search()

    @property
    def scope(self) -> Scope:
        """Return the endpoints whose deliveries the caller may see; None for all of the project."""
        return None if self.access.by_key else self.access.endpoints()

    def filter(self, request: Request) -> DeliveryFilter:
        """Return the filter of the request's query, within the scope. Raises InvalidInput, TookTooLong."""
        with time_limit(BUDGET_SECONDS, CountTooSlow.message):
            return read_filter(request, self.project_id, scope=self.scope)

    def of_window(self, window: Window, endpoint_ids: list[str] | None) -> "QuerySet[Delivery]":
        """Return the deliveries of a window to some endpoints; to all of the project where they are None."""
        wanted = DeliveryFilter(
            first_uid=window.first_uid,
            beyond_uid=window.beyond_uid,
            endpoint_ids=endpoint_ids,
            of_present_owner=self.scope is not None,
        )
        return wanted.rows(self.project_id)


class EventDeliveries(DeliveryView):
    """The deliveries to the caller's endpoints."""

    get = openapi.list_deliveries(views.EventDeliveries.get)


class EventDelivery(DeliveryView):
    """One delivery."""

    get = openapi.get_delivery(views.EventDelivery.get)


class ResendEventDelivery(DeliveryView):
    """Sends a failed delivery again."""

    needs = {"PUT": CREATE_ATTEMPTS}

    @openapi.resend_delivery
    def put(self, request: Request, eventDeliveryID: str) -> DeliveryDocument:  # noqa: N803
        """Put the delivery into the queue; a body is ignored."""
        sent = deliveries.resend_delivery(self.access, eventDeliveryID)
        return self.delivery(sent)


class ForceResendEventDeliveries(DeliveryView):
    """Sends succeeded deliveries again."""

    needs = {"POST": CREATE_ATTEMPTS}

    @openapi.force_resend
    def post(self, request: Request) -> HttpResponse:
        """Put the deliveries of the body into the queue, and answer their number."""
        tally = deliveries.force_resend(self.access, read_ids(request))
        return openapi.force_resend.answer(None, Outcome(tally.message, NoneType))


class BatchRetryEventDeliveries(DeliveryView):
    """Sends the deliveries that a filter chooses again."""

    needs = {"POST": CREATE_ATTEMPTS}

    @openapi.batch_retry
    def post(self, request: Request) -> HttpResponse:
        """Start a batch retry in the background; a body is ignored."""
        started = deliveries.create_batch_retry(self.access, self.filter(request))
        return openapi.batch_retry.answer(None, None if started else openapi.NO_ENDPOINTS)


class BatchRetryJobs(DeliveryView):
    """Sends any number of deliveries again."""

    needs = {"POST": CREATE_ATTEMPTS}

    @openapi.create_retry_job
    def post(self, request: Request) -> JobDocument:
        """Store a job that sends the deliveries of the query again; a body is ignored."""
        wanted = self.filter(request)
        return job_document(deliveries.create_retry_job(self.access, wanted, is_dry_run=is_true(request, "dry_run")))


class DeliveryAttempts(DeliveryView):
    """The attempts of a delivery."""

    get = openapi.list_attempts(views.DeliveryAttempts.get)


class DeliveryAttempt(DeliveryView):
    """One attempt of a delivery."""

    get = openapi.get_attempt(views.DeliveryAttempt.get)


class CopyEventDelivery(DeliveryView):
    """A copy of a delivery's request, for those who may see it and have it sent again."""

    needs = {"POST": CREATE_ATTEMPTS}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the caller, and that payloads may be seen. Raises DomainError."""
        super().initial(request, *args, **kwargs)
        if request.method in self.needs:
            self.access.require(VIEW_PAYLOADS)

    post = openapi.make_copy(copy_views.CopyEventDelivery.post)


class LinkView(DeliveryView, link_views.LinkView):
    """Narrows the links to a delivery to those that the customer has made."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the caller: an operator in a preview makes and ends no links. Raises DomainError."""
        super().initial(request, *args, **kwargs)
        if request.method not in (*self.reads, "OPTIONS") and self.access.is_preview:
            raise CapabilityMissing

    @property
    def customer(self) -> str | None:
        """Return the customer whose links these are; None for those of everybody, which an API key sees."""
        return None if self.access.by_key else self.access.customer

    @property
    def ends_at(self) -> datetime | None:
        """Return the end of the customer's session."""
        return self.access.expires_at


class DeliveryLinks(LinkView):
    """The customer's links to a delivery."""

    get = openapi.list_links(link_views.DeliveryLinks.get)
    post = openapi.create_link(link_views.DeliveryLinks.post)


class RevokeDeliveryLink(LinkView):
    """The revocation of a link of the customer's."""

    put = openapi.revoke_link(link_views.RevokeDeliveryLink.put)


class PeriodFailureRates(DeliveryView):
    """The failure rates of some of the caller's endpoints."""

    get = openapi.period_failure_rates(views.PeriodFailureRates.get)


class CountBatchRetry(DeliveryView):
    """The number of deliveries that a batch retry would send again."""

    @openapi.count_batch_retry
    def get(self, request: Request) -> CountDocument:
        """Count the deliveries that the query chooses."""
        # A batch retry leaves test events alone.
        return {"num": count(self.filter(request).rows(self.project_id).filter(test=""))}


class StatusTotals(DeliveryView):
    """The number of deliveries of each status."""

    @openapi.status_totals
    def get(self, request: Request) -> TotalsDocument:
        """Count the deliveries of the query's window and endpoints."""
        rows = self.of_window(read_window(request), read_endpoint_ids(request, scope=self.scope))
        return {"totals": count_by_status(rows), "source": LIVE}


class DashboardSummary(DeliveryView):
    """Deliveries by day, week, month or year."""

    @openapi.dashboard_summary
    def get(self, request: Request) -> SummaryDocument:
        """Count the deliveries; nothing is cached."""
        window, period = read_period(request)
        endpoints = self.access.endpoints().order_by()
        ids = None if self.access.by_key else list(endpoints.values_list("pk", flat=True))
        apps = endpoints.count() if ids is None else len(ids)
        buckets: list[BucketDocument] = []
        if ids is None or ids:
            buckets = count_by_period(self.of_window(window, ids), period, window.end.date())
        sent = sum(bucket["count"] for bucket in buckets)
        return {"events_sent": sent, "apps": apps, "period": period, "event_data": buckets}


def read_period(request: Request) -> tuple[Window, str]:
    """Return the window and the period of a summary. Raises InvalidInput.

    Contract: docs/contract/portal-sessions.md#dashboard-summary.
    """
    query = request.query_params
    start = parse_date(query.get("startDate", ""), BadStart)
    if start is None:
        raise StartMissing
    period = query.get("type", "")
    if not period:
        raise PeriodMissing
    if period not in PERIODS:
        raise PeriodUnknown(periods=", ".join(PERIODS))
    end = parse_date(query.get("endDate", ""), BadSummaryEnd) or start.replace(hour=23, minute=59, second=59)
    if start > end:
        raise BadSummaryOrder(period=period)
    return Window(start, end), period
