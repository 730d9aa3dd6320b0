"""Svix's event types. Contract: docs/contract/svix.md#event-types."""

import re
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from core.api.documents import example
from core.api.openapi import Outcome, Tag, body, path_parameter, query
from core.api.pagination import Bytes, JsonBytes
from core.api.parameters import is_true
from core.exceptions import Conflict, InvalidInput, NotFound
from events.serializers import raw_value
from projects.exceptions import OwnerKey
from projects.models import EVERY_TYPE, EventType
from subscriptions import event_types
from subscriptions.exceptions import EventTypeNotFound, JsonSchemaRefused, NoWebhooks, SpecRefused
from subscriptions.openapi_import import EXAMPLE_SPEC, NOT_AN_OBJECT
from svix_api.base import REFUSED_ALWAYS, REFUSED_BODY, WRONG_FIELDS, SvixView, wrong_field
from svix_api.customers import CustomerView
from svix_api.event_type_shapes import (
    NAME_PATTERN,
    VERSION,
    DescribedDocument,
    EventTypeImportOpenApiIn,
    EventTypeIn,
    EventTypeOut,
    EventTypePatch,
    EventTypeUpdate,
    ImportDocument,
    event_type_document,
    schemas_of,
)
from svix_api.paging import ITERATOR, LIMIT, PageDocument, page_example, read_page

TAG = Tag("Event types (Svix)", envelope=False)
#: The prefix of the name in an iterator.
BY_NAME = "name_"


class EventTypeMissing(NotFound):
    """No such event type."""

    message = EventTypeNotFound.message


class EventTypeExists(Conflict):
    """The name is taken."""

    message = "an event type with this name exists already"


class OneSpec(InvalidInput):
    """None of `spec` and `specRaw`, or both."""

    message = "send the document either as `spec`, an object, or as `specRaw`, a text"


# Operations

EXAMPLE = example(EventTypeOut)
FULL = {
    "description": "An order was paid",
    "schemas": {VERSION: {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}},
    "groupName": "orders",
}
MINIMAL = {"name": "order.paid", "description": "An order was paid"}
NAME = path_parameter("eventTypeName", "The name of the event type.")
CREATED = Outcome("The new event type.", EventTypeOut, {"It is new": EXAMPLE}, status=201)
IMPORTED = example(ImportDocument, data={"modified": ["order.created"], "to_modify": None})
DRY = example(ImportDocument, data={"modified": [], "to_modify": [example(DescribedDocument, groupName=None)]})

list_event_types = TAG.operation(
    "v1.event-type.list",
    "List event types (Svix)",
    description="A page of the project's event types, by name.",
    parameters=[
        LIMIT,
        ITERATOR,
        query("order", "The order of the names.", {"type": "string", "enum": ["ascending", "descending"]}),
        query("include_archived", "Whether archived ones are in the list.", {"type": "boolean", "default": False}),
        query("with_content", "Whether `schemas` are in the list.", {"type": "boolean", "default": False}),
    ],
    success=Outcome("The page.", PageDocument[EventTypeOut], {"One event type": page_example(EXAMPLE, prefix=BY_NAME)}),
    outcomes=[WRONG_FIELDS],
    refused=REFUSED_ALWAYS[:2],
)
create = TAG.operation(
    "v1.event-type.create",
    "Create an event type (Svix)",
    description="Creates an event type. An archived one of the same name is replaced and leaves the archive.",
    request=body(EventTypeIn, {"In full": {"name": "order.paid", **FULL}, "The least": MINIMAL}),
    success=Outcome(
        "The event type.",
        EventTypeOut,
        {"In full": EXAMPLE, "The least": example(EventTypeOut, schemas=None, groupName=None)},
        status=201,
    ),
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_BODY, JsonSchemaRefused(reason="required: 1 is not of type 'array'"), OwnerKey, EventTypeExists],
)
get = TAG.operation(
    "v1.event-type.get",
    "Get an event type (Svix)",
    description="Returns an event type, archived or not.",
    parameters=[NAME],
    success=Outcome("The event type.", EventTypeOut, "Event type"),
    refused=[*REFUSED_ALWAYS[:2], EventTypeMissing],
)
update = TAG.operation(
    "v1.event-type.update",
    "Replace an event type (Svix)",
    description="Replaces an event type, or creates it where there is none.",
    parameters=[NAME],
    request=body(EventTypeUpdate, {"In full": FULL}),
    success=Outcome("The event type.", EventTypeOut, "Event type"),
    outcomes=[CREATED, WRONG_FIELDS],
    refused=[*REFUSED_BODY, JsonSchemaRefused(reason="required: 1 is not of type 'array'"), OwnerKey],
)
patch = update.twin(
    "v1.event-type.patch",
    "Change an event type (Svix)",
    description="Changes the fields of an event type that are sent.",
    request=body(EventTypePatch, {"Another description": {"description": "An order was paid in full"}}),
    outcomes=[WRONG_FIELDS],
    refused=[
        *REFUSED_BODY,
        JsonSchemaRefused(reason="required: 1 is not of type 'array'"),
        OwnerKey,
        EventTypeMissing,
    ],
)
delete = TAG.operation(
    "v1.event-type.delete",
    "Archive or delete an event type (Svix)",
    description="Archives an event type, or with `expunge=true` deletes it. Its events are sent as before.",
    parameters=[NAME, query("expunge", "Whether it is deleted.", {"type": "boolean", "default": False})],
    success=Outcome("Done.", type(None), status=204),
    refused=[*REFUSED_ALWAYS[:2], OwnerKey, EventTypeMissing],
)
import_openapi = TAG.operation(
    "v1.event-type.import-openapi",
    "Import event types from an OpenAPI document (Svix)",
    description="Creates or updates the event types that the webhooks of an OpenAPI document describe, all or none.",
    request=body(
        EventTypeImportOpenApiIn,
        {"Import": {"specRaw": EXAMPLE_SPEC}, "Only look": {"specRaw": EXAMPLE_SPEC, "dryRun": True}},
    ),
    success=Outcome("The event types.", ImportDocument, {"Import": IMPORTED, "Only look": DRY}),
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_BODY, OneSpec, NoWebhooks, SpecRefused(reason=NOT_AN_OBJECT), OwnerKey],
)


