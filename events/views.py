"""Answer the event operations of the Convoy API. Contract: docs/contract/events.md#operations."""

from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from core.api.bodies import read_body
from core.api.documents import PageOf
from core.api.pagination import Bytes, JsonBytes, read_page
from core.api.time_limit import time_limit
from core.json_text import without_half_pairs
from events import openapi, operations, serializers
from events.documents import (
    CreatedDocument,
    EventDocument,
    TestEventDocument,
    event_document,
    event_documents,
)
from events.exceptions import SearchTooSlow
from events.models import Event
from events.reads import EventFilter, Within, read_event_filter, searched_events
from events.storage import Content
from events.trials import send_test_event
from projects.convoy_view import ConvoyView

SECONDS_TO_SEARCH = 5


class EventView(ConvoyView):
    """Reads the events of the path's project; the portal narrows them to those of a customer's endpoints."""

    @cached_property
    def within(self) -> Within | None:
        """Return the endpoints that the caller may see; None for all of the project."""
        return None

    @property
    def detail(self) -> dict[str, Any]:
        """Return how much of an event the caller may see, for event_documents()."""
        return {"within": self.within, "is_masked": self.is_masked, "shows_payload": self.shows_payload}

    def event(self, event_id: str) -> EventDocument:
        """Return one event as the caller may see it. Raises NotFound."""
        return event_document(self.project_id, event_id, **self.detail)

    def wanted(self, request: Request) -> EventFilter:
        """Return the filter in the query. Raises InvalidInput."""
        return read_event_filter(request, within=self.within)

    def chosen(self, request: Request) -> "QuerySet[Event]":
        """Return the events that the query chooses. Raises InvalidInput."""
        return self.wanted(request).rows(self.project_id)


class Events(EventView):
    """The events of a project."""

    proves = ("POST",)

    @openapi.list_events
    def get(self, request: Request, **_: str) -> PageOf[EventDocument]:
        """Answer a page of the events that the query chooses."""
        rows = searched_events(request, self.chosen(request))
        with time_limit(SECONDS_TO_SEARCH, SearchTooSlow.message):
            page = read_page(request, rows.only("pk"), sortable=True, size=Bytes("data") + JsonBytes("headers"))
        ids = [row.pk for row in page.rows]
        return page.of(event_documents(self.project_id, ids, **self.detail))

    @openapi.create_event
    def post(self, request: Request, projectID: str) -> CreatedDocument:  # noqa: N803
        """Create an event for one endpoint."""
        sent, event = read_event(request, serializers.CreateEvent)
        return {"uid": operations.create_event(projectID, event, proof=self.proof(), **sent).uid}


class FanoutEvents(ConvoyView):
    """Events for all endpoints of an owner."""

    proves = ("POST",)

    @openapi.create_fanout_event
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Create an event. Only this answer tells a duplicate."""
        sent, event = read_event(request, serializers.FanoutEvent)
        posted = operations.create_fanout_event(projectID, event, proof=self.proof(), **sent)
        outcome = openapi.DUPLICATE if posted.is_duplicate else None
        return openapi.create_fanout_event.answer({"uid": posted.uid}, outcome)


class BroadcastEvents(ConvoyView):
    """Events for every endpoint."""

    @openapi.create_broadcast_event
    def post(self, request: Request, projectID: str) -> CreatedDocument:  # noqa: N803
        """Create an event."""
        _, event = read_event(request, serializers.BroadcastEvent)
        return {"uid": operations.create_broadcast_event(projectID, event).uid}


class DynamicEvents(ConvoyView):
    """Events for a URL."""

    @openapi.create_dynamic_event
    def post(self, request: Request, projectID: str) -> CreatedDocument:  # noqa: N803
        """Create an event, and the endpoint where there is none for the URL."""
        sent, event = read_event(request, serializers.DynamicEvent)
        return {"uid": operations.create_dynamic_event(projectID, event, **sent).uid}


class TestEvents(ConvoyView):
    """Test events for one endpoint."""

    @openapi.send_test_event
    def post(self, request: Request, projectID: str, endpointID: str) -> TestEventDocument:  # noqa: N803
        """Queue a test event; its delivery has the answer."""
        delivery = send_test_event(projectID, endpointID, **read_test_event(request))
        return {"uid": delivery.event_id, "event_delivery_id": delivery.uid}


class EventDetail(EventView):
    """One event."""

    @openapi.get_event
    def get(self, request: Request, eventID: str, **_: str) -> EventDocument:  # noqa: N803
        """Answer the event."""
        return self.event(eventID)


def read_event(request: Request, serializer: Any) -> tuple[dict[str, Any], Content]:
    """Return the validated fields of a body that creates an event: those of its target, and its content.

    Raises InvalidInput.
    """
    body = without_half_pairs(request.body)
    sent = read_body(request, serializer, detailed=True, body=body)
    raw = serializers.raw_value(body, "data")
    sent.pop("acknowledged_at", None)
    names = ("event_type", "custom_headers", "idempotency_key")
    said = {name: sent.pop(name) for name in names if name in sent}
    return sent, operations.content(raw=raw, value=sent.pop("data"), **said)


def read_test_event(request: Request) -> dict[str, Any]:
    """Return the validated fields of a body that sends a test event. Raises InvalidInput."""
    body = without_half_pairs(request.body)
    sent = read_body(request, serializers.TestEvent, detailed=True, body=body)
    raw = serializers.raw_value(body, "data") if "data" in sent else None
    return {"event_type": sent["event_type"], "raw": raw, "is_rehearsal": sent.get("rehearsal", False)}
