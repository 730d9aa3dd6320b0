"""Answer the operations on event deliveries and delivery attempts.

Contract: docs/contract/deliveries.md#operations, docs/contract/endpoints.md#failure-rates.
"""

from types import NoneType

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.bodies import read_body
from core.api.documents import PageOf
from core.api.openapi import Outcome
from core.api.pagination import Bytes, JsonBytes, read_page
from core.api.parameters import is_true, texts
from core.api.time_limit import time_limit
from core.api.windows import read_window
from core.exceptions import InvalidInput
from deliveries import openapi
from deliveries import operations as deliveries
from deliveries.batch_retry import create_batch_retry
from deliveries.counts import BUDGET_SECONDS, MOST_RATES, RateDocument, period_failure_rates
from deliveries.documents import AttemptDocument, DeliveryDocument, attempt_document, delivery_document, with_parts
from deliveries.exceptions import BadList, CountTooSlow
from deliveries.filters import read_filter
from deliveries.retry_jobs import create_retry_job
from deliveries.serializers import DeliveryIDs
from endpoints.models import Scope
from events.models import DeliveryAttempt as AttemptRow
from events.models import EventDelivery as Row
from jobs.documents import JobDocument, job_document
from projects.convoy_view import ConvoyView


class DeliveryView(ConvoyView):
    """Base of views of the path's project's deliveries; the portal narrows them to those of a customer's endpoints."""

    @property
    def scope(self) -> Scope:
        """Return the endpoints whose deliveries the caller may see; None for all of the project."""
        return None

    def delivery(self, found: Row) -> DeliveryDocument:
        """Return a delivery as the caller may see it."""
        return delivery_document(found, is_masked=self.is_masked, shows_payload=self.shows_payload)

    def attempt(self, found: AttemptRow) -> AttemptDocument:
        """Return an attempt as the caller may see it."""
        return attempt_document(found, is_masked=self.is_masked, shows_payload=self.shows_payload)


class EventDeliveries(DeliveryView):
    """The deliveries of a project."""

    @openapi.list_deliveries
    def get(self, request: Request, **_: str) -> PageOf[DeliveryDocument]:
        """Answer a page of them."""
        with time_limit(BUDGET_SECONDS, CountTooSlow.message):
            rows = read_filter(request, self.project_id, scope=self.scope).rows(self.project_id)
            # The document has the payload twice.
            page = read_page(
                request, rows.only("pk"), sortable=True, size=Bytes("event__data") * 2 + JsonBytes("event__headers")
            )
        return page.of([self.delivery(row) for row in page.read(with_parts(Row.objects.all()))])


class EventDelivery(DeliveryView):
    """One delivery."""

    @openapi.get_delivery
    def get(self, request: Request, eventDeliveryID: str, **_: str) -> DeliveryDocument:  # noqa: N803
        """Answer the delivery with its payload."""
        found = deliveries.find_delivery(self.project_id, eventDeliveryID, scope=self.scope)
        return self.delivery(found)


class ResendEventDelivery(ConvoyView):
    """Send a failed delivery again."""

    @openapi.resend_delivery
    def put(self, request: Request, projectID: str, eventDeliveryID: str) -> DeliveryDocument:  # noqa: N803
        """Put the delivery into the queue; a body is ignored."""
        return delivery_document(deliveries.resend_delivery(projectID, eventDeliveryID), is_masked=False)


class ForceResendEventDeliveries(ConvoyView):
    """Send succeeded deliveries again."""

    @openapi.force_resend
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Put the deliveries of the body into the queue, and answer how many."""
        tally = deliveries.force_resend(projectID, read_ids(request))
        return openapi.force_resend.answer(None, Outcome(tally.message, NoneType))


class BatchRetryEventDeliveries(ConvoyView):
    """Send again the deliveries that a filter chooses."""

    @openapi.batch_retry
    def post(self, request: Request, projectID: str) -> None:  # noqa: N803
        """Start the retry in the background; a body is ignored."""
        create_batch_retry(projectID, read_filter(request, projectID))


class BatchRetryJobs(DeliveryView):
    """Send any number of deliveries again."""

    @openapi.create_retry_job
    def post(self, request: Request, projectID: str) -> JobDocument:  # noqa: N803
        """Store a job that sends the deliveries of the query again; a body is ignored."""
        job = create_retry_job(projectID, read_filter(request, projectID), is_dry_run=is_true(request, "dry_run"))
        return job_document(job)


class DeliveryAttempts(DeliveryView):
    """The attempts of a delivery."""

    @openapi.list_attempts
    def get(self, request: Request, eventDeliveryID: str, **_: str) -> list[AttemptDocument]:  # noqa: N803
        """Answer the last ones, oldest first."""
        found = deliveries.last_attempts(self.project_id, eventDeliveryID, scope=self.scope)
        return [self.attempt(attempt) for attempt in found]


class DeliveryAttempt(DeliveryView):
    """One attempt of a delivery."""

    @openapi.get_attempt
    def get(
        self,
        request: Request,
        eventDeliveryID: str,  # noqa: N803
        deliveryAttemptID: str,  # noqa: N803
        **_: str,
    ) -> AttemptDocument:
        """Answer the attempt."""
        found = deliveries.find_attempt(self.project_id, eventDeliveryID, deliveryAttemptID, scope=self.scope)
        return self.attempt(found)


class PeriodFailureRates(DeliveryView):
    """The failure rates of some endpoints."""

    @openapi.period_failure_rates
    def get(self, request: Request, **_: str) -> list[RateDocument]:
        """Answer a rate for each endpoint of the query that is in the scope; that of an unknown one is null."""
        given = texts(request, "endpointId")[:MOST_RATES]
        if not given:
            return []
        window = read_window(request)
        if self.scope is not None:
            own = set(self.scope.filter(pk__in=given).order_by().values_list("pk", flat=True))
            given = [uid for uid in given if uid in own]
        return period_failure_rates(self.project_id, given, window, is_customers=self.scope is not None)


def read_ids(request: Request) -> list[str]:
    """Return the ids in a request's body. Raises BadList for every invalid body."""
    try:
        ids: list[str] = read_body(request, DeliveryIDs).get("ids", [])
    except InvalidInput:
        raise BadList from None
    return ids
