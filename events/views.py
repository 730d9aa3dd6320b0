"""The event operations of the Convoy API. Contract: events section 1."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from core.api.bodies import read_body
from core.api.envelope import success
from core.api.pagination import read_page
from core.api.time_limit import time_limit
from core.exceptions import InvalidInput, NotFound
from events import openapi, operations, serializers
from events.documents import Document, event_documents
from events.models import Event
from events.operations import Content, Posted
from events.reads import chosen_events, is_search, searched_events
from outbound.payload import raw_member
from projects.convoy_view import ConvoyView

SECONDS_TO_SEARCH = 5
TOO_SLOW = "Search took too long. Narrow the time range or search term."


class Events(ConvoyView):
    """The events of a project."""

    @openapi.list_events
    def get(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Answer a page of the events that the query chooses."""
        return success("App events fetched successfully", page_of_events(request, projectID))

    @openapi.create_event
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Create an event for one endpoint."""
        sent, event = read_event(request, serializers.CreateEvent)
        return created("Event queued successfully", operations.create_event(projectID, event, **sent))


class FanoutEvents(ConvoyView):
    """Events for all endpoints of an owner."""

    @openapi.create_fanout_event
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Create one. Only this answer tells a duplicate."""
        sent, event = read_event(request, serializers.FanoutEvent)
        posted = operations.create_fanout_event(projectID, event, **sent)
        duplicate, new = openapi.FANOUT_DUPLICATE, openapi.FANOUT_CREATED
        return created(duplicate if posted.is_duplicate else new, posted)


class BroadcastEvents(ConvoyView):
    """Events for every endpoint."""

    @openapi.create_broadcast_event
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Create one."""
        _, event = read_event(request, serializers.BroadcastEvent)
        return created("Broadcast event created successfully", operations.create_broadcast_event(projectID, event))


class DynamicEvents(ConvoyView):
    """Events for a URL."""

    @openapi.create_dynamic_event
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Create one, and the endpoint where there is none."""
        sent, event = read_event(request, serializers.DynamicEvent)
        return created("Dynamic event created successfully", operations.create_dynamic_event(projectID, event, **sent))


class EventDetail(ConvoyView):
    """One event."""

    not_found = {"GET": (404, "event not found")}

    @openapi.get_event
    def get(self, request: Request, projectID: str, eventID: str) -> HttpResponse:  # noqa: N803
        """Answer the event."""
        return success("Endpoint event fetched successfully", one_event(projectID, eventID))


class ReplayEvent(ConvoyView):
    """The replay of one event."""

    not_found = {"PUT": (400, "event not found")}

    @openapi.replay_event
    def put(self, request: Request, projectID: str, eventID: str) -> HttpResponse:  # noqa: N803
        """Match the event with today's subscriptions and make new deliveries; a body is ignored."""
        operations.replay_event(projectID, eventID)
        return success("Endpoint event replayed successfully", one_event(projectID, eventID))


class BatchReplay(ConvoyView):
    """The replay of many events."""

    @openapi.batch_replay_events
    def post(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Replay the events that the query chooses; a body is ignored."""
        refuse_search(request, "batch replay")
        return replayed(*operations.batch_replay(projectID, chosen_events(request, projectID)))


class CountBatchReplay(ConvoyView):
    """How many events a batch replay would replay."""

    @openapi.count_affected_events
    def get(self, request: Request, projectID: str) -> HttpResponse:  # noqa: N803
        """Count the events that the query chooses."""
        refuse_search(request, "batch replay count")
        return counted(operations.originals(chosen_events(request, projectID)))


# What the portal API shares


def read_event(request: Request, serializer: Any) -> tuple[dict[str, Any], Content]:
    """The validated fields of a body that creates an event: those of its target, and what it says.

    Raises InvalidInput.
    """
    sent = read_body(request, serializer, detailed=True)
    try:
        raw = raw_member(request.body, "data")
    except ValueError:
        raw = None
    if raw is None:
        # Nested almost as deeply as the parser can go.
        raise InvalidInput("body contains badly-formed JSON")
    sent.pop("acknowledged_at", None)
    names = ("event_type", "custom_headers", "idempotency_key")
    said = {name: sent.pop(name) for name in names if name in sent}
    return sent, operations.content(raw=raw, value=sent.pop("data"), **said)


def created(message: str, posted: Posted) -> HttpResponse:
    """The answer to an event that is stored: it names its id."""
    return success(message, {"uid": posted.uid}, 201)


def page_of_events(request: Request, project_id: str, **shown: Any) -> dict[str, Any]:
    """The page of events that a request's query chooses; `shown` is what `event_documents` takes.

    Raises InvalidInput, TookTooLong.
    """
    rows = searched_events(request, chosen_events(request, project_id, within=shown.get("within")))
    with time_limit(SECONDS_TO_SEARCH, TOO_SLOW):
        page = read_page(request, rows.only("pk"), sortable=True)
    content = event_documents(project_id, [row.pk for row in page.rows], **shown)
    return {"content": content, "pagination": page.pagination}


def one_event(project_id: str, event_id: str, **shown: Any) -> Document:
    """One event. Raises NotFound."""
    found = event_documents(project_id, [event_id], **shown)
    if not found:
        raise NotFound("event not found")
    return found[0]


def refuse_search(request: Request, what: str) -> None:
    """Raise InvalidInput where a batch is asked for with `query` or `body`."""
    if is_search(request):
        raise InvalidInput(f"{what} does not support search filters")


def replayed(successful: int, failed: int) -> HttpResponse:
    """The answer to a batch replay."""
    return success(f"{successful} successful, {failed} failed")


def counted(rows: QuerySet[Event]) -> HttpResponse:
    """The answer to a count. Raises TookTooLong."""
    with time_limit(SECONDS_TO_SEARCH, TOO_SLOW):
        return success("events count successful", {"num": rows.count()})
