"""Events in the portal API. Contract: portal-links section 5.1, events section 1."""

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.envelope import success
from events import serializers
from events.operations import originals
from events.reads import chosen_events
from events.views import counted, created, page_of_events, read_event, refuse_search, replayed
from portal import event_openapi as openapi
from portal import event_operations as operations
from portal.api import PortalView
from portal_links.capabilities import CREATE_ATTEMPTS


class Events(PortalView):
    """The events of the caller's endpoints."""

    needs = {"POST": CREATE_ATTEMPTS}

    @openapi.list_events
    def get(self, request: Request) -> HttpResponse:
        """Answer a page of the events that the query chooses."""
        page = page_of_events(request, self.access.project.uid, **operations.shown_to(self.access))
        return success("App events fetched successfully", page)

    @openapi.create_event
    def post(self, request: Request) -> HttpResponse:
        """Create an event for one of the caller's endpoints."""
        sent, event = read_event(request, serializers.CreateEvent)
        return created("Event queued successfully", operations.create_event(self.access, event, **sent))


class EventDetail(PortalView):
    """One event."""

    @openapi.get_event
    def get(self, request: Request, eventID: str) -> HttpResponse:  # noqa: N803
        """Answer the event."""
        return success("Endpoint event fetched successfully", operations.event_document(self.access, eventID))


class ReplayEvent(PortalView):
    """The replay of one event."""

    needs = {"PUT": CREATE_ATTEMPTS}

    @openapi.replay_event
    def put(self, request: Request, eventID: str) -> HttpResponse:  # noqa: N803
        """Match the event with today's subscriptions and make new deliveries; a body is ignored."""
        operations.replay_event(self.access, eventID)
        return success("Endpoint event replayed successfully", operations.event_document(self.access, eventID))


class BatchReplay(PortalView):
    """The replay of many events."""

    needs = {"POST": CREATE_ATTEMPTS}

    @openapi.batch_replay_events
    def post(self, request: Request) -> HttpResponse:
        """Replay the events that the query chooses; a body is ignored."""
        refuse_search(request, "batch replay")
        within = operations.shown_to(self.access).get("within")
        rows = chosen_events(request, self.access.project.uid, within=within)
        return replayed(*operations.batch_replay(self.access, rows))


class CountBatchReplay(PortalView):
    """How many events a batch replay is about."""

    @openapi.count_affected_events
    def get(self, request: Request) -> HttpResponse:
        """Count the events that the query chooses."""
        refuse_search(request, "batch replay count")
        within = operations.shown_to(self.access).get("within")
        return counted(originals(chosen_events(request, self.access.project.uid, within=within)))
