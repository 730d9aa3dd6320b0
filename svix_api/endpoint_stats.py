"""The figures of Svix's endpoints. Contract: docs/contract/svix.md#endpoint-stats."""

from typing import Annotated, TypedDict

from django.db.models import Sum
from rest_framework.request import Request

from core.api.documents import Example, component
from core.api.openapi import Outcome
from core.ulid import first_ulid_at
from deliveries.counts import count_by_status
from endpoints.exceptions import EndpointNotFound
from endpoints.models import EndpointHour
from events.models import EventDelivery, of_present_owner
from outbound.states import Status
from portal_links.capabilities import VIEW_DELIVERIES
from portal_links.exceptions import CapabilityMissing
from svix_api.applications import APPLICATION_ID
from svix_api.base import REFUSED_ALWAYS, WRONG_FIELDS
from svix_api.endpoints import ENDPOINT_ID, TAG, EndpointView
from svix_api.times import SINCE, UNTIL, read_moment


@component("svix.EndpointStats")
class StatsDocument(TypedDict):
    """The messages to an endpoint by their state."""

    success: Annotated[int, "Messages that were answered with 2xx.", Example(1042)]
    pending: Annotated[int, "Messages that wait for their first or for another attempt.", Example(3)]
    sending: Annotated[int, "Messages whose request is under way."]
    fail: Annotated[int, "Messages for which no further attempt is made.", Example(2)]
    canceled: Annotated[int, "Messages that were not sent, because the endpoint was not active."]


@component("svix.EndpointAttemptStats")
class AttemptStatsDocument(TypedDict):
    """The messages to an endpoint that have finished, by the outcome of their last attempt."""

    success: Annotated[int, "Messages that were answered with 2xx.", Example(1042)]
    fail: Annotated[int, "Messages that were not.", Example(2)]
    canceled: Annotated[int, "Always 0."]


get_stats = TAG.operation(
    "v1.endpoint.get-stats",
    "Count an endpoint's messages (Svix)",
    description="Counts the stored messages to the endpoint by their state. Test events are left out.",
    parameters=[APPLICATION_ID, ENDPOINT_ID, SINCE, UNTIL],
    success=Outcome("The figures.", StatsDocument, "Figures"),
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_ALWAYS, CapabilityMissing, EndpointNotFound],
)
get_attempt_stats = TAG.operation(
    "v1.endpoint.get-attempt-stats",
    "Count an endpoint's finished messages by the hour (Svix)",
    description="Adds up the figures by hour, from that of `since` to that of `until`. They are kept for 90 days.",
    parameters=[APPLICATION_ID, ENDPOINT_ID, SINCE, UNTIL],
    success=Outcome("The figures.", AttemptStatsDocument, "Figures"),
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_ALWAYS, CapabilityMissing, EndpointNotFound],
)


class StatsView(EndpointView):
    """The base of the figures of an endpoint."""

    http_method_names = ["get", "head", "options"]
    needs = {"GET": VIEW_DELIVERIES, "HEAD": VIEW_DELIVERIES}


class Stats(StatsView):
    """The messages to an endpoint."""

    @get_stats
    def get(self, request: Request, ownerID: str, endpointID: str) -> StatsDocument:  # noqa: N803
        """Count them by their state."""
        row = self.endpoint(ownerID, endpointID)
        since, until = read_moment(request, "since"), read_moment(request, "until")
        rows = EventDelivery.objects.filter(of_present_owner(), endpoint=row, test=EventDelivery.Test.NONE)
        if since:
            rows = rows.filter(pk__gte=first_ulid_at(since))
        if until:
            rows = rows.filter(pk__lt=first_ulid_at(until))
        counts = count_by_status(rows)
        return {
            "success": counts.get(Status.SUCCESS, 0),
            "pending": counts.get(Status.SCHEDULED, 0) + counts.get(Status.RETRY, 0),
            "sending": counts.get(Status.PROCESSING, 0),
            "fail": counts.get(Status.FAILURE, 0),
            "canceled": counts.get(Status.DISCARDED, 0),
        }


class AttemptStats(StatsView):
    """The messages to an endpoint that have finished."""

    @get_attempt_stats
    def get(self, request: Request, ownerID: str, endpointID: str) -> AttemptStatsDocument:  # noqa: N803
        """Add up the hours."""
        row = self.endpoint(ownerID, endpointID)
        since, until = read_moment(request, "since"), read_moment(request, "until")
        hours = EndpointHour.objects.filter(endpoint=row)
        if since:
            hours = hours.filter(hour__gte=since.replace(minute=0, second=0, microsecond=0))
        if until:
            hours = hours.filter(hour__lt=until)
        found = hours.aggregate(success=Sum("delivered", default=0), fail=Sum("failed", default=0))
        return {"success": found["success"], "fail": found["fail"], "canceled": 0}
