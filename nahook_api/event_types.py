"""Nahook's event types. Contract: docs/contract/nahook.md#event-types."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, TypedDict

from django.db.models import Count, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from core.api.bodies import NoBody
from core.api.documents import Example, Time, component, example
from core.api.fields import Text
from core.api.openapi import Outcome, Tag, body, describe, path_parameter
from core.api.pagination import Bytes
from core.api.time_limit import TookTooLong, time_limit
from core.api.values import wire_time
from core.exceptions import Conflict
from nahook_api.base import REFUSED, REFUSED_WRITE, WORKSPACE, EventTypeNotFound, FieldRefused, Strict, WorkspaceView
from nahook_api.ids import EVENT_TYPE, EXAMPLE_UID, prefixed, uid_in
from nahook_api.paging import MOST_LISTED, OFFSET, limit_parameter, read_rows
from projects.models import EVERY_TYPE, EventType
from subscriptions import event_types as operations
from subscriptions.exceptions import EventTypeNameTaken
from subscriptions.exceptions import EventTypeNotFound as NotAnEventType
from subscriptions.models import Filter

TAG = Tag("Event types (Nahook)", envelope=False)
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,254}$"
WRONG_NAME = "is 1 to 255 of a-z, A-Z, 0-9, '.', '_', '-', ':' and '/', the first a letter or a digit"
_name = re.compile(NAME_PATTERN)
SECONDS_TO_COUNT = 2


class NameTaken(Conflict):
    """Another event type has the name."""

    message = EventTypeNameTaken.message


class CountTooSlow(TookTooLong):
    """Counting the subscribers takes more than two seconds."""

    message = "counting the subscribers took too long"


@component("nahook.EventType")
class EventTypeDocument(TypedDict):
    """An event type in Nahook's shape."""

    id: Annotated[str, "The id of the event type.", Example(prefixed(EVENT_TYPE, EXAMPLE_UID))]
    name: Annotated[str, "The name that events have.", Example("order.paid")]
    description: Annotated[str | None, "A text for customers.", Example("Fired when an order is paid")]
    subscriberCount: Annotated[int, "The endpoints that listen to it by its name.", Example(2)]
    createdAt: Annotated[Time, "When it was created."]


def event_type_documents(project_id: str, found: Iterable[EventType]) -> list[EventTypeDocument]:
    """Return event types as Nahook's API shows them. One statement. Raises TookTooLong."""
    rows = list(found)
    filters = Filter.objects.filter(
        subscription__project_id=project_id,
        subscription__deleted_at=None,
        subscription__endpoint__deleted_at=None,
        enabled_at__isnull=False,
        event_type__in=[row.name for row in rows],
    )
    counted = filters.order_by().values_list("event_type").annotate(Count("subscription__endpoint_id", distinct=True))
    with time_limit(SECONDS_TO_COUNT, CountTooSlow.message):
        numbers: dict[str, int] = dict(counted)
    return [
        {
            "id": prefixed(EVENT_TYPE, row.uid),
            "name": row.name,
            "description": row.description or None,
            "subscriberCount": numbers.get(row.name, 0),
            "createdAt": wire_time(row.created_at),
        }
        for row in rows
    ]


def check_name(name: str) -> None:
    """Refuse a name that no event type has. Raises InvalidInput."""
    if not _name.fullmatch(name):
        raise FieldRefused(name="eventType", failure=WRONG_NAME)


def find_event_type(project_id: str, text: str) -> EventType:
    """Return an event type by its id, with or without `evt_`, or by its name. Raises EventTypeNotFound."""
    if "\0" in text or len(text) > 300 or text == EVERY_TYPE:
        raise EventTypeNotFound
    try:
        return operations.find_event_type(project_id, uid_in(EVENT_TYPE, text) or text)
    except NotAnEventType:
        raise EventTypeNotFound from None


def live_event_types(project_id: str) -> "QuerySet[EventType]":
    """Return the event types of a workspace: those that are not deprecated, without the one that stands for all."""
    return operations.event_types(project_id).filter(deprecated_at=None).exclude(name=EVERY_TYPE)


class CreateEventType(Strict):
    """The body that creates an event type."""

    name = Text(help_text="The name that events have, such as `order.paid`.")
    description = Text(required=False, max_length=4096, help_text="A text for customers.")

    def validate_name(self, name: str) -> str:
        """Refuse a name that a path could not hold."""
        if not _name.fullmatch(name):
            raise serializers.ValidationError(WRONG_NAME)
        return name


