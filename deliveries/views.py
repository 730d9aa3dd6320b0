"""The operations on event deliveries and delivery attempts. Contract: deliveries section 1, endpoints rule 26."""

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.bodies import read_body
from core.api.envelope import success
from core.api.pagination import Page, read_page
from core.api.time_limit import time_limit
from core.api.windows import read_window
from core.exceptions import InvalidInput
from deliveries import openapi as delivery_openapi
from deliveries import operations as deliveries
from deliveries.batch_retry import create_batch_retry
from deliveries.counts import BUDGET_SECONDS, MOST_RATES, TOO_LONG, period_failure_rates
from deliveries.documents import attempt_document, delivery_document, with_parts
from deliveries.filters import read_endpoint_ids, read_filter
from deliveries.serializers import DeliveryIDs
from endpoints.models import Scope
from projects.convoy_view import ConvoyView

UNKNOWN = (400, deliveries.NOT_FOUND)


class EventDeliveries(ConvoyView):
    """The deliveries of a project."""

    @delivery_openapi.list_deliveries
    def get(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Answer a page of them."""
        page = read_deliveries(request, projectID)
        content = [delivery_document(row, is_masked=False) for row in page.rows]
        return success("Event deliveries fetched successfully", {"content": content, "pagination": page.pagination})


class EventDelivery(ConvoyView):
    """One delivery."""

    not_found = {"GET": (404, deliveries.NOT_FOUND)}

    @delivery_openapi.get_delivery
    def get(self, request: Request, projectID: str, eventDeliveryID: str) -> HttpResponse:  # noqa: N803
        """Answer the delivery with its payload."""
        found = deliveries.find_delivery(projectID, eventDeliveryID)
        return success("Event Delivery fetched successfully", delivery_document(found, is_masked=False))


class ResendEventDelivery(ConvoyView):
    """Another go at a delivery that was given up on."""

    not_found = {"PUT": UNKNOWN}

    @delivery_openapi.resend_delivery
    def put(self, request: Request, projectID: str, eventDeliveryID: str) -> HttpResponse:  # noqa: N803
        """Put the delivery into the queue; a body is ignored."""
        sent = deliveries.resend_delivery(projectID, eventDeliveryID)
        return success("App event processed for retry successfully", delivery_document(sent, is_masked=False))


class ForceResendEventDeliveries(ConvoyView):
    """Another go at deliveries that have succeeded."""

    @delivery_openapi.force_resend
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Put those into the queue that the body names, and say how many."""
        outcome = deliveries.force_resend(projectID, read_ids(request))
        return success(f"{outcome.successful} successful, {outcome.failed} failed")


class BatchRetryEventDeliveries(ConvoyView):
    """Another go at all deliveries that a filter leaves."""

    @delivery_openapi.batch_retry
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Begin with it, in the background; a body is ignored."""
        create_batch_retry(projectID, read_filter(request, projectID))
        return success("Batch retry processing")


class DeliveryAttempts(ConvoyView):
    """The attempts of a delivery."""

    not_found = {"GET": UNKNOWN}

    @delivery_openapi.list_attempts
    def get(self, request: Request, projectID: str, eventDeliveryID: str) -> HttpResponse:  # noqa: N803
        """Answer the last ones, oldest first."""
        found = deliveries.last_attempts(projectID, eventDeliveryID)
        content = [attempt_document(attempt, is_masked=False) for attempt in found]
        return success("Event delivery attempts fetched successfully", content)


class DeliveryAttempt(ConvoyView):
    """One attempt of a delivery."""

    not_found = {"GET": UNKNOWN}

    @delivery_openapi.get_attempt
    def get(
        self,
        request: Request,
        projectID: str,  # noqa: N803
        eventDeliveryID: str,  # noqa: N803
        deliveryAttemptID: str,  # noqa: N803
    ) -> HttpResponse:
        """Answer the attempt."""
        found = deliveries.find_attempt(projectID, eventDeliveryID, deliveryAttemptID)
        return success("Event delivery attempt fetched successfully", attempt_document(found, is_masked=False))


class PeriodFailureRates(ConvoyView):
    """What share of their deliveries has failed at some endpoints."""

    @delivery_openapi.period_failure_rates
    def get(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Answer a rate for each endpoint that is named; of one that is not there nothing is known."""
        ids = (read_endpoint_ids(request) or [])[:MOST_RATES]
        rates = period_failure_rates(projectID, ids, read_window(request)) if ids else []
        return success("Endpoint period failure rates fetched successfully", rates)


def read_deliveries(request: Request, project_id: str, *, scope: Scope = None) -> Page:
    """The page of deliveries that a request asks for. Raises InvalidInput, TookTooLong."""
    with time_limit(BUDGET_SECONDS, TOO_LONG):
        rows = read_filter(request, project_id, scope=scope).rows(project_id)
        return read_page(request, with_parts(rows), sortable=True)


def read_ids(request: Request) -> list[str]:
    """The ids in a request's body. Raises InvalidInput, whatever is wrong with it, with the same words."""
    try:
        ids: list[str] = read_body(request, DeliveryIDs).get("ids", [])
    except InvalidInput:
        raise InvalidInput("Request is invalid") from None
    return ids
