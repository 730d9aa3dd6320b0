"""Svix's event types. Contract: docs/contract/svix.md#event-types."""

import re
from typing import Annotated, Any, TypedDict

import orjson
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from core.api.documents import Example, Time, component, example
from core.api.fields import Flag, Shape, Text
from core.api.openapi import Operation, Outcome, body, describe, path_parameter, query
from core.api.values import wire_time
from core.exceptions import Conflict, InvalidInput, NotFound
from projects.exceptions import OwnerKey
from projects.models import EVERY_TYPE, EventType
from subscriptions import event_types
from subscriptions.exceptions import EventTypeNotFound, JsonSchemaRefused, NoWebhooks, SpecRefused
from subscriptions.openapi_import import EXAMPLE_SPEC, MAX_CHARACTERS
from svix_api.base import REFUSED_ALWAYS, REFUSED_BODY, WRONG_FIELDS, SvixView, wrong_field
from svix_api.customers import CustomerView
from svix_api.paging import ITERATOR, LIMIT, PageDocument, page_example, read_page

TAG = "Event types (Svix)"
NAME_PATTERN = r"^[a-zA-Z0-9\-_.]{1,255}$"
#: Before the name in an iterator.
BY_NAME = "name_"
#: The only version of a schema that an event type has.
VERSION = "1"


class EventTypeMissing(NotFound):
    """No such event type."""

    message = EventTypeNotFound.message


class EventTypeExists(Conflict):
    """The name is taken."""

    message = "an event type with this name exists already"


class OneSpec(InvalidInput):
    """None of `spec` and `specRaw`, or both."""

    message = "send the document either as `spec`, an object, or as `specRaw`, a text"


class _EventTypeFields(TypedDict):
    name: Annotated[str, Example("order.paid")]
    description: Annotated[str, Example("An order was paid")]
    deprecated: bool
    schemas: Annotated[
        dict[str, Any] | None,
        f"A JSON Schema under its version, which is `{VERSION}`.",
        Example({VERSION: {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}}),
    ]
    groupName: Annotated[str | None, "Convoy's `category`.", Example("orders")]
    featureFlags: Annotated[list[str] | None, "Always null."]


@component("svix.EventTypeOut")
class EventTypeOut(_EventTypeFields):
    """An event type in Svix's shape."""

    archived: bool
    featureFlag: Annotated[str | None, "Always null."]
    createdAt: Annotated[Time, Example("2026-11-22T09:15:42.081516Z")]
    updatedAt: Annotated[Time, Example("2026-11-22T09:15:42.081516Z")]


@component("svix.EventTypeFromOpenApi")
class DescribedDocument(_EventTypeFields):
    """An event type as an OpenAPI document describes it."""


@component("svix.EventTypeImportOpenApiOutData")
class ImportedDocument(TypedDict):
    """The event types of an import."""

    modified: Annotated[list[str], "The names of those that were created or changed.", Example(["order.paid"])]
    to_modify: Annotated[list[DescribedDocument] | None, "With `dryRun`, those that would be."]


@component("svix.EventTypeImportOpenApiOut")
class ImportDocument(TypedDict):
    """The outcome of an import."""

    data: Annotated[ImportedDocument, Example(example(ImportedDocument))]


def event_type_document(row: EventType, *, with_content: bool = True) -> EventTypeOut:
    """Return an event type as Svix's API shows it; without its content it has no schema."""
    return {
        "name": row.name,
        "description": row.description,
        "archived": row.archived_at is not None,
        "deprecated": row.deprecated_at is not None and row.deprecated_at != row.archived_at,
        "schemas": _schemas(row.json_schema) if with_content else None,
        "groupName": row.category or None,
        "featureFlags": None,
        "featureFlag": None,
        "createdAt": wire_time(row.created_at),
        "updatedAt": wire_time(row.updated_at),
    }


def _schemas(schema: Any) -> dict[str, Any] | None:
    return None if schema is None else {VERSION: schema}


# Request bodies


