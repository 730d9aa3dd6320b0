"""The documents and bodies of Svix's event types. Contract: docs/contract/svix.md#event-types."""

import re
from typing import Annotated, Any, TypedDict

from rest_framework import serializers

from core.api.documents import Example, Time, component, example
from core.api.fields import Flag, Items, Shape, Text
from core.api.openapi import describe
from core.api.values import wire_time
from projects.models import EventType
from subscriptions.openapi_import import MAX_CHARACTERS
from subscriptions.serializers import AnyJSON

NAME_PATTERN = r"^[a-zA-Z0-9\-_.]{1,255}$"
#: The only version of a schema that an event type has.
VERSION = "1"


class _EventTypeFields(TypedDict):
    name: Annotated[str, "Its name, which messages carry.", Example("order.paid")]
    description: Annotated[str, "The meaning of events of this type.", Example("An order was paid")]
    deprecated: Annotated[bool, "Whether people are asked not to choose it."]
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

    archived: Annotated[bool, "Whether lists leave it out."]
    featureFlag: Annotated[str | None, "Always null."]
    createdAt: Annotated[Time, "When it was created.", Example("2026-11-22T09:15:42.081516Z")]
    updatedAt: Annotated[Time, "When it was last changed.", Example("2026-11-22T09:15:42.081516Z")]


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
        "schemas": schemas_of(row.json_schema) if with_content else None,
        "groupName": row.category or None,
        "featureFlags": None,
        "featureFlag": None,
        "createdAt": wire_time(row.created_at),
        "updatedAt": wire_time(row.updated_at),
    }


def schemas_of(schema: Any) -> dict[str, Any] | None:
    """Return a schema under its version; None where there is none."""
    return None if schema is None else {VERSION: schema}


# Request bodies


class EventTypePatch(Shape):
    """The body that changes an event type; null removes its schemas or its group."""

    document = EventTypeOut
    nullable = frozenset({"schemas", "groupName"})
    description = Text(required=False, max_length=4096)
    archived = Flag(required=False, help_text="True: lists leave it out.")
    deprecated = Flag(required=False, help_text="True: people are asked not to choose it.")
    # REST framework's field writes the value as JSON, which fails where it is nested deeply.
    schemas = AnyJSON(
        required=False, allow_null=True, help_text=f"One JSON Schema of draft 7, as the member `{VERSION}`."
    )
    groupName = Text(required=False, allow_null=True)  # noqa: N815 - the wire's name
    featureFlags = Items(  # noqa: N815
        child=Text(), required=False, max_length=0, help_text="None: this server has no feature flags."
    )

    def validate_schemas(self, schemas: Any) -> Any:
        """Refuse anything but one schema, as only one is kept."""
        if schemas is not None and (not isinstance(schemas, dict) or not schemas.keys() <= {VERSION}):
            raise serializers.ValidationError(f'must be an object with the member "{VERSION}" alone')
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
        if not re.fullmatch(NAME_PATTERN, name):
            raise serializers.ValidationError("a name is 1 to 255 of a-z, A-Z, 0-9, '-', '_' and '.'")
        return name


class EventTypeImportOpenApiIn(Shape):
    """The body that imports event types from an OpenAPI document."""

    spec = serializers.DictField(required=False, help_text="The document as an object.")
    specRaw = Text(required=False, max_length=MAX_CHARACTERS, help_text="The document, YAML or JSON.")  # noqa: N815
    dryRun = Flag(required=False, help_text="Change nothing, and answer what would change.")  # noqa: N815
    replaceAll = Flag(required=False, help_text="Archive the other event types.")  # noqa: N815


_SCHEMA = {
    "type": "object",
    "additionalProperties": {},
    "nullable": True,
    "description": "The JSON Schema of a payload.",
}
_SAID: dict[str, Any] = {
    "schemas": {
        "type": "object",
        "nullable": True,
        "properties": {VERSION: _SCHEMA},
        "additionalProperties": False,
    },
}
describe(EventTypePatch, "svix.EventTypePatch", **_SAID)
describe(EventTypeUpdate, "svix.EventTypeUpdate")
describe(EventTypeIn, "svix.EventTypeIn", name={"pattern": NAME_PATTERN})
describe(EventTypeImportOpenApiIn, "svix.EventTypeImportOpenApiIn")