class UpdateEventType(Strict):
    """The body that changes an event type."""

    description = Text(
        required=False, max_length=4096, help_text="A text for customers. An empty one counts as not sent."
    )


describe(CreateEventType, "nahook.CreateEventType", name={"pattern": NAME_PATTERN})
describe(UpdateEventType, "nahook.UpdateEventType")

EXAMPLE = example(EventTypeDocument)
EVENT_TYPE_ID = path_parameter("eventTypeId", "The id of the event type, with or without `evt_`, or its name.")

list_event_types = TAG.operation(
    "ListNahookEventTypes",
    "List event types (Nahook)",
    description="The event types of the workspace, newest first.",
    parameters=[WORKSPACE, limit_parameter(MOST_LISTED, MOST_LISTED), OFFSET],
    success=Outcome("The event types.", list[EventTypeDocument], "One event type"),
    refused=[
        *REFUSED,
        FieldRefused(name="limit", failure=f"must be a whole number from 1 to {MOST_LISTED}"),
        CountTooSlow,
    ],
)
create = TAG.operation(
    "CreateNahookEventType",
    "Create an event type (Nahook)",
    description="Creates an event type, or brings back one that was deleted.",
    parameters=[WORKSPACE],
    request=body(
        CreateEventType, {"An event type": {"name": "order.paid", "description": "Fired when an order is paid"}}
    ),
    success=Outcome("The event type.", EventTypeDocument, "The event type", status=201),
    refused=[*REFUSED_WRITE, FieldRefused(name="name", failure=WRONG_NAME), NameTaken, CountTooSlow],
)
get = TAG.operation(
    "GetNahookEventType",
    "Get an event type (Nahook)",
    description="Returns an event type that was not deleted.",
    parameters=[WORKSPACE, EVENT_TYPE_ID],
    success=Outcome("The event type.", EventTypeDocument, "The event type"),
    refused=[*REFUSED, EventTypeNotFound, CountTooSlow],
)
update = TAG.operation(
    "UpdateNahookEventType",
    "Change an event type (Nahook)",
    description="Changes the description.",
    parameters=[WORKSPACE, EVENT_TYPE_ID],
    request=body(UpdateEventType, {"Another description": {"description": "An order was paid"}}),
    success=Outcome("The event type.", EventTypeDocument, "The event type"),
    refused=[*REFUSED_WRITE, NoBody, EventTypeNotFound, CountTooSlow],
)
delete = TAG.operation(
    "DeleteNahookEventType",
    "Delete an event type (Nahook)",
    description="Deprecates the event type: this API no longer shows it, and events of the type are sent as before.",
    parameters=[WORKSPACE, EVENT_TYPE_ID],
    success=Outcome("Deleted.", type(None), status=204),
    refused=[*REFUSED_WRITE, EventTypeNotFound],
)


class EventTypes(WorkspaceView):
    """The event types of a workspace."""

    http_method_names = ["get", "head", "post"]

    @list_event_types
    def get(self, request: Request, projectID: str) -> list[EventTypeDocument]:  # noqa: N803
        """Return them, newest first."""
        size = Bytes("name") + Bytes("description")
        rows = read_rows(
            request, live_event_types(projectID).defer("json_schema"), default=MOST_LISTED, most=MOST_LISTED, size=size
        )
        return rows.of(event_type_documents(projectID, rows))

    @create
    def post(self, request: Request, projectID: str) -> EventTypeDocument:  # noqa: N803
        """Create one."""
        try:
            made = operations.create_or_restore_event_type(projectID, **self.body(request, CreateEventType))
        except EventTypeNameTaken:
            raise NameTaken from None
        return event_type_documents(projectID, [made])[0]


class EventTypeDetail(WorkspaceView):
    """One event type."""

    http_method_names = ["get", "head", "patch", "delete"]

    @get
    def get(self, request: Request, projectID: str, eventTypeId: str) -> EventTypeDocument:  # noqa: N803
        """Return it."""
        return event_type_documents(projectID, [find_event_type(projectID, eventTypeId)])[0]

    @update
    def patch(self, request: Request, projectID: str, eventTypeId: str) -> EventTypeDocument:  # noqa: N803
        """Change its description."""
        sent: dict[str, Any] = self.body(request, UpdateEventType)
        uid = find_event_type(projectID, eventTypeId).uid
        return event_type_documents(projectID, [operations.update_event_type(projectID, uid, **sent)])[0]

    @delete
    def delete(self, request: Request, projectID: str, eventTypeId: str) -> None:  # noqa: N803
        """Deprecate it."""
        operations.deprecate_event_type(projectID, find_event_type(projectID, eventTypeId).uid)