class EventTypePatch(Shape):
    """The body that changes an event type; schemas or a group of null end them."""

    nullable = frozenset({"schemas", "groupName"})
    description = Text(required=False, max_length=4096)
    archived = Flag(required=False)
    deprecated = Flag(required=False)
    schemas = serializers.JSONField(
        required=False, allow_null=True, help_text=f"One JSON Schema of draft 7, as the member `{VERSION}`."
    )
    groupName = Text(required=False, allow_null=True, help_text="Convoy's `category`.")  # noqa: N815 - the wire's name
    featureFlags = serializers.ListField(  # noqa: N815
        child=Text(), required=False, max_length=0, help_text="None: this server has no feature flags."
    )

    def validate_schemas(self, schemas: Any) -> Any:
        """Refuse anything but one schema, as only one is kept."""
        if schemas is not None and (not isinstance(schemas, dict) or not schemas.keys() <= {VERSION}):
            raise serializers.ValidationError(
                f'must be an object with the member "{VERSION}" alone'
            )
        schema = (schemas or {}).get(VERSION)
        if schema is not None and not isinstance(schema, dict):
            raise serializers.ValidationError("a JSON Schema is an object")
        return schema


class EventTypeUpdate(EventTypePatch):
    """The body that replaces an event type."""

    description = Text(max_length=4096)


class EventTypeIn(EventTypeUpdate):
    """The body that creates an event type."""

    name = Text()

    def validate_name(self, name: str) -> str:
        """Refuse a name that is not written in Svix's alphabet, which a path holds unescaped."""
        if not re.fullmatch(NAME_PATTERN.removesuffix("$"), name):
            raise serializers.ValidationError("a name is 1 to 255 of a-z, A-Z, 0-9, '-', '_' and '.'")
        return name


class EventTypeImportOpenApiIn(Shape):
    """The body that imports event types from an OpenAPI document."""

    spec = serializers.DictField(required=False, help_text="The document as an object.")
    specRaw = Text(required=False, max_length=MAX_CHARACTERS, help_text="The document, YAML or JSON.")  # noqa: N815
    dryRun = Flag(required=False, help_text="Change nothing, and answer what would change.")  # noqa: N815
    replaceAll = Flag(required=False, help_text="Archive the other event types.")  # noqa: N815


_SAID: dict[str, Any] = {
    "schemas": {
        "type": ["object", "null"],
        "properties": {VERSION: {"type": ["object", "null"]}},
        "additionalProperties": False,
    },
}
describe(EventTypePatch, "svix.EventTypePatch", **_SAID)
describe(EventTypeUpdate, "svix.EventTypeUpdate", **_SAID)
describe(EventTypeIn, "svix.EventTypeIn", **_SAID, name={"pattern": NAME_PATTERN})
describe(EventTypeImportOpenApiIn, "svix.EventTypeImportOpenApiIn")

# Operations

EXAMPLE = example(EventTypeOut)
FULL = {
    "description": "An order was paid",
    "schemas": {VERSION: {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}},
    "groupName": "orders",
}
MINIMAL = {"name": "order.paid", "description": "An order was paid"}
NAME = path_parameter("eventTypeName", "The name of the event type.")
CREATED = Outcome("The new event type.", {"It is new": EXAMPLE}, 201, EventTypeOut)
IMPORTED = example(ImportDocument, data={"modified": ["order.created"], "to_modify": None})
DRY = example(ImportDocument, data={"modified": [], "to_modify": [example(DescribedDocument)]})

