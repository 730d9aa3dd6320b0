"""Answer the portal API about events. Contract: docs/contract/portal-sessions.md#portal-events."""

from functools import cached_property
from types import NoneType

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.openapi import Outcome
from core.api.parameters import is_true
from events import serializers, views
from events.documents import CreatedDocument, EventDocument, TestEventDocument
from events.reads import EventFilter, Within, scope_ids
from events.views import read_event, read_test_event
from jobs.documents import JobDocument, job_document
from portal import event_openapi as openapi
from portal import event_operations as operations
from portal.api import PortalView
from portal_links.capabilities import CREATE_ATTEMPTS, SEND_TEST
from replay import views as replay
from replay.openapi import BATCH_REPLAY


class EventView(PortalView, views.EventView):
    """Narrows events to those of the caller's endpoints. An API key sees its whole project, unmasked."""

    @cached_property
    def within(self) -> Within | None:
        """Return the endpoints that the caller may see; None for all of the project."""
        return None if self.access.by_key else scope_ids(self.access.endpoints())

    def wanted(self, request: Request) -> EventFilter:
        """Return the filter in the query. Raises InvalidInput, Forbidden."""
        self.refuse_content_search()
        return super().wanted(request)


class Events(EventView):
    """The events of the caller's endpoints."""

    needs = {"POST": CREATE_ATTEMPTS}
    get = openapi.list_events(views.Events.get)

    @openapi.create_event
    def post(self, request: Request) -> CreatedDocument:
        """Create an event for one of the caller's endpoints."""
        sent, event = read_event(request, serializers.CreateEvent)
        return {"uid": operations.create_event(self.access, event, **sent).uid}


class TestEvents(PortalView):
    """Test events for an endpoint of the customer's."""

    needs = {"POST": SEND_TEST}

    @openapi.send_test_event
    def post(self, request: Request, endpointID: str) -> TestEventDocument:  # noqa: N803
        """Queue a test event; its delivery has the answer."""
        delivery = operations.send_test_event(self.access, endpointID, **read_test_event(request))
        return {"uid": delivery.event_id, "event_delivery_id": delivery.uid}


class EventDetail(EventView):
    """One event."""

    get = openapi.get_event(views.EventDetail.get)


class ReplayEvent(EventView):
    """The replay of one event."""

    needs = {"PUT": CREATE_ATTEMPTS}

    @openapi.replay_event
    def put(self, request: Request, eventID: str) -> EventDocument:  # noqa: N803
        """Match the event with the present subscriptions and create new deliveries; a body is ignored."""
        operations.replay_event(self.access, eventID)
        return self.event(eventID)


class BatchReplay(EventView):
    """The replay of many events."""

    needs = {"POST": CREATE_ATTEMPTS}

    @openapi.batch_replay_events
    def post(self, request: Request) -> HttpResponse:
        """Replay the events that the query chooses; a body is ignored."""
        replay.refuse_search(request, BATCH_REPLAY)
        tally = operations.batch_replay(self.access, self.chosen(request))
        return openapi.batch_replay_events.answer(None, Outcome(tally.message, NoneType))


class BatchReplayJobs(EventView):
    """The replay of any number of events."""

    needs = {"POST": CREATE_ATTEMPTS}

    @openapi.create_replay_job
    def post(self, request: Request) -> JobDocument:
        """Store a job that replays the events that the query chooses; a body is ignored."""
        replay.refuse_search(request, BATCH_REPLAY)
        job = operations.create_replay_job(self.access, self.wanted(request), is_dry_run=is_true(request, "dry_run"))
        return job_document(job)


class CountBatchReplay(EventView):
    """The number of events that a batch replay would replay."""

    get = openapi.count_affected_events(replay.CountBatchReplay.get)