# Views


class EventTypes(CustomerView):
    """The event types of the key's project."""

    http_method_names = ["get", "head", "post", "options"]

    @list_event_types
    def get(self, request: Request) -> PageDocument[EventTypeOut]:
        """Return a page."""
        rows = EventType.objects.filter(project_id=self.key_project).exclude(name=EVERY_TYPE)
        if not is_true(request, "include_archived"):
            rows = rows.filter(archived_at=None)
        with_content = is_true(request, "with_content")
        return read_page(
            request,
            rows if with_content else rows.defer("json_schema"),
            BY_NAME,
            lambda row: event_type_document(row, with_content=with_content),
            size=JsonBytes("json_schema") + Bytes("description") if with_content else None,
            by_name=True,
        )

    @create
    def post(self, request: Request) -> EventTypeOut:
        """Create an event type."""
        project_id = self.key_project
        self.check_whole_project()
        sent = self.body(request, EventTypeIn)
        if EventType.objects.filter(project_id=project_id, name=sent["name"], archived_at=None).exists():
            raise EventTypeExists
        row, _ = event_types.put_event_type(project_id, sent["name"], creates=True, **_whole(sent))
        return event_type_document(row)


class EventTypeDetail(CustomerView):
    """One event type."""

    http_method_names = ["get", "head", "put", "patch", "delete", "options"]

    @get
    def get(self, request: Request, eventTypeName: str) -> EventTypeOut:  # noqa: N803
        """Return it."""
        rows = EventType.objects.filter(project_id=self.key_project, name=eventTypeName)
        row = rows.exclude(name=EVERY_TYPE).first()
        if row is None:
            raise EventTypeMissing
        return event_type_document(row)

    @update
    def put(self, request: Request, eventTypeName: str) -> EventTypeOut | HttpResponse:  # noqa: N803
        """Replace it, or create it."""
        self.check_whole_project()
        project_id = self.key_project
        sent = self.body(request, EventTypeUpdate)
        if not re.fullmatch(NAME_PATTERN, eventTypeName):
            raise wrong_field("path", "event_type_name", "is no name of an event type")
        row, is_new = event_types.put_event_type(project_id, eventTypeName, creates=True, **_whole(sent))
        return update.answer(event_type_document(row), CREATED) if is_new else event_type_document(row)

    @patch
    def patch(self, request: Request, eventTypeName: str) -> EventTypeOut:  # noqa: N803
        """Change what is sent of it."""
        self.check_whole_project()
        project_id = self.key_project
        changes = _changes(self.body(request, EventTypePatch))
        return event_type_document(_put(project_id, eventTypeName, **changes))

    @delete
    def delete(self, request: Request, eventTypeName: str) -> None:  # noqa: N803
        """Archive it, or delete it."""
        self.check_whole_project()
        if not is_true(request, "expunge"):
            _put(self.key_project, eventTypeName, is_archived=True)
            return
        try:
            event_types.delete_event_type(self.key_project, _checked(eventTypeName))
        except EventTypeNotFound:
            raise EventTypeMissing from None


class ImportOpenApi(SvixView):
    """The import of event types."""

    http_method_names = ["post"]

    @import_openapi
    def post(self, request: Request) -> ImportDocument:
        """Import the event types of a document."""
        project_id = self.key_project
        self.check_whole_project()
        sent = self.body(request, EventTypeImportOpenApiIn)
        if ("spec" in sent) == ("specRaw" in sent):
            raise OneSpec
        text = sent["specRaw"] if "specRaw" in sent else raw_value(request.body, "spec").decode()
        if sent.get("dryRun"):
            found = event_types.read_event_types(text)
            return {"data": {"modified": [], "to_modify": [_described(one) for one in found]}}
        rows = event_types.import_event_types(project_id, text, archives_others=sent.get("replaceAll", False))
        return {"data": {"modified": [row.name for row in rows], "to_modify": None}}


def _put(project_id: str, name: str, **changes: Any) -> EventType:
    try:
        return event_types.put_event_type(project_id, _checked(name), **changes)[0]
    except EventTypeNotFound:
        raise EventTypeMissing from None


def _checked(name: str) -> str:
    """Refuse the name that stands for all event types, which Svix's API does not show."""
    if name == EVERY_TYPE:
        raise EventTypeMissing
    return name


def _changes(sent: dict[str, Any]) -> dict[str, Any]:
    """Return the values that a body changes, by the names that the operation uses."""
    names = {"description": "description", "archived": "is_archived", "deprecated": "is_deprecated"}
    changes: dict[str, Any] = {names[name]: sent[name] for name in names if name in sent}
    if "schemas" in sent:
        changes["json_schema"] = sent["schemas"]
    if "groupName" in sent:
        changes["category"] = sent["groupName"] or ""
    return changes


def _whole(sent: dict[str, Any]) -> dict[str, Any]:
    """Return the changes of a body that replaces everything."""
    return {"category": "", "json_schema": None, "is_archived": False, "is_deprecated": False} | _changes(sent)


def _described(found: dict[str, Any]) -> DescribedDocument:
    return {
        "name": found["name"],
        "description": found["description"],
        "deprecated": False,
        "schemas": schemas_of(found["json_schema"]),
        "groupName": None,
        "featureFlags": None,
    }