list_event_types = Operation(
    "v1.event-type.list",
    "List event types (Svix)",
    tag=TAG,
    description="A page of the project's event types, by name.",
    parameters=[
        LIMIT,
        ITERATOR,
        query("order", {"type": "string", "enum": ["ascending", "descending"]}, "The order of the names."),
        query("include_archived", {"type": "boolean", "default": False}, "Whether archived ones are in the list."),
        query("with_content", {"type": "boolean", "default": False}, "Whether `schemas` are in the list."),
    ],
    message="The page.",
    data=PageDocument[EventTypeOut],
    examples={"One event type": page_example(EXAMPLE, prefix=BY_NAME)},
    outcomes=[WRONG_FIELDS],
    refused=REFUSED_ALWAYS[:2],
    envelope=False,
)
create = Operation(
    "v1.event-type.create",
    "Create an event type (Svix)",
    tag=TAG,
    description="Creates an event type; an archived one of the name is replaced, and is archived no longer.",
    request=body(EventTypeIn, {"In full": {"name": "order.paid", **FULL}, "The least": MINIMAL}),
    status=201,
    message="The event type.",
    data=EventTypeOut,
    examples={"In full": EXAMPLE, "The least": example(EventTypeOut, schemas=None, groupName=None)},
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_BODY, JsonSchemaRefused(reason="required: 1 is not of type 'array'"), OwnerKey, EventTypeExists],
    envelope=False,
)
get = Operation(
    "v1.event-type.get",
    "Get an event type (Svix)",
    tag=TAG,
    description="Returns an event type, archived or not.",
    parameters=[NAME],
    message="The event type.",
    data=EventTypeOut,
    examples={"Event type": EXAMPLE},
    refused=[*REFUSED_ALWAYS[:2], EventTypeMissing],
    envelope=False,
)
update = Operation(
    "v1.event-type.update",
    "Replace an event type (Svix)",
    tag=TAG,
    description="Replaces an event type, or creates it where there is none.",
    parameters=[NAME],
    request=body(EventTypeUpdate, {"In full": FULL}),
    message="The event type.",
    data=EventTypeOut,
    examples={"Event type": EXAMPLE},
    outcomes=[CREATED, WRONG_FIELDS],
    refused=[*REFUSED_BODY, JsonSchemaRefused(reason="required: 1 is not of type 'array'"), OwnerKey],
    envelope=False,
)
patch = update.twin(
    "v1.event-type.patch",
    "Change an event type (Svix)",
    description="Changes what is sent of an event type.",
    request=body(EventTypePatch, {"Another description": {"description": "An order was paid in full"}}),
    outcomes=[WRONG_FIELDS],
    refused=[
        *REFUSED_BODY,
        JsonSchemaRefused(reason="required: 1 is not of type 'array'"),
        OwnerKey,
        EventTypeMissing,
    ],
)
delete = Operation(
    "v1.event-type.delete",
    "Archive or delete an event type (Svix)",
    tag=TAG,
    description="Archives an event type, or with `expunge=true` deletes it. Its events are sent as before.",
    parameters=[NAME, query("expunge", {"type": "boolean", "default": False}, "Whether it is deleted.")],
    status=204,
    message="Done.",
    data=type(None),
    examples={},
    refused=[*REFUSED_ALWAYS[:2], OwnerKey, EventTypeMissing],
    envelope=False,
)
import_openapi = Operation(
    "v1.event-type.import-openapi",
    "Import event types from an OpenAPI document (Svix)",
    tag=TAG,
    description="Creates or updates the event types that the webhooks of an OpenAPI document describe, all or none.",
    request=body(
        EventTypeImportOpenApiIn,
        {"Import": {"specRaw": EXAMPLE_SPEC}, "Only look": {"specRaw": EXAMPLE_SPEC, "dryRun": True}},
    ),
    message="The event types.",
    data=ImportDocument,
    examples={"Import": IMPORTED, "Only look": DRY},
    outcomes=[WRONG_FIELDS],
    refused=[*REFUSED_BODY, OneSpec, NoWebhooks, SpecRefused(reason="it is not an object"), OwnerKey],
    envelope=False,
)


# Views


class EventTypes(CustomerView):
    """The event types of the key's project."""

    http_method_names = ["get", "head", "post", "options"]

    @list_event_types
    def get(self, request: Request) -> PageDocument[EventTypeOut]:
        """Return a page."""
        rows = EventType.objects.filter(project_id=self.key_project).exclude(name=EVERY_TYPE)
        if request.query_params.get("include_archived") != "true":
            rows = rows.filter(archived_at=None)
        with_content = request.query_params.get("with_content") == "true"
        return read_page(
            request, rows, BY_NAME, lambda row: event_type_document(row, with_content=with_content), by_name=True
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
        if not re.fullmatch(NAME_PATTERN.removesuffix("$"), eventTypeName):
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
        if request.query_params.get("expunge") != "true":
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
        text = sent["specRaw"] if "specRaw" in sent else orjson.dumps(sent["spec"]).decode()
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
    """Refuse the name that stands for all event types, which is shown as none."""
    if name == EVERY_TYPE:
        raise EventTypeMissing
    return name


def _changes(sent: dict[str, Any]) -> dict[str, Any]:
    """Return what a body changes, by the names that the operation has for it."""
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
        "schemas": _schemas(found["json_schema"]),
        "groupName": None,
        "featureFlags": None,
    }
